/** The meaning of IR expressions, row by row in plain JavaScript: what an optimised expression must still compute. */
import assert from "node:assert/strict";
import type { DType } from "../../../src/ir/dtype.ts";
import type { CallExpr, Expr, LiteralValue } from "../../../src/ir/expr.ts";
import { integerRange } from "../../../src/ir/integers.ts";

export type Row = ReadonlyMap<string, LiteralValue>;

/** Values that group and join as one have one key: -0 with 0, NaN with NaN. */
export const keyOf = (value: LiteralValue): string => `${typeof value}:${value}`;

export function cellOf(expr: Expr, row: Row): LiteralValue {
  switch (expr.kind) {
    case "column": {
      const value = row.get(expr.name);
      assert(value !== undefined, `no column ${expr.name}`);
      return value;
    }
    case "literal":
      return expr.value;
    case "lookup": {
      const value = cellOf(expr.arg, row);
      return value === null ? null : `${value}`.includes(expr.dsl);
    }
    case "call":
      return called(expr, row);
    case "aggregate":
      throw new TypeError("an aggregate has no value in a row");
  }
}

type Present = Exclude<LiteralValue, null>;

/** -1, 0 or 1; NaN equals NaN and is the largest. */
function order(a: Present, b: Present): number {
  if (Object.is(a, Number.NaN) || Object.is(b, Number.NaN)) return (Object.is(a, Number.NaN) ? 1 : 0) - (Object.is(b, Number.NaN) ? 1 : 0);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nulls last, for sorting. */
export const compareValues = (a: LiteralValue, b: LiteralValue, descending: boolean, nullsLast: boolean): number => {
  if (a === null || b === null) return a === b ? 0 : (a === null) === nullsLast ? 1 : -1;
  return descending ? order(b, a) : order(a, b);
};

const COMPARISONS: Readonly<Record<string, (order: number) => boolean>> = {
  eq: (o) => o === 0,
  ne: (o) => o !== 0,
  lt: (o) => o < 0,
  le: (o) => o <= 0,
  gt: (o) => o > 0,
  ge: (o) => o >= 0,
};

function called(expr: CallExpr, row: Row): LiteralValue {
  const args = expr.args.map((a) => cellOf(a, row));
  const [a = null, b = null, c = null] = args;
  switch (expr.fn) {
    case "is_null":
      return a === null;
    case "is_not_null":
      return a !== null;
    case "and":
      return a === false || b === false ? false : a === null || b === null ? null : true;
    case "or":
      return a === true || b === true ? true : a === null || b === null ? null : false;
    case "eq_missing":
      return a === null || b === null ? a === b : order(a, b) === 0;
    case "ne_missing":
      return a === null || b === null ? a !== b : order(a, b) !== 0;
    case "ternary":
      return a === true ? b : c;
    case "coalesce":
      return args.find((v) => v !== null) ?? null;
    case "cast":
      return a === null ? null : converted(a, expr.args[0]?.dtype ?? expr.dtype, expr.dtype);
    case "not":
      return a === null ? null : !a;
  }
  if (a === null || b === null) return null;
  const comparison = COMPARISONS[expr.fn];
  if (comparison !== undefined) return comparison(order(a, b));
  return typeof a === "bigint" && typeof b === "bigint" ? integers(expr, a, b) : floats(expr, Number(a), Number(b));
}

function integers(expr: CallExpr, a: bigint, b: bigint): bigint {
  const bits = Number(expr.dtype.kind.replace(/\D/g, ""));
  const wrap = (value: bigint): bigint => (expr.dtype.kind.startsWith("U") ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value));
  if (expr.fn === "add") return wrap(a + b);
  if (expr.fn === "sub") return wrap(a - b);
  assert.equal(expr.fn, "mul");
  return wrap(a * b);
}

function floats(expr: CallExpr, a: number, b: number): number {
  const value = expr.fn === "add" ? a + b : expr.fn === "sub" ? a - b : expr.fn === "mul" ? a * b : a / b;
  assert(["add", "sub", "mul", "div"].includes(expr.fn));
  return expr.dtype.kind === "Float32" ? Math.fround(value) : value;
}

function converted(value: Present, from: DType, to: DType): LiteralValue {
  const day = 86_400_000n;
  if (from.kind === "Date" && to.kind === "Datetime") {
    assert.equal(to.unit, "ms");
    return BigInt(value) * day;
  }
  if (from.kind === "Datetime" && to.kind === "Date") {
    assert.equal(from.unit, "us");
    const ticks = BigInt(value);
    return (ticks - (((ticks % (day * 1000n)) + day * 1000n) % (day * 1000n))) / (day * 1000n);
  }
  const range = integerRange(to);
  if (range === null) {
    if (to.kind === "Boolean") return Number(value) !== 0;
    return to.kind === "Float32" ? Math.fround(Number(value)) : Number(value);
  }
  if (typeof value === "number" && !Number.isFinite(value)) return null;
  const integer = BigInt(typeof value === "number" ? Math.trunc(value) : value);
  return integer < range.least || integer > range.most ? null : integer;
}
