/** The pipeline on one screen: read -> translate -> optimise -> run on the device -> frame, and CPU polars wherever that fails. */

import type { Config } from "./config.ts";
import { execute, physicalPlan } from "./engine/execution.ts";
import { Placer } from "./engine/placement/placer.ts";
import type { QueryOptions } from "./engine/query-options.ts";
import { stack } from "./engine/receiver.ts";
import { cpuReport, deviceReport } from "./engine/report.ts";
import { type Sink, sinkName, sinkOf, sinkReceiver, sinkRefusal } from "./engine/sink.ts";
import { DeviceError, InternalError, UnsupportedError } from "./errors.ts";
import { type PhysicalReport, physicalReport } from "./executors/physical/explain.ts";
import { type QueryProfile, queryProfile } from "./executors/query-profile.ts";
import type { PlacementReport, QueryReport } from "./fallback/report.ts";
import { fallbackWarning } from "./fallback/report.ts";
import { Residents } from "./fallback/residents.ts";
import type { DeviceStats } from "./gpu/device.ts";
import { Device } from "./gpu/device.ts";
import { explain } from "./ir/explain.ts";
import { optimize } from "./ir/optimize/optimize.ts";
import type { Plan } from "./ir/plan.ts";
import { sameSchema } from "./ir/schema.ts";
import { postorder } from "./ir/traversal.ts";
import { exactText } from "./polars/dsl-text.ts";
import { dtypeToDsl } from "./polars/dtypes.ts";
import type { PolarsModule } from "./polars/module.ts";
import type { NativeDataFrame } from "./polars/native.ts";
import { isOracleError, SchemaOracle } from "./polars/oracle.ts";
import type { ReadPlan, Sketch, TrackedPlan } from "./polars/plan-reading.ts";
import { readPlan } from "./polars/plan-reading.ts";
import { RecentlyUsed } from "./polars/recently-used.ts";
import type { SinkCall } from "./polars/sink.ts";
import { versionObjection } from "./polars/version.ts";
import { cpuNodes, translate } from "./translate/translate.ts";

/** A query as interception hands it over. */
export interface Query {
  readonly module: PolarsModule;
  /** The plan that gives the rows. */
  readonly tracked: TrackedPlan | { readonly untracked: string };
  /** Where the rows go; null: to the caller. */
  readonly sink: SinkCall | null;
  /** What is known without `tracked`; null for what is untracked. */
  readonly sketch: Sketch | null;
}

/** What the device of an engine has done and holds. */
export interface EngineStats extends DeviceStats {
  /** Bytes, of those that are allocated, in columns that stay for later queries: see `persist` and the option `residentMemoryLimit`. */
  readonly residentBytes: number;
}

interface Ready {
  readonly read: ReadPlan;
  readonly plan: Plan;
  readonly sink: Sink | null;
}

interface Placed extends Ready {
  readonly placement: PlacementReport | null;
}

interface Ran {
  readonly frame: NativeDataFrame;
  /** Whether nothing was compiled, and nothing moved that stays: another run takes as long. */
  readonly steady: boolean;
}

/** A plan that is ready to run, or why CPU polars has to answer the whole query. */
type Planned = Ready | Refused;

interface Refused {
  readonly reasons: readonly string[];
  readonly quiet: boolean;
}

/** Plans that an engine remembers. */
const PLANS = 128;

const readsFiles = (plan: Plan): boolean =>
  postorder(plan).some((node) => node.kind === "scan" || (node.kind === "cpu" && node.dsl.includes('"Scan"')));

export class Engine {
  readonly config: Config;
  readonly residents: Residents;
  readonly #placer: Placer;
  readonly #oracles = new WeakMap<PolarsModule, SchemaOracle>();
  #device: Promise<Device> | null = null;
  /** Whether a device was opened, or tried to be, before a query needed it. */
  #opensAhead = false;
  #lastQuery: QueryReport | null = null;
  #lastProfile: QueryProfile | null = null;
  /** Optimised plans by the text of what was collected; a plan that reads files is made anew, since their schema may change. */
  readonly #plans = new RecentlyUsed<string, Plan>(PLANS);
  /** Those texts, which are long to make. */
  readonly #keys = new WeakMap<ReadPlan, string>();
  /** Queries on the device now: a failure is forgotten only when no other query could miss it. */
  #running = 0;
  /** Queries that wait for those to end. */
  #waiting: (() => void)[] = [];

  constructor(config: Config) {
    this.config = config;
    this.residents = new Residents(config.residentMemoryLimit);
    this.#placer = new Placer(this.residents);
  }

  get lastQuery(): QueryReport | null {
    return this.#lastQuery;
  }

  /** What the last query did node by node; null unless it was profiled, and ran by the streaming executor. */
  get lastProfile(): QueryProfile | null {
    return this.#lastProfile;
  }

  /** Counts and memory of the device; null while none is open. */
  async deviceStats(): Promise<EngineStats | null> {
    const device = await this.#device?.catch(() => null);
    return device === null || device === undefined ? null : { ...device.stats, residentBytes: this.residents.bytes };
  }

  /**
   * The result of the query on the device, or null where CPU polars has to answer it (with the warning given); how long that took is told
   * to `ranOnCpu`.
   * @throws UnsupportedError with `raiseOnFail`, when any node would run on the CPU.
   */
  async collect(query: Query, asked: Partial<QueryOptions> = {}): Promise<NativeDataFrame | null> {
    const options: QueryOptions = { signal: null, onProgress: null, profile: this.config.profile, ...asked };
    options.signal?.throwIfAborted();
    const start = performance.now();
    const sketch = this.config.placement === "auto" && asked.profile !== true ? query.sketch : null;
    const early = sketch === null ? null : this.#placer.early(sketch);
    if (early?.side === "CPU") return this.#onCpu(early);
    const planned = this.#plan(query);
    if ("reasons" in planned) return this.#fallback(planned.reasons, planned.quiet);
    const { plan, sink } = planned;
    const cpu = cpuNodes(plan);
    const reasons = [...new Set(cpu.flatMap((node) => node.reasons))];
    if (cpu.length > 0 && this.config.raiseOnFail) throw new UnsupportedError(reasons);
    if (plan.kind === "cpu" && plan.inputs.length === 0) return this.#fallback(reasons, false);
    const refusal = sink === null ? null : await sinkRefusal(sink, this.#emptyOf(query.module, plan));
    if (refusal !== null) return this.#fallback([refusal.reason], refusal.quiet);
    const placement = sketch === null ? null : (early ?? (await this.#placer.place(sketch, plan, planned.read)));
    if (placement?.side === "CPU") return this.#onCpu(placement);
    if (cpu.length > 0) this.config.warn(fallbackWarning(reasons, false));
    try {
      const { frame, steady } = await this.#run(query, { ...planned, placement }, options, performance.now() - start);
      options.signal?.throwIfAborted();
      if (sketch !== null) this.#placer.ranOnGpu(sketch, performance.now() - start, steady);
      return frame;
    } catch (error) {
      if (options.signal?.aborted === true) throw options.signal.reason;
      if (sketch !== null) this.#placer.failedOnGpu(sketch);
      return this.#afterFailure(error);
    }
  }

  /** What CPU polars took for a query that it had to answer. */
  ranOnCpu({ sketch }: Query, ms: number): void {
    if (sketch !== null) this.#placer.ranOnCpu(sketch, ms);
  }

  /** CPU polars is sooner. Where the device would be once it is open, it is opened meanwhile. */
  #onCpu(placement: PlacementReport): null {
    this.#lastQuery = cpuReport([`placement: ${placement.reason}`], placement);
    const { cpuMs, gpuMs } = placement;
    if (cpuMs !== null && gpuMs !== null && gpuMs < cpuMs && !this.#opensAhead) {
      this.#opensAhead = true;
      void this.#open().catch(() => undefined);
    }
    return null;
  }

  /** The optimised plan with the place and reasons of every node. */
  explain(query: Query): string {
    const planned = this.#plan(query);
    const text = "reasons" in planned ? `CPU: the whole query\n${planned.reasons.map((r) => `  ${r}`).join("\n")}` : explain(planned.plan);
    return this.#underSink(query, "CPU ", text);
  }

  /** The tree below the sink of the query, if it has one. */
  #underSink(query: Query, where: string, text: string): string {
    const sink = this.sinkOf(query);
    return sink === null ? text : `${where}${sinkName(sink)}\n${text.replace(/^/gm, "  ")}`;
  }

  /** The operations on partitions that the query would be run by. @throws UnsupportedError where CPU polars answers the whole query. */
  async physicalPlan(query: Query): Promise<PhysicalReport> {
    const planned = this.#plan(query);
    if ("reasons" in planned) throw new UnsupportedError(planned.reasons);
    const device = await this.#open();
    const { config, residents } = this;
    const report = await physicalPlan({ config, device, module: query.module, read: planned.read, residents, plan: planned.plan });
    return { ...report, text: this.#underSink(query, "", report.text) };
  }

  /** Frees the device and everything on it; the engine opens another one when it is used again. */
  async close(): Promise<void> {
    const device = this.#device;
    this.#device = null;
    this.#opensAhead = false;
    this.#placer.closed();
    // First, so that no query loads what stays onto it while it goes.
    (await device?.catch(() => null))?.destroy();
    await this.residents.releaseAll();
  }

  /** The sink as this engine writes it; null for none, and where CPU polars is left alone. */
  sinkOf({ module, sink }: Query): Sink | null {
    return sink === null || versionObjection(module.version) !== null ? null : sinkOf(module, sink, this.config);
  }

  #plan(query: Query): Planned {
    const { module, tracked } = query;
    const objection = versionObjection(module.version);
    if (objection !== null) return { reasons: [objection], quiet: false };
    const sink = this.sinkOf(query);
    if (sink !== null && sink.file.unusual !== null) return { reasons: [sink.file.unusual], quiet: false };
    if ("untracked" in tracked) return { reasons: [tracked.untracked], quiet: false };
    const read = readPlan(tracked);
    if ("unreadable" in read) return { reasons: [read.unreadable], quiet: false };
    const key = this.#keyOf(module, read);
    const known = this.#plans.get(key);
    if (known !== undefined) return { read, plan: known, sink };
    const translated = this.#translate(module, read, key);
    return "quiet" in translated ? translated : { read, plan: translated, sink };
  }

  /** Everything that decides a plan: the copy of polars, the query exactly, and the columns of its frames. */
  #keyOf(module: PolarsModule, read: ReadPlan): string {
    const known = this.#keys.get(read);
    if (known !== undefined) return known;
    const oracle = this.#oracle(module);
    const leaves = [...read.sources].map(([id, frame]) => `${id}:${oracle.leaf(frame).key}`);
    const key = [module.folder, exactText(read.plan), ...leaves].join("\n");
    this.#keys.set(read, key);
    return key;
  }

  #translate(module: PolarsModule, read: ReadPlan, key: string): Plan | Refused {
    const translation = translate({ native: module.native, oracle: this.#oracle(module) }, read);
    if ("rejected" in translation) return { reasons: [translation.rejected.error.message], quiet: translation.rejected.kind === "polars" };
    const plan = optimize(translation.plan, { disabled: new Set(this.config.disableRules) });
    if (!sameSchema(plan.schema, translation.plan.schema)) throw new InternalError("the optimiser changed the schema of the result");
    if (!readsFiles(plan)) this.#plans.set(key, plan);
    return plan;
  }

  /** A frame with the columns of a plan and no rows; null where polars makes none by itself. */
  #emptyOf(module: PolarsModule, { schema }: Plan): NativeDataFrame | null {
    const zero = this.#oracle(module).ofFields(schema.map((f) => [f.name, dtypeToDsl(f.dtype)]));
    return isOracleError(zero) ? null : zero.frame;
  }

  async #run(query: Query, ready: Placed, options: QueryOptions, planMs: number): Promise<Ran> {
    const device = await this.#enter();
    device.profile(options.profile);
    try {
      return await device.scope(() => this.#runOn(device, query, ready, options, planMs));
    } finally {
      this.#running -= 1;
      for (const wake of this.#waiting.splice(0)) wake();
    }
  }

  /** A device without a failure: after one, newcomers wait until it has ended all queries that it may have spoilt. */
  async #enter(): Promise<Device> {
    if ((await this.#open()).isLost) await this.#forgetLostDevice();
    for (;;) {
      const device = await this.#open();
      if (device.isFaulty && !device.isLost && this.#running > 0) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
      else {
        if (this.#running === 0) device.recover();
        this.#running += 1;
        return device;
      }
    }
  }

  async #runOn(device: Device, query: Query, { read, plan, sink, placement }: Placed, options: QueryOptions, planMs: number): Promise<Ran> {
    const before = device.stats;
    const residentBytes = this.residents.bytes;
    const start = performance.now();
    const { module } = query;
    const { config, residents } = this;
    const { frame, streaming } = await execute({
      config,
      device,
      module,
      read,
      residents,
      plan,
      options,
      receive: sink === null ? stack : sinkReceiver(sink, options.signal),
      alone: () => this.#running === 1,
    });
    const ms = performance.now() - start;
    const times = options.profile ? await device.takeProfile() : null;
    this.#lastQuery = deviceReport(plan, sink, device, before, planMs, ms, times, placement);
    this.#lastProfile =
      streaming === null || !options.profile
        ? null
        : queryProfile(
            config.executorOptions.engine,
            physicalReport(streaming.physical).text,
            ms,
            streaming.trace,
            streaming.spilled,
            device.features.timestamps ? times : null,
          );
    return { frame, steady: device.stats.pipelines === before.pipelines && this.residents.bytes === residentBytes };
  }

  #fallback(reasons: readonly string[], quiet: boolean): null {
    if (!quiet && this.config.raiseOnFail) throw new UnsupportedError(reasons);
    if (!quiet) this.config.warn(fallbackWarning(reasons, true));
    this.#lastQuery = cpuReport(reasons, null);
    return null;
  }

  /** Failures of the device and of ourselves are answered by CPU polars; so is what CPU polars threw, which then throws it again. */
  #afterFailure(error: unknown): null {
    const message = error instanceof Error ? error.message : String(error);
    // Only of what was asked to be raised.
    if (error instanceof UnsupportedError) throw error;
    if (error instanceof DeviceError) {
      void this.#forgetLostDevice();
      if (this.config.raiseOnFail) throw error;
      return this.#fallback([`${error.name}: ${message}`], false);
    }
    if (error instanceof InternalError) {
      if (this.config.raiseOnFail) throw error;
      return this.#fallback([`a bug of polars-webgpu, please report it: ${message}`], false);
    }
    return this.#fallback([message], true);
  }

  /** The next query opens a new device. */
  async #forgetLostDevice(): Promise<void> {
    const current = this.#device;
    const device = await current?.catch(() => null);
    if (device?.isLost !== true || this.#device !== current) return;
    this.#device = null;
    this.#placer.closed();
    await this.residents.releaseAll();
  }

  #oracle(module: PolarsModule): SchemaOracle {
    const oracle = this.#oracles.get(module) ?? new SchemaOracle(module);
    this.#oracles.set(module, oracle);
    return oracle;
  }

  #deviceOptions() {
    const { adapter, limits, deviceMemoryLimit, maxBindingBytes } = this.config;
    return {
      adapter,
      limits,
      ...(deviceMemoryLimit === null ? {} : { memoryLimit: deviceMemoryLimit }),
      ...(maxBindingBytes === null ? {} : { maxBindingBytes }),
    };
  }

  async #newDevice(): Promise<Device> {
    const device = await Device.open(this.#deviceOptions());
    try {
      if (this.config.placement === "auto") await this.#placer.opened(device);
      return device;
    } catch (error) {
      device.destroy();
      throw error;
    }
  }

  #open(): Promise<Device> {
    if (this.#device === null) {
      const opening = this.#newDevice();
      this.#device = opening;
      opening.catch(() => {
        if (this.#device === opening) this.#device = null;
      });
    }
    return this.#device;
  }
}
