/** Joins the two halves: `collect({ engine })` of every copy of nodejs-polars runs on the engine that it names. */

import type { DataFrame } from "nodejs-polars";
import { sinkOnCpu } from "../engine/sink.ts";
import { dataFrameOf } from "../polars/frames.ts";
import { findPolarsModules } from "../polars/module.ts";
import { GPUEngine } from "./gpu-engine.ts";
import { type CollectRequest, defineOnPolars, install } from "./install.ts";

let defaultEngine: GPUEngine | null = null;

async function collect(request: CollectRequest): Promise<DataFrame> {
  const engine = request.engine instanceof GPUEngine ? request.engine : ownEngine();
  const { module, options, runOnCpu } = request;
  const { signal = null, onProgress = null } = options;
  const inner = GPUEngine.engineOf(engine);
  const result = await inner.collect(request, { signal, onProgress });
  if (result !== null) return dataFrameOf(module, result);
  const sink = inner.sinkOf(request);
  return sink === null ? runOnCpu() : sinkOnCpu(sink, runOnCpu);
}

/** The engine of `engine: "gpu"`: one for the process, made when first asked for. */
function ownEngine(): GPUEngine {
  defaultEngine ??= new GPUEngine();
  return defaultEngine;
}

/** Idempotent. */
export function activate(): void {
  for (const module of findPolarsModules()) {
    install(module, { collect });
    defineOnPolars(module, "GPUEngine", GPUEngine);
  }
}
