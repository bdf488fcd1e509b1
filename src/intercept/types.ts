/** What `collect({ engine })` accepts, for TypeScript: importing polars-webgpu adds the overloads to nodejs-polars' own types. */
import type { DataFrame } from "nodejs-polars";
import type { Schema } from "nodejs-polars/bin/dataframe.js";
import type { LazyOptions } from "nodejs-polars/bin/types.js";
import type { Progress } from "../engine/query-options.ts";

/** Marks the objects that may stand for the GPU engine; several copies of polars-webgpu share it. */
export const gpuEngineMark: unique symbol = Symbol.for("polars-webgpu.engine");

/** An engine object: what `new GPUEngine()` is. */
export interface GpuEngineObject {
  readonly [gpuEngineMark]: true;
}

/** Values of `engine` that polars-webgpu answers to. */
export type GpuEngineOption = "gpu" | GpuEngineObject;
/** Options of a `collect` that runs on the GPU. The optimisation flags matter where CPU polars runs a part of the query. */
export type GpuCollectOptions = LazyOptions & {
  readonly engine: GpuEngineOption;
  /** Ends the query when it is aborted: `collect` rejects with the signal's reason. Not heard by CPU polars, once that runs. */
  readonly signal?: AbortSignal;
  /** Called after each operation on a partition, by the streaming executor. */
  readonly onProgress?: (progress: Progress) => void;
};

declare module "nodejs-polars/bin/lazy/dataframe.js" {
  // biome-ignore lint/suspicious/noExplicitAny: declarations of one interface must repeat its type parameters to the letter
  interface LazyDataFrame<S extends Schema = any> {
    /** Runs the plan on the GPU. What the GPU cannot run, CPU polars does. */
    collect(options: GpuCollectOptions): Promise<DataFrame<S>>;
  }
}
