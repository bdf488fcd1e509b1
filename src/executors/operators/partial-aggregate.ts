/** Placeholder until the real one is merged. */
import type { Aggregate } from "../../ir/plan.ts";
import type { QueryContext } from "../context.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Table } from "../table.ts";

export interface Decomposition {
  readonly plan: Aggregate;
}
export function decompose(_: Aggregate): Decomposition | null {
  return null;
}
export function partialAggregate(_c: QueryContext, _d: Decomposition, _p: Pipeline, _b: Table): Promise<Table> {
  throw new Error();
}
export function mergePartials(_c: QueryContext, _d: Decomposition, _t: Table): Promise<Table> {
  throw new Error();
}
export function finishPartials(_c: QueryContext, _d: Decomposition, _t: Table): Promise<Table> {
  throw new Error();
}
