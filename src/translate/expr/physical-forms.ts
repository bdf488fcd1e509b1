/** Integers behind temporal values, and integers of the same bits. */

import type { DType, TimeUnit } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import { sameDType } from "../../ir/schema.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import type { Handler } from "./function-call.ts";
import { args, no } from "./function-call.ts";
import type { ExprTranslator } from "./translator.ts";

/** Numbers are their own physical form; ticks are integers of the same bits. */
const toPhysical: Handler = (c) => {
  const [value] = args(c) ?? [];
  const dtype = c.t.scope.dtype(c.expr);
  if (value === undefined || dtype === null) return null;
  return [value.dtype, dtype].some((d) => physicalOf(d) === "code") ? no(c, value.dtype) : c.t.cast(value, dtype);
};

/** Of 64-bit integers: for floats polars says one dtype where there are no rows and gives another one. */
const reinterpret: Handler = (c) => {
  const [value] = args(c) ?? [];
  const dtype = c.t.scope.dtype(c.expr);
  if (value === undefined || dtype === null) return null;
  const wide = (d: DType): boolean => d.kind === "Int64" || d.kind === "UInt64";
  if (!wide(value.dtype) || !wide(dtype)) return no(c, value.dtype);
  return sameDType(value.dtype, dtype) ? value : call("reinterpret", [value], dtype);
};

const UNITS: Readonly<Record<string, TimeUnit>> = { Milliseconds: "ms", Microseconds: "us", Nanoseconds: "ns" };
const COARSENESS: Readonly<Record<TimeUnit, number>> = { ns: 0, us: 1, ms: 2 };

/** Ticks since 1970 in a unit that is not finer than that of the values: nothing overflows. */
const timestamp: Handler = (c) => {
  const [value] = args(c) ?? [];
  const unit = typeof c.options === "string" ? UNITS[c.options] : undefined;
  if (value === undefined) return null;
  const { dtype } = value;
  const own = dtype.kind === "Datetime" ? dtype.unit : dtype.kind === "Date" ? "ms" : undefined;
  if (unit === undefined || own === undefined || COARSENESS[unit] < COARSENESS[own]) return no(c, dtype);
  const point = c.t.cast(value, { kind: "Datetime", unit, zone: dtype.kind === "Datetime" ? dtype.zone : null });
  return point === null ? null : c.t.cast(point, { kind: "Int64" });
};

/** The input as Float64: codes by lookup, what is no number as null, as in CPU polars' non-strict casts. */
export function asFloat64(t: ExprTranslator, input: DslExpr): Expr | null {
  return t.translate({ Cast: { expr: input, dtype: { Literal: "Float64" }, options: "NonStrict" } });
}

/** Ticks, as Int64, as what they count. */
export function fromTicks(t: ExprTranslator, ticks: Expr, dtype: DType): Expr | null {
  if (dtype.kind !== "Time") return t.cast(ticks, dtype);
  return call("add", [literal(0n, dtype), call("cast", [ticks], { kind: "Duration", unit: "ns" })], dtype);
}

export const PHYSICAL_FORMS: Readonly<Record<string, Handler>> = {
  ToPhysical: toPhysical,
  Reinterpret: reinterpret,
  "TemporalExpr.TimeStamp": timestamp,
};
