/** Joins the two halves: `collect({ engine })` of every copy of nodejs-polars runs on the engine that it names. */

import type { DataFrame } from "nodejs-polars";
import { sinkOnCpu } from "../engine/sink.ts";
import { dataFrameOf } from "../polars/frames.ts";
import { findPolarsModules } from "../polars/module.ts";
import { readPlan } from "../polars/plan-reading.ts";
import { type RowOrder, rowOrder } from "../translate/row-order.ts";
import { GPUEngine } from "./gpu-engine.ts";
import { type CollectRequest, defineOnPolars, install } from "./install.ts";

let defaultEngine: GPUEngine | null = null;

async function collect(request: CollectRequest): Promise<DataFrame> {
  const engine = request.engine instanceof GPUEngine ? request.engine : ownEngine();
  const { module, tracked, options, runOnCpu } = request;
  const { signal = null, onProgress = null } = options;
  const inner = GPUEngine.engineOf(engine);
  const made = await inner.collect(request, { signal, onProgress });
  const sink = inner.sinkOf(request);
  if (made === null) {
    const start = performance.now();
    const answer = await (sink === null ? runOnCpu() : sinkOnCpu(sink, runOnCpu));
    inner.ranOnCpu(request, performance.now() - start);
    signal?.throwIfAborted();
    return answer;
  }
  const result = dataFrameOf(module, made);
  const validator = GPUEngine.validatorOf(engine);
  // What a sink writes cannot be written a second time to be compared.
  if (sink !== null || !validator.isDue()) return result;
  return validator.compared({ result, order: orderOf(tracked), runOnCpu, plan: () => inner.explain(request) });
}

function orderOf(tracked: CollectRequest["tracked"]): RowOrder {
  const read = "untracked" in tracked ? null : readPlan(tracked);
  return read === null || "unreadable" in read ? { rows: "open", sortedBy: [] } : rowOrder(read.plan);
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
