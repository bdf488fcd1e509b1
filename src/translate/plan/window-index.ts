/** The column that windows of groupByDynamic and groupByRolling are made over: its rows as Int64 ticks, and durations in its unit. */

import { isTemporal } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, column, literal } from "../../ir/expr.ts";
import { integerRange } from "../../ir/integers.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslValue } from "../../polars/dsl.ts";
import { isObject } from "../../polars/dsl.ts";
import { movedBy } from "../expr/calendar-steps.ts";
import type { DurationText } from "../expr/duration-text.ts";
import { NANOSECONDS_PER_DAY, NANOSECONDS_PER_TICK } from "../expr/duration-text.ts";
import { ExprTranslator } from "../expr/translator.ts";
import type { Scope } from "../scope.ts";
import type { NodeContext } from "./node.ts";

export const INT64: DType = { kind: "Int64" };
export const int64 = (value: bigint): Expr => literal(value, INT64);
export const plus = (a: Expr, by: Expr | bigint): Expr =>
  by === 0n ? a : call("add", [a, typeof by === "bigint" ? int64(by) : by], INT64);
export const minus = (a: Expr, by: Expr | bigint): Expr =>
  by === 0n ? a : call("sub", [a, typeof by === "bigint" ? int64(by) : by], INT64);
/** How far the value is above the multiple of `every` at or below it, counted from `start`. */
export const above = (value: Expr, start: Expr | bigint, every: bigint): Expr => call("mod", [minus(value, start), int64(every)], INT64);

/** A duration of the DSL: in calendar units, or a number of the index where that is an integer. */
interface WindowDuration extends DurationText {
  readonly counted: boolean;
}

export interface WindowIndex {
  readonly name: string;
  readonly dtype: DType;
  readonly row: Expr;
  /** Int64. */
  readonly ticks: Expr;
  /** Ticks of a day; those of nanoseconds for integers. */
  readonly day: bigint;
  /** The ticks in a dtype of the index, or of boundaries. */
  cast(ticks: Expr, dtype: DType): Expr | null;
  /** A duration of fixed length in ticks; null for others. */
  ticksOf(duration: DslValue | undefined): bigint | null;
  /** Ticks moved by a duration of any length; null where there is no GPU form. */
  moved(ticks: Expr, duration: DslValue | undefined): Expr | null;
}

/** Nanoseconds of a tick of the dtype; 1 for integers, null for what windows cannot be made of. */
function tickOf(dtype: DType): bigint | null {
  if (dtype.kind === "Date") return NANOSECONDS_PER_DAY;
  if (dtype.kind === "Datetime") return dtype.zone === null || dtype.zone === "UTC" ? NANOSECONDS_PER_TICK[dtype.unit] : null;
  return integerRange(dtype) !== null && !isTemporal(dtype) && dtype.kind !== "UInt64" ? 1n : null;
}

const bigintOf = (value: DslValue | undefined): bigint => (typeof value === "number" || typeof value === "bigint" ? BigInt(value) : 0n);

export function windowDuration(value: DslValue | undefined): WindowDuration | null {
  if (!isObject(value)) return null;
  const [months, weeks, days, nanoseconds] = [value.months, value.weeks, value.days, value.nsecs].map(bigintOf);
  if (months === undefined || weeks === undefined || days === undefined || nanoseconds === undefined) return null;
  return { months, weeks, days, nanoseconds, negative: value.negative === true, counted: value.parsed_int === true };
}

const isNothing = (d: DurationText): boolean => d.months === 0n && d.weeks === 0n && d.days === 0n && d.nanoseconds === 0n;

/** Null with a reason where there are no windows over the column; `node` is what asks. */
export function windowIndex(context: NodeContext, scope: Scope, name: string, node: string): WindowIndex | null {
  const found = scope.column(name);
  const tick = found === undefined ? null : tickOf(found.dtype);
  if (found === undefined || tick === null)
    return context.unsupported(`${node} over ${found === undefined ? "no column" : describeDType(found.dtype)}`);
  const { dtype } = found;
  const translator = new ExprTranslator(scope);
  const row = column(found.name, dtype);
  const ticks = translator.cast(row, INT64);
  if (ticks === null) return null;
  const counted = !isTemporal(dtype);
  const cast = (value: Expr, to: DType): Expr | null => {
    const own = translator.cast(value, dtype);
    return own === null ? null : translator.cast(own, to);
  };
  const ticksOf = (value: DslValue | undefined): bigint | null => {
    const duration = windowDuration(value);
    if (duration === null || isNothing(duration)) return duration === null ? null : 0n;
    if (duration.months !== 0n || duration.counted !== counted) return null;
    const total = (duration.weeks * 7n + duration.days) * NANOSECONDS_PER_DAY + duration.nanoseconds;
    return total % tick === 0n ? (duration.negative ? -total : total) / tick : null;
  };
  const moved = (value: Expr, by: DslValue | undefined): Expr | null => {
    const fixed = ticksOf(by);
    if (fixed !== null) return plus(value, fixed);
    const duration = windowDuration(by);
    if (duration === null || duration.months === 0n || duration.counted || counted) return null;
    // Of a date moved by a part of a day the time of the day would be lost.
    if (dtype.kind === "Date" && duration.nanoseconds % NANOSECONDS_PER_DAY !== 0n) return null;
    const time = translator.cast(value, dtype);
    const there = time === null ? null : movedBy(time, duration);
    return there === null ? null : translator.cast(there, INT64);
  };
  return { name: found.name, dtype, row, ticks, day: NANOSECONDS_PER_DAY / tick, cast, ticksOf, moved };
}
