/** A Join node together with the filters below it: keys and outputs rewritten onto the columns of the nodes further down. */

import type { Expr } from "../ir/expr.ts";
import { substitute } from "../ir/expr.ts";
import type { Join, JoinOutput, Plan } from "../ir/plan.ts";
import { pipelineOf } from "./pipeline.ts";

/** Which rows of each side take part; null: all. */
export interface JoinPredicates {
  readonly left: Expr | null;
  readonly right: Expr | null;
}

export const NO_PREDICATES: JoinPredicates = { left: null, right: null };

export interface FusedJoin {
  /** Over the columns of `left` and `right`; its own inputs are as they were. */
  readonly plan: Join;
  readonly left: Plan;
  readonly right: Plan;
  readonly predicates: JoinPredicates;
}

interface FusedSide {
  readonly base: Plan;
  readonly predicate: Expr | null;
  readonly on: readonly Expr[];
  /** The base's column for each of the input's that the output takes. */
  readonly names: ReadonlyMap<string, string>;
}

/** Takes over the predicate of a side that filters and of which the output has columns as they are; `shared` nodes are computed by themselves. */
export function fusedJoin(plan: Join, shared: (plan: Plan) => boolean): FusedJoin {
  const left = fusedSide(plan, "left", shared);
  const right = fusedSide(plan, "right", shared);
  const renamed = (side: FusedSide, name: string | null): string | null => (name === null ? null : (side.names.get(name) ?? name));
  const output = plan.output.map((o): JoinOutput => ({ ...o, left: renamed(left, o.left), right: renamed(right, o.right) }));
  return {
    plan: { ...plan, leftOn: left.on, rightOn: right.on, output },
    left: left.base,
    right: right.base,
    predicates: { left: left.predicate, right: right.predicate },
  };
}

function fusedSide(plan: Join, side: "left" | "right", shared: (plan: Plan) => boolean): FusedSide {
  const input = plan[side];
  const on = side === "left" ? plan.leftOn : plan.rightOn;
  const unfused: FusedSide = { base: input, predicate: null, on, names: new Map() };
  if (plan.how === "cross" || shared(input)) return unfused;
  const { base, predicate, outputs } = pipelineOf(input, shared);
  if (predicate === null) return unfused;
  const by = new Map(outputs.map((o) => [o.name, o.expr]));
  const names = new Map<string, string>();
  for (const name of plan.output.map((o) => o[side])) {
    if (name === null) continue;
    const expr = by.get(name);
    if (expr?.kind !== "column") return unfused;
    names.set(name, expr.name);
  }
  return { base, predicate, on: on.map((key) => substitute(key, by)), names };
}
