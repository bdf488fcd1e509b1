/** Puts polars-webgpu into nodejs-polars: `collect({ engine })` asks the hooks, everything else stays as it is. */
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import type { LazyOptions } from "nodejs-polars/bin/types.js";
import { ConfigError } from "../errors.ts";
import type { PolarsModule } from "../polars/module.ts";
import type { NativeLazyFrame } from "../polars/native.ts";
import type { Sketch, TrackedPlan } from "../polars/plan-reading.ts";
import type { SinkCall } from "../polars/sink.ts";
import type { Untracked } from "./shadow.ts";
import { Tracking } from "./tracking.ts";
import { type GpuCollectOptions, type GpuEngineOption, gpuEngineMark } from "./types.ts";

/** A collect that names the GPU engine. */
export interface CollectRequest {
  readonly module: PolarsModule;
  readonly engine: GpuEngineOption;
  /** Exactly what the caller passed. */
  readonly options: GpuCollectOptions;
  /** The plan and its frames, or why they are unknown. */
  readonly tracked: TrackedPlan | Untracked;
  /** The sink that the frame is, whose input `tracked` is about; null for a frame that gives rows. */
  readonly sink: SinkCall | null;
  /** What is known without `tracked`, which takes longer to say. */
  readonly sketch: Sketch | null;
  /** What nodejs-polars itself would have answered: same result, same errors. `plan` runs in place of the frame's own. */
  runOnCpu(plan?: NativeLazyFrame): Promise<DataFrame>;
}

export type CollectQuery = Pick<CollectRequest, "module" | "tracked" | "sink" | "sketch">;

export interface CollectHooks {
  /** Resolves to what the user's `collect` returns. */
  collect(request: CollectRequest): Promise<DataFrame>;
}

/**
 * What was done is written down where it was done, so that a second copy of polars-webgpu finds it: the tracking on the native module,
 * which several copies of nodejs-polars may share, and the hooks on the wrappers, of which each copy has its own.
 */
const TRACKING = Symbol.for("polars-webgpu.tracking");
const HOOKS = Symbol.for("polars-webgpu.hooks");

/** Whether a value of `engine` asks for the GPU. */
export function isGpuEngine(engine: unknown): engine is GpuEngineOption {
  return engine === "gpu" || (typeof engine === "object" && engine !== null && Reflect.get(engine, gpuEngineMark) === true);
}

/**
 * Patches one copy of nodejs-polars; a second call only replaces the hooks. Frames made before are not affected: DataFrames work all the
 * same, a LazyDataFrame made before keeps ignoring `engine`.
 */
export function install(module: PolarsModule, hooks: CollectHooks): Tracking {
  const tracking = trackingOf(module) ?? newTracking(module);
  if (hooksOf(module) === undefined) interceptCollect(module, tracking);
  Reflect.set(module.lazyWrappers, HOOKS, hooks);
  return tracking;
}

/** The tracking of a copy, or undefined where nothing is installed. */
export function trackingOf(module: PolarsModule): Tracking | undefined {
  return Reflect.get(module.native, TRACKING) as Tracking | undefined;
}

function newTracking(module: PolarsModule): Tracking {
  const tracking = new Tracking(module);
  tracking.install();
  Object.defineProperty(module.native, TRACKING, { value: tracking });
  return tracking;
}

function hooksOf(module: PolarsModule): CollectHooks | undefined {
  return Reflect.get(module.lazyWrappers, HOOKS) as CollectHooks | undefined;
}

/** Defines `pl[name]` on everything that users may hold as `pl`. */
export function defineOnPolars(module: PolarsModule, name: string, value: unknown): void {
  for (const namespace of module.namespaces)
    Object.defineProperty(namespace, name, { value, enumerable: true, configurable: true, writable: true });
}

/** nodejs-polars makes LazyDataFrames with a factory that it looks up at every call. */
function interceptCollect(module: PolarsModule, tracking: Tracking): void {
  const { lazyWrappers } = module;
  const make = lazyWrappers._LazyDataFrame;
  lazyWrappers._LazyDataFrame = (native) => {
    const frame = make(native);
    const { collect, collectSync } = frame;
    frame.collect = (...args: Parameters<LazyDataFrame["collect"]>) => {
      const [options] = args;
      const hooks = hooksOf(module);
      if (hooks === undefined || !asksForGpu(options)) return collect.apply(frame, args);
      const { engine } = options;
      const runOnCpu: CollectRequest["runOnCpu"] = (plan) =>
        settled(() => (plan === undefined ? collect : make(plan).collect)(cpuOptions(options)));
      const query = queryOf(module, tracking, native);
      return settled(() => hooks.collect(Object.assign(query, { engine, options, runOnCpu })));
    };
    frame.collectSync = (...args: Parameters<LazyDataFrame["collectSync"]>) => {
      if (asksForGpu(args[0]))
        throw new ConfigError(
          `collectSync cannot run on the GPU, whose work is asynchronous: write \`await frame.collect({ engine: ${engineText(args[0].engine)} })\``,
        );
      return collectSync.apply(frame, args);
    };
    return frame;
  };
}

/** What throws at once rejects instead. */
async function settled<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

/** What is known of a native lazy frame of `module`; its plan is made when it is first asked for. */
export function queryOf(module: PolarsModule, tracking: Tracking, native: unknown): CollectQuery {
  if (!isLazyOf(module, native))
    return {
      module,
      tracked: { untracked: native instanceof Error ? native.message : "the lazy frame holds no plan" },
      sink: null,
      sketch: null,
    };
  const sink = tracking.sinkOf(native);
  const input = sink?.input ?? native;
  let tracked: TrackedPlan | Untracked | undefined;
  return {
    module,
    get tracked() {
      tracked ??= tracking.planOf(input, module);
      return tracked;
    },
    sink,
    sketch: tracking.sketchOf(input),
  };
}

const isLazyOf = ({ native }: PolarsModule, frame: unknown): frame is NativeLazyFrame => frame instanceof native.JsLazyFrame;

function asksForGpu(options: unknown): options is GpuCollectOptions {
  return typeof options === "object" && options !== null && isGpuEngine(Reflect.get(options, "engine"));
}

/** nodejs-polars writes into the options it gets, and any options at all reset the optimisation flags: it must see the caller's own, if any. */
function cpuOptions({ engine: _, signal: __, onProgress: ___, ...options }: GpuCollectOptions): LazyOptions | undefined {
  return Object.keys(options).length === 0 ? undefined : options;
}

function engineText(engine: GpuEngineOption): string {
  return engine === "gpu" ? '"gpu"' : "engine";
}
