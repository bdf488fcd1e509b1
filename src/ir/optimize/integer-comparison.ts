/**
 * Rule: `cast(integer) OP literal` becomes a comparison of the integer itself, with the exact bound at which the cast crosses the literal.
 * Every JavaScript number is a Float64 literal, so this is how most filters on integers and dates reach the optimizer.
 */

import { isTemporal } from "../casts.ts";
import type { DType } from "../dtype.ts";
import type { Expr } from "../expr.ts";
import { call, literal, mapExpr } from "../expr.ts";
import { type FunctionName, MIRRORED } from "../functions.ts";
import { floorDivide, type IntegerRange, integerRange } from "../integers.ts";
import { sameDType } from "../schema.ts";
import { rewriteBottomUp } from "../traversal.ts";
import { TICKS, ticksPerDay } from "./literal-values.ts";
import { mapNodeExprs } from "./node-exprs.ts";
import type { Rule } from "./rule.ts";

export const integerComparison: Rule = {
  name: "integer-comparison",
  apply: (plan) => rewriteBottomUp(plan, (node) => mapNodeExprs(node, (expr) => mapExpr(expr, compareIntegers))),
};

function compareIntegers(expr: Expr): Expr {
  if (expr.kind !== "call") return expr;
  const mirrored = MIRRORED[expr.fn];
  const [a, b] = expr.args;
  if (mirrored === undefined || a === undefined || b === undefined) return expr;
  return bounded(expr.fn, a, b) ?? bounded(mirrored, b, a) ?? expr;
}

/** `cast OP bound` in the dtype under the cast, or undefined where that is not possible. */
function bounded(fn: FunctionName, cast: Expr, bound: Expr): Expr | undefined {
  const [value] = cast.kind === "call" && cast.fn === "cast" ? cast.args : [];
  if (value === undefined || bound.kind !== "literal" || bound.value === null) return undefined;
  const range = integerRange(value.dtype);
  const image = conversion(value.dtype, cast.dtype);
  if (range === null || image === null) return undefined;
  const limit = cast.dtype.kind === "Float32" ? Math.fround(Number(bound.value)) : bound.value;
  if (typeof limit !== "number" && typeof limit !== "bigint") return undefined;
  const nan = Number.isNaN(limit);
  const reached = firstWhere(range, (v) => !nan && image(v) >= limit);
  const passed = firstWhere(range, (v) => !nan && image(v) > limit);
  return comparison(fn, value, range, reached, passed);
}

/** The order-preserving function that a cast is on integers, in values that compare with literals of the target; null: it is not one. */
function conversion(from: DType, to: DType): ((value: bigint) => bigint | number) | null {
  const range = integerRange(from);
  if (range === null) return null;
  if (to.kind === "Float64") return Number;
  /** 64-bit integers would be rounded twice on the way to f32. */
  if (to.kind === "Float32") return range.most < 2n ** 53n ? (v) => Math.fround(Number(v)) : null;
  if (from.kind === "Date" && to.kind === "Datetime") return to.unit === "ms" ? (v) => v * ticksPerDay("ms") : null;
  /** The day numbers of all ms would not fit into a Date. */
  if (from.kind === "Datetime" && to.kind === "Date") return from.unit === "ms" ? null : (v) => floorDivide(v, ticksPerDay(from.unit));
  if (from.kind === "Datetime" && to.kind === "Datetime") {
    const ratio = TICKS[from.unit] / TICKS[to.unit];
    return ratio === 0n ? null : (v) => floorDivide(v, ratio);
  }
  if (isTemporal(from) && isTemporal(to)) return sameDType(from, to) ? (v) => v : null;
  const target = integerRange(to);
  return target !== null && range.least >= target.least && range.most <= target.most ? (v) => v : null;
}

/** The smallest value of the range for which the condition holds; it holds for all larger ones. One past the range where it never does. */
function firstWhere({ least, most }: IntegerRange, holds: (value: bigint) => boolean): bigint {
  let [low, high] = [least, most + 1n];
  while (low < high) {
    const middle = low + (high - low) / 2n;
    if (holds(middle)) high = middle;
    else low = middle + 1n;
  }
  return low;
}

/** The literal lies at or below the values from `reached` on, and below those from `passed` on. */
function comparison(fn: FunctionName, value: Expr, range: IntegerRange, reached: bigint, passed: bigint): Expr | undefined {
  const boolean: DType = { kind: "Boolean" };
  const compared = (op: FunctionName, bound: bigint): Expr => call(op, [value, literal(bound, value.dtype)], boolean);
  /** Null for null, as every comparison. */
  const always = (outcome: boolean): Expr => call(outcome ? "eq" : "ne", [value, value], boolean);
  const from = (bound: bigint): Expr => (bound <= range.least ? always(true) : bound > range.most ? always(false) : compared("ge", bound));
  const below = (bound: bigint): Expr => (bound <= range.least ? always(false) : bound > range.most ? always(true) : compared("lt", bound));
  switch (fn) {
    case "ge":
      return from(reached);
    case "gt":
      return from(passed);
    case "lt":
      return below(reached);
    case "le":
      return below(passed);
    case "eq":
      if (reached === passed) return always(false);
      return passed - reached === 1n ? compared("eq", reached) : call("and", [from(reached), below(passed)], boolean);
    case "ne":
      if (reached === passed) return always(true);
      return passed - reached === 1n ? compared("ne", reached) : call("or", [below(reached), from(passed)], boolean);
    default:
      return undefined;
  }
}
