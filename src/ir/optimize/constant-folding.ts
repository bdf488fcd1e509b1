/** Rule: functions of literals become literals, and logic, choices and casts with a foregone outcome disappear. */

import { canCast, isNumber } from "../casts.ts";
import type { DType } from "../dtype.ts";
import type { CallExpr, Expr, LiteralExpr } from "../expr.ts";
import { call, describeExpr, literal, mapExpr } from "../expr.ts";
import type { FunctionName } from "../functions.ts";
import { integerRange } from "../integers.ts";
import type { Plan } from "../plan.ts";
import { sameDType } from "../schema.ts";
import { rewriteBottomUp } from "../traversal.ts";
import { evaluate, NULL_IN_NULL_OUT } from "./literal-values.ts";
import { mapNodeExprs } from "./node-exprs.ts";
import type { Rule } from "./rule.ts";

export const constantFolding: Rule = {
  name: "constant-folding",
  apply: (plan) => rewriteBottomUp(plan, foldNode),
};

function foldNode(node: Plan): Plan {
  const folded = mapNodeExprs(node, (expr) => mapExpr(expr, fold));
  return folded.kind === "filter" && isLiteral(folded.predicate, true) ? folded.input : folded;
}

const isLiteral = (expr: Expr | undefined, value: LiteralExpr["value"]): boolean => expr?.kind === "literal" && expr.value === value;
const same = (a: Expr, b: Expr): boolean => describeExpr(a) === describeExpr(b);

/** An equal expression of the same dtype; its arguments are folded already. */
function fold(expr: Expr): Expr {
  if (expr.kind !== "call") return expr;
  const literals = expr.args.filter((a) => a.kind === "literal");
  if (literals.length === expr.args.length) {
    const value = evaluate(expr, literals);
    if (value !== undefined) return literal(value, expr.dtype);
  }
  if (NULL_IN_NULL_OUT.has(expr.fn) && literals.some((a) => a.value === null)) return literal(null, expr.dtype);
  return SIMPLIFICATIONS[expr.fn]?.(expr) ?? expr;
}

type Simplification = (expr: CallExpr) => Expr | undefined;

/** Kleene logic: `absorbing` decides alone, its opposite changes nothing. */
const kleene =
  (absorbing: boolean): Simplification =>
  ({ args: [a, b], dtype }) => {
    if (a === undefined || b === undefined) return undefined;
    if (isLiteral(a, absorbing) || isLiteral(b, absorbing)) return literal(absorbing, dtype);
    if (isLiteral(a, !absorbing) || same(a, b)) return b;
    return isLiteral(b, !absorbing) ? a : undefined;
  };

const OPPOSITES: Partial<Record<FunctionName, FunctionName>> = {
  eq: "ne",
  ne: "eq",
  eq_missing: "ne_missing",
  ne_missing: "eq_missing",
  is_null: "is_not_null",
  is_not_null: "is_null",
};

const not: Simplification = ({ args: [a] }) => {
  if (a?.kind !== "call") return undefined;
  const opposite = OPPOSITES[a.fn];
  if (opposite !== undefined) return call(opposite, a.args, a.dtype);
  return a.fn === "not" ? a.args[0] : undefined;
};

const withMissing =
  (test: FunctionName): Simplification =>
  ({ args: [a, b], dtype }) => {
    if (a === undefined || b === undefined) return undefined;
    if (isLiteral(b, null)) return call(test, [a], dtype);
    return isLiteral(a, null) ? call(test, [b], dtype) : undefined;
  };

const ternary: Simplification = ({ args: [predicate, a, b] }) => {
  if (predicate === undefined || a === undefined || b === undefined) return undefined;
  if (predicate.kind === "literal") return predicate.value === true ? a : b;
  return same(a, b) ? a : undefined;
};

const coalesce: Simplification = (expr) => {
  const present = expr.args.filter((a) => !isLiteral(a, null));
  const decided = present.findIndex((a) => a.kind === "literal");
  const args = decided < 0 ? present : present.slice(0, decided + 1);
  const [only] = args;
  if (only === undefined) return literal(null, expr.dtype);
  if (args.length === 1) return only;
  return args.length < expr.args.length ? call("coalesce", args, expr.dtype) : undefined;
};

/** Whether every value of `from` is the same number in `to`. */
function isLossless(from: DType, to: DType): boolean {
  if (from.kind === "Float32") return to.kind === "Float64";
  if (from.kind === "Boolean") return to.kind !== "Boolean";
  const [a, b] = [integerRange(from), integerRange(to)];
  if (a === null) return false;
  if (b !== null) return a.least >= b.least && a.most <= b.most;
  const digits = to.kind === "Float64" ? 53n : to.kind === "Float32" ? 24n : 0n;
  return a.most <= 2n ** digits && a.least >= -(2n ** digits);
}

const cast: Simplification = (expr) => {
  const [value] = expr.args;
  if (value === undefined) return undefined;
  if (sameDType(value.dtype, expr.dtype)) return value;
  const [inner] = value.kind === "call" && value.fn === "cast" ? value.args : [];
  if (inner === undefined || ![inner.dtype, value.dtype, expr.dtype].every(isNumber) || !isLossless(inner.dtype, value.dtype))
    return undefined;
  if (sameDType(inner.dtype, expr.dtype)) return inner;
  return canCast(inner.dtype, expr.dtype) ? call("cast", [inner], expr.dtype) : undefined;
};

const SIMPLIFICATIONS: Partial<Record<FunctionName, Simplification>> = {
  and: kleene(false),
  or: kleene(true),
  not,
  eq_missing: withMissing("is_null"),
  ne_missing: withMissing("is_not_null"),
  ternary,
  coalesce,
  cast,
};
