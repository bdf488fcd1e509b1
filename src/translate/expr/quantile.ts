/** Quantiles and medians: of numbers and of ticks, in f64. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { aggregate, call, literal } from "../../ir/expr.ts";
import { QUANTILE_METHODS } from "../../ir/quantile.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslValue } from "../../polars/dsl.ts";
import { evaluateConstant } from "../../polars/scalars.ts";
import type { AggregateCall } from "./aggregate-call.ts";
import { floatRows, sharesRows } from "./aggregate-call.ts";
import type { AggregateRows } from "./aggregate-rows.ts";
import { countValues } from "./aggregate-rows.ts";
import { isFloat, isNumeric } from "./binary.ts";
import { asExpr, isConstant } from "./tree.ts";

const F64: DType = { kind: "Float64" };
const BOOLEAN: DType = { kind: "Boolean" };
const METHODS: readonly string[] = QUANTILE_METHODS;
const LINEAR = METHODS.indexOf("linear");
/** Means and quantiles of dates are points in time. */
export const MICROSECONDS_A_DAY = 86_400_000_000;

export function quantile(c: AggregateCall, fraction: number | DslValue | undefined, method: DslValue | undefined): Expr | null {
  const { scope } = c.t;
  const rows = floatRows(c);
  const at = typeof fraction === "number" ? fraction : fractionOf(c, fraction);
  if (rows === null || at === null) return null;
  const code = METHODS.indexOf(String(method).toLowerCase());
  if (code < 0) return scope.unsupported(`a quantile by method ${String(method)}`);
  const { kind } = rows.value.dtype;
  if (kind === "Null" && c.dtype.kind === "Null") return literal(null, c.dtype);
  const options = [at, code];
  const { where } = rows;
  if (kind === "Datetime" || kind === "Duration" || kind === "Time")
    return c.set.add(aggregate("quantile", rows.value, c.dtype, { where, options }));
  if (kind === "Date") {
    const days = c.set.add(aggregate("quantile", rows.value, F64, { where, options }));
    const ticks = call("mul", [days, literal(MICROSECONDS_A_DAY, F64)], F64);
    return call("cast", [call("cast", [ticks], { kind: "Int64" })], c.dtype);
  }
  if (!((isNumeric(rows.value.dtype) || kind === "Boolean") && isFloat(c.dtype)))
    return scope.unsupported(`a quantile of ${describeDType(rows.value.dtype)}`);
  if (kind === "Float32" && sharesRows(c)) return scope.unsupported("a quantile of Float32 over windows that share rows");
  const value = kind === "Boolean" ? c.t.cast(rows.value, { kind: "UInt32" }) : rows.value;
  if (value === null) return null;
  const found = c.set.add(aggregate("quantile", value, F64, { where, options }));
  const settled = kind === "Float64" && code === LINEAR && sharesRows(c) ? betweenInfinities(c, { ...rows, value }, at, found) : found;
  return settled === null ? null : c.t.cast(settled, c.dtype);
}

/** Polars' rolling kernels interpolate between two infinities of one sign as well, which gives NaN. */
function betweenInfinities(c: AggregateCall, rows: AggregateRows, at: number, found: Expr): Expr | null {
  if (c.t.target?.grouping === "overlapping") return c.t.scope.unsupported("a linear quantile of floats over windows that overlap");
  const { value, where } = rows;
  const [below, above] = ["lower", "higher"].map((m) =>
    c.set.add(aggregate("quantile", value, F64, { where, options: [at, METHODS.indexOf(m)] })),
  );
  const count = c.t.cast(c.set.add(countValues(rows, { kind: "UInt32" })), F64);
  if (below === undefined || above === undefined || count === null) return null;
  const place = call("mul", [call("sub", [count, literal(1, F64)], F64), literal(at, F64)], F64);
  const isBetween = call("ne", [place, call("floor", [place], F64)], BOOLEAN);
  const isOdd = [call("is_infinite", [below], BOOLEAN), call("eq", [below, above], BOOLEAN)].reduce(
    (a, b) => call("and", [a, b], BOOLEAN),
    isBetween,
  );
  return call("ternary", [isOdd, literal(Number.NaN, F64), found], F64);
}

/** A constant from 0 to 1. */
function fractionOf(c: AggregateCall, given: DslValue | undefined): number | null {
  const expr = asExpr(given);
  const found = isConstant(expr) ? evaluateConstant(c.t.scope.native, expr) : null;
  const [value] = found?.values ?? [];
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && number >= 0 && number <= 1
    ? number
    : c.t.scope.unsupported("a quantile that is not a constant from 0 to 1");
}
