/** Arithmetic of points in time and durations: operands are brought to the ticks that polars computes in, then these add and subtract. */

import type { DType, TimeUnit } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call } from "../../ir/expr.ts";
import { describeDType } from "../../ir/schema.ts";
import type { ExprTranslator } from "./translator.ts";

const I64: DType = { kind: "Int64" };
const F64: DType = { kind: "Float64" };
const duration = (unit: TimeUnit): DType => ({ kind: "Duration", unit });
const datetime = (unit: TimeUnit, zone: string | null): DType => ({ kind: "Datetime", unit, zone });

/** Integers of which every value is an Int64. */
const SHORT: ReadonlySet<string> = new Set(["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32"]);

/** What the operands are cast to, the left one in steps, and what is computed of them. Sums and differences wrap. */
interface Ticks {
  readonly left: readonly DType[];
  readonly right: DType;
  readonly result: DType;
}

/** `result` is the dtype that polars gives. */
export function temporalArithmetic(t: ExprTranslator, op: string, left: Expr, right: Expr, result: DType): Expr | null {
  const fn = op === "Plus" ? "add" : op === "Minus" ? "sub" : null;
  if (op === "Multiply" && result.kind === "Duration") {
    if (left.dtype.kind === "Duration") return scaled(t, left, right, result);
    if (right.dtype.kind === "Duration") return scaled(t, right, left, result);
  }
  const ticks = fn === null ? null : ticksOf(fn, left.dtype, right.dtype, result);
  if (fn === null || ticks === null) return t.scope.unsupported(`${op} of ${describeDType(left.dtype)} and ${describeDType(right.dtype)}`);
  const a = ticks.left.reduce<Expr | null>((value, dtype) => (value === null ? null : t.cast(value, dtype)), left);
  const b = t.cast(right, ticks.right);
  return a === null || b === null ? null : t.cast(call(fn, [a, b], ticks.result), result);
}

/** A date on the left is a datetime of microseconds first, which not every date fits, then of the coarser unit of the two. */
function ticksOfDate(unit: TimeUnit): Ticks {
  const [first, coarser] = [datetime("us", null), unit === "ms" ? "ms" : "us"] as const;
  return { left: [first, datetime(coarser, null)], right: duration(coarser), result: datetime(coarser, null) };
}

function ticksOf(fn: "add" | "sub", left: DType, right: DType, result: DType): Ticks | null {
  switch (result.kind) {
    case "Duration": {
      if (left.kind === "Duration" && right.kind === "Duration") return { left: [result], right: result, result };
      const [a, b] = [zoneOf(left), zoneOf(right)];
      if (fn === "sub" && left.kind === "Time" && right.kind === "Time" && result.unit === "ns") return { left: [left], right, result };
      if (fn !== "sub" || a === undefined || a !== b) return null;
      const point = datetime(result.unit, a);
      return { left: [point], right: point, result };
    }
    case "Datetime":
      if (left.kind === "Datetime" && right.kind === "Duration") return { left: [result], right: duration(result.unit), result };
      if (left.kind === "Duration" && right.kind === "Datetime" && fn === "add")
        return { left: [duration(result.unit)], right: result, result };
      return null;
    case "Date":
      if (left.kind === "Date" && right.kind === "Duration") return ticksOfDate(right.unit);
      if (left.kind === "Duration" && left.unit === "ms" && right.kind === "Date" && fn === "add")
        return { left: [left], right: datetime("ms", null), result: datetime("ms", null) };
      return null;
    default:
      return null;
  }
}

/** The zone of a point in time; undefined for other dtypes. */
const zoneOf = (dtype: DType): string | null | undefined =>
  dtype.kind === "Datetime" ? dtype.zone : dtype.kind === "Date" ? null : undefined;

/** A duration times a number: as an Int64 that wraps, or as a Float64 that is truncated, null where it does not fit. */
function scaled(t: ExprTranslator, value: Expr, factor: Expr, result: DType): Expr | null {
  const as = SHORT.has(factor.dtype.kind) ? I64 : factor.dtype.kind === "Float64" ? F64 : null;
  if (as === null) return t.scope.unsupported(`Multiply of ${describeDType(value.dtype)} and ${describeDType(factor.dtype)}`);
  const [a, b] = [t.cast(value, as), t.cast(factor, as)];
  return a === null || b === null ? null : t.cast(call("mul", [a, b], as), result);
}
