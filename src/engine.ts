/** The pipeline on one screen: read -> translate -> optimise -> run on the device -> frame, and CPU polars wherever that fails. */

import type { Config } from "./config.ts";
import { DeviceError, InternalError, OutOfDeviceMemoryError, UnsupportedError } from "./errors.ts";
import { runInMemory } from "./executors/in-memory.ts";
import type { StreamingRun } from "./executors/streaming.ts";
import { lowered, runStreaming } from "./executors/streaming.ts";
import { releaseTable } from "./executors/table.ts";
import { PolarsDictionaries } from "./fallback/dictionaries.ts";
import { exportFrame, stacked } from "./fallback/export.ts";
import type { PartitionSize } from "./fallback/partitions.ts";
import { rowBytes } from "./fallback/partitions.ts";
import { PolarsSources } from "./fallback/polars-sources.ts";
import type { QueryReport } from "./fallback/report.ts";
import { fallbackWarning } from "./fallback/report.ts";
import { Residents } from "./fallback/residents.ts";
import type { DeviceStats } from "./gpu/device.ts";
import { Device } from "./gpu/device.ts";
import { explain, nodeReports } from "./ir/explain.ts";
import { optimize } from "./ir/optimize/optimize.ts";
import type { Plan } from "./ir/plan.ts";
import { sameSchema } from "./ir/schema.ts";
import { postorder } from "./ir/traversal.ts";
import { exactText } from "./polars/dsl-text.ts";
import type { PolarsModule } from "./polars/module.ts";
import type { NativeDataFrame } from "./polars/native.ts";
import { SchemaOracle } from "./polars/oracle.ts";
import type { ReadPlan, TrackedPlan } from "./polars/plan-reading.ts";
import { readPlan } from "./polars/plan-reading.ts";
import { RecentlyUsed } from "./polars/recently-used.ts";
import { versionObjection } from "./polars/version.ts";
import { cpuNodes, translate } from "./translate/translate.ts";

/** A query as interception hands it over. */
export interface Query {
  readonly module: PolarsModule;
  readonly tracked: TrackedPlan | { readonly untracked: string };
}

/** A plan that is ready to run, or why CPU polars has to answer the whole query. */
type Planned = { readonly read: ReadPlan; readonly plan: Plan } | { readonly reasons: readonly string[]; readonly quiet: boolean };

/** Rows of a batch are chosen so that this many words for each of them fit one binding. */
const WORDS_FOR_EACH_ROW = 8;

/** Partitions of a source that should fit into the memory limit together with what is made of them. */
const PARTITIONS_IN_MEMORY = 16;

/** By how much partitions are smaller in the first run of a query, and in those after one that ran out of memory. */
const SHRINKING = [1, 4, 16] as const;

/** Plans that an engine remembers. */
const PLANS = 128;

const readsFiles = (plan: Plan): boolean =>
  postorder(plan).some((node) => node.kind === "scan" || (node.kind === "cpu" && node.dsl.includes('"Scan"')));

export class Engine {
  readonly config: Config;
  readonly residents = new Residents();
  readonly #oracles = new WeakMap<PolarsModule, SchemaOracle>();
  #device: Promise<Device> | null = null;
  #lastQuery: QueryReport | null = null;
  /** Optimised plans by the text of what was collected; a plan that reads files is made anew, since their schema may change. */
  readonly #plans = new RecentlyUsed<string, Plan>(PLANS);
  /** Queries on the device now: a failure is forgotten only when no other query could miss it. */
  #running = 0;

  constructor(config: Config) {
    this.config = config;
  }

  get lastQuery(): QueryReport | null {
    return this.#lastQuery;
  }

  /** Counts and memory of the device; null while none is open. */
  async deviceStats(): Promise<DeviceStats | null> {
    return (await this.#device?.catch(() => null))?.stats ?? null;
  }

  /**
   * The result of the query on the device, or null where CPU polars has to answer it (with the warning given).
   * @throws UnsupportedError with `raiseOnFail`, when any node would run on the CPU.
   */
  async collect(query: Query): Promise<NativeDataFrame | null> {
    const start = performance.now();
    const planned = this.#plan(query);
    if ("reasons" in planned) return this.#fallback(planned.reasons, planned.quiet);
    const { plan } = planned;
    const cpu = cpuNodes(plan);
    const reasons = [...new Set(cpu.flatMap((node) => node.reasons))];
    if (cpu.length > 0 && this.config.raiseOnFail) throw new UnsupportedError(reasons);
    if (plan.kind === "cpu" && plan.inputs.length === 0) return this.#fallback(reasons, false);
    if (cpu.length > 0) this.config.warn(fallbackWarning(reasons, false));
    try {
      return await this.#run(query.module, planned.read, plan, performance.now() - start);
    } catch (error) {
      return this.#afterFailure(error);
    }
  }

  /** The optimised plan with the place and reasons of every node. */
  explain(query: Query): string {
    const planned = this.#plan(query);
    return "reasons" in planned ? `CPU: the whole query\n${planned.reasons.map((r) => `  ${r}`).join("\n")}` : explain(planned.plan);
  }

  /** Frees the device and everything on it; the engine opens another one when it is used again. */
  async close(): Promise<void> {
    const device = this.#device;
    await this.residents.releaseAll();
    this.#device = null;
    (await device?.catch(() => null))?.destroy();
  }

  #plan({ module, tracked }: Query): Planned {
    const objection = versionObjection(module.version);
    if (objection !== null) return { reasons: [objection], quiet: false };
    if ("untracked" in tracked) return { reasons: [tracked.untracked], quiet: false };
    const read = readPlan(tracked);
    if ("unreadable" in read) return { reasons: [read.unreadable], quiet: false };
    const key = this.#keyOf(module, read);
    const known = this.#plans.get(key);
    return known === undefined ? this.#translate(module, read, key) : { read, plan: known };
  }

  /** Everything that decides a plan: the copy of polars, the query exactly, and the columns of its frames. */
  #keyOf(module: PolarsModule, read: ReadPlan): string {
    const oracle = this.#oracle(module);
    return [module.folder, exactText(read.plan), ...[...read.sources].map(([id, frame]) => `${id}:${oracle.leaf(frame).key}`)].join("\n");
  }

  #translate(module: PolarsModule, read: ReadPlan, key: string): Planned {
    const translation = translate({ native: module.native, oracle: this.#oracle(module) }, read);
    if ("rejected" in translation) return { reasons: [translation.rejected.error.message], quiet: translation.rejected.kind === "polars" };
    const plan = optimize(translation.plan, { disabled: new Set(this.config.disableRules) });
    if (!sameSchema(plan.schema, translation.plan.schema)) throw new InternalError("the optimiser changed the schema of the result");
    if (!readsFiles(plan)) this.#plans.set(key, plan);
    return { read, plan };
  }

  async #run(module: PolarsModule, read: ReadPlan, plan: Plan, planMs: number): Promise<NativeDataFrame> {
    const device = await this.#open();
    if (this.#running === 0) device.recover();
    this.#running += 1;
    device.profile(this.config.profile);
    try {
      return await device.scope(() => this.#runOn(device, module, read, plan, planMs));
    } finally {
      this.#running -= 1;
    }
  }

  /** Once more with smaller partitions where memory runs out, as long as that can help. */
  async #runOn(device: Device, module: PolarsModule, read: ReadPlan, plan: Plan, planMs: number): Promise<NativeDataFrame> {
    const before = device.stats;
    const start = performance.now();
    for (const shrink of this.config.executor === "streaming" ? SHRINKING : [1]) {
      const sources = new PolarsSources(module, device, read.sources, this.residents, this.#partitionSize(device, shrink));
      try {
        const frame = await (this.config.executor === "in-memory" ? this.#inMemory : this.#streaming)(module, device, sources, plan);
        this.#lastQuery = await this.#report(plan, device, before, planMs, performance.now() - start);
        return frame;
      } catch (error) {
        const last = this.config.executor === "in-memory" || shrink === SHRINKING.at(-1);
        if (!(error instanceof OutOfDeviceMemoryError) || last || this.#running > 1) throw error;
        device.recover();
        device.trim();
      }
    }
    throw new InternalError("a query that was not run");
  }

  readonly #inMemory = async (module: PolarsModule, device: Device, sources: PolarsSources, plan: Plan): Promise<NativeDataFrame> => {
    const dictionaries = new PolarsDictionaries(module.native, device);
    try {
      const table = await runInMemory({ device, dictionaries, sources }, plan);
      try {
        return await exportFrame(module.native, device, table.batches, plan.schema);
      } finally {
        releaseTable(table);
      }
    } finally {
      await dictionaries.close();
    }
  };

  readonly #streaming = async (module: PolarsModule, device: Device, sources: PolarsSources, plan: Plan): Promise<NativeDataFrame> => {
    const context = () => {
      const dictionaries = new PolarsDictionaries(module.native, device);
      return { context: { device, dictionaries, sources }, close: () => dictionaries.close() };
    };
    const run: StreamingRun = { config: this.config, device, context, signal: null, listen: null };
    const root = await lowered(run, context().context, plan);
    const { parts } = await runStreaming(run, root, (tables) =>
      exportFrame(
        module.native,
        device,
        tables.flatMap((t) => t.batches),
        plan.schema,
      ),
    );
    return stacked(parts);
  };

  async #report(plan: Plan, device: Device, before: DeviceStats, planMs: number, gpuMs: number): Promise<QueryReport> {
    const after = device.stats;
    return {
      nodes: nodeReports(plan),
      fallback: null,
      adapter: device.adapter.description,
      gpuMs,
      planMs,
      dispatches: after.dispatches - before.dispatches,
      roundTrips: after.roundTrips - before.roundTrips,
      bytesUp: after.bytesUp - before.bytesUp,
      bytesDown: after.bytesDown - before.bytesDown,
      kernels: this.config.profile ? await device.takeProfile() : new Map(),
    };
  }

  #fallback(reasons: readonly string[], quiet: boolean): null {
    if (!quiet && this.config.raiseOnFail) throw new UnsupportedError(reasons);
    if (!quiet) this.config.warn(fallbackWarning(reasons, true));
    this.#lastQuery = {
      nodes: [{ name: "query", where: "CPU", reason: reasons.join("; ") }],
      fallback: reasons.join("; "),
      adapter: "",
      gpuMs: 0,
      planMs: 0,
      dispatches: 0,
      roundTrips: 0,
      bytesUp: 0,
      bytesDown: 0,
      kernels: new Map(),
    };
    return null;
  }

  /** Failures of the device and of ourselves are answered by CPU polars; so is what CPU polars threw, which then throws it again. */
  #afterFailure(error: unknown): null {
    const message = error instanceof Error ? error.message : String(error);
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

  #open(): Promise<Device> {
    if (this.#device === null) {
      const opening = Device.open(this.#deviceOptions());
      this.#device = opening;
      opening.catch(() => {
        if (this.#device === opening) this.#device = null;
      });
    }
    return this.#device;
  }

  /** Partitions of a frame have the rows that are asked for, else as many as a binding holds, and a share of the memory limit. */
  #partitionSize(device: Device, shrink: number): PartitionSize {
    const { executor, executorOptions, origins } = this.config;
    const { maxRowsPerPartition, targetPartitionSize } = executorOptions;
    const streaming = executor === "streaming";
    const asked = streaming && origins["executorOptions.maxRowsPerPartition"] !== "default";
    const byBinding = Math.floor(device.limits.bindingBytes / (4 * WORDS_FOR_EACH_ROW));
    const share =
      this.config.deviceMemoryLimit === null || !streaming ? Number.POSITIVE_INFINITY : device.memoryLimit / PARTITIONS_IN_MEMORY;
    return {
      bound: (schema) => Math.max(1, Math.floor(Math.min(byBinding, share / rowBytes(schema)) / shrink)),
      frameRows: asked ? maxRowsPerPartition : null,
      fileBytes: streaming && targetPartitionSize > 0 ? targetPartitionSize : null,
    };
  }
}
