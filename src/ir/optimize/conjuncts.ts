/** Predicates as lists of conditions that all must hold. */

import type { Expr } from "../expr.ts";
import { call, describeExpr } from "../expr.ts";
import type { Plan } from "../plan.ts";

/** The parts of nested `fn` calls, from left to right, each text once. */
export function partsOf(fn: "and" | "or", expr: Expr): readonly Expr[] {
  const parts = new Map<string, Expr>();
  const pending: Expr[] = [expr];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === "call" && next.fn === fn) pending.push(...next.args.toReversed());
    else parts.set(describeExpr(next), parts.get(describeExpr(next)) ?? next);
  }
  return [...parts.values()];
}

/** The opposite of `partsOf`. @throws TypeError for no parts. */
export const combined = (fn: "and" | "or", parts: readonly Expr[]): Expr => parts.reduce((a, b) => call(fn, [a, b], a.dtype));

/** The rows of `input` for which all conditions are true. */
export const filtered = (input: Plan, conditions: readonly Expr[]): Plan =>
  conditions.length === 0 ? input : { kind: "filter", input, predicate: combined("and", conditions), schema: input.schema };
