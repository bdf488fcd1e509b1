/** dt.truncate, dt.round and dt.offsetBy by a constant duration: integer arithmetic on ticks, and on months counted from the year 0. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import type { DurationText } from "./duration-text.ts";
import { NANOSECONDS_PER_DAY, NANOSECONDS_PER_TICK, nominalNanoseconds, parseDuration, unitsOf } from "./duration-text.ts";
import type { FunctionCall, Handler } from "./function-call.ts";
import { no } from "./function-call.ts";

const INT64: DType = { kind: "Int64" };
const INT32: DType = { kind: "Int32" };
const DATE: DType = { kind: "Date" };
const BOOLEAN: DType = { kind: "Boolean" };

const i64 = (value: bigint): Expr => literal(value, INT64);
const plus = (a: Expr, by: bigint): Expr => (by === 0n ? a : call("add", [a, literal(by, a.dtype)], a.dtype));
const binary = (fn: "add" | "sub" | "mul" | "floor_div" | "mod", a: Expr, b: Expr): Expr => call(fn, [a, b], a.dtype);
const as = (a: Expr, dtype: DType): Expr => (a.dtype.kind === dtype.kind ? a : call("cast", [a], dtype));

/** A point in time as Int64 ticks: of its own unit, of a date microseconds, as polars computes with them. */
interface Ticks {
  readonly value: Expr;
  readonly ticks: Expr;
  readonly nanosecondsPerTick: bigint;
}

function ticksOf(value: Expr): Ticks | null {
  const { dtype } = value;
  if (dtype.kind === "Date")
    return { value, ticks: binary("mul", as(value, INT64), i64(86_400_000_000n)), nanosecondsPerTick: NANOSECONDS_PER_TICK.us };
  if (dtype.kind !== "Datetime" || (dtype.zone !== null && dtype.zone !== "UTC")) return null;
  return { value, ticks: as(value, INT64), nanosecondsPerTick: NANOSECONDS_PER_TICK[dtype.unit] };
}

const perDay = (t: Ticks): bigint => NANOSECONDS_PER_DAY / t.nanosecondsPerTick;

/** Ticks back as the dtype that they came from; a date is the quotient rounded as asked: polars truncates to dates toward zero. */
function fromTicks(t: Ticks, ticks: Expr, rounding: "floor" | "zero"): Expr {
  if (t.value.dtype.kind !== "Date") return call("cast", [ticks], t.value.dtype);
  const floored = binary("floor_div", ticks, i64(perDay(t)));
  const fromZero = call("neg", [binary("floor_div", call("neg", [ticks], INT64), i64(perDay(t)))], INT64);
  const days = rounding === "floor" ? floored : call("ternary", [call("lt", [ticks, i64(0n)], BOOLEAN), fromZero, floored], INT64);
  return call("cast", [days], DATE);
}

/** Months since January of the year 0. */
const monthOf = (date: Expr): Expr =>
  plus(
    binary("add", binary("mul", call("year", [date], INT32), literal(12n, INT32)), as(call("month", [date], { kind: "Int8" }), INT32)),
    -1n,
  );
/** January 1970, from which multiples of months are counted. */
const EPOCH = 1970n * 12n;
const monthStart = (months: Expr): Expr => call("month_start", [months], DATE);

/** The multiple of `every` at or below, counted from the ticks `origin`. */
const multipleBelow = (ticks: Expr, every: bigint, origin: bigint): Expr =>
  binary("sub", ticks, binary("mod", plus(ticks, -origin), i64(every)));

function truncated(t: Ticks, every: DurationText): Expr | null {
  if (every.months > 0n) {
    const months = monthOf(t.value.dtype.kind === "Date" ? fromTicks(t, t.ticks, "floor") : call("cast", [t.ticks], t.value.dtype));
    const start = monthStart(binary("sub", months, binary("mod", plus(months, -EPOCH), literal(every.months, INT32))));
    return binary("mul", as(start, INT64), i64(perDay(t)));
  }
  // Weeks begin on Mondays, four days after 1970-01-01.
  if (every.weeks > 0n) return multipleBelow(t.ticks, every.weeks * 7n * perDay(t), 4n * perDay(t));
  const length = every.days * perDay(t) + every.nanoseconds / t.nanosecondsPerTick;
  return length === 0n ? null : multipleBelow(t.ticks, length, 0n);
}

const GREATEST = 2n ** 31n;

/** The call's point in time and its duration; null with a reason where one of them has no GPU form. */
function inputsOf(c: FunctionCall): { readonly t: Ticks; readonly by: DurationText } | null {
  const [valueDsl, byDsl] = c.inputs;
  if (valueDsl === undefined || byDsl === undefined) return c.t.scope.unsupported(`${c.name} without arguments`);
  const [value, text] = [c.t.translate(valueDsl), c.t.translate(byDsl)];
  if (value === null || text === null) return null;
  const t = ticksOf(value);
  if (t === null) return no(c, value.dtype);
  const by = text.kind === "literal" && typeof text.value === "string" ? parseDuration(text.value) : null;
  if (by === null || by.months >= GREATEST || nominalNanoseconds(by) >= 2n ** 62n)
    return c.t.scope.unsupported(`${c.name} by a computed duration, or one beyond 146 years`);
  return { t, by };
}

const step =
  (rounds: boolean): Handler =>
  (c) => {
    const found = inputsOf(c);
    if (found === null) return null;
    const { t, by } = found;
    const isDate = t.value.dtype.kind === "Date";
    const mixed = unitsOf(by) > 1 && (isDate || by.months > 0n || by.weeks > 0n);
    // Polars truncates dates in milliseconds.
    if (isDate && by.nanoseconds % 2_000_000n !== 0n) return c.t.scope.unsupported(`${c.name} of Date by less than two milliseconds`);
    if (by.negative || mixed) return c.t.scope.unsupported(`${c.name} by a negative duration or one of mixed units`);
    const plain = by.months === 0n && by.weeks === 0n && !isDate;
    const nominal = nominalNanoseconds(by);
    const half = plain ? (by.days * perDay(t) + by.nanoseconds / t.nanosecondsPerTick) / 2n : nominal / (2n * t.nanosecondsPerTick);
    const moved = rounds ? { ...t, ticks: plus(t.ticks, half) } : t;
    const ticks = truncated(moved, by);
    if (ticks === null) return rounds || isDate ? c.t.scope.unsupported(`${c.name} by no time`) : t.value;
    return fromTicks(t, ticks, by.nanoseconds % NANOSECONDS_PER_DAY === 0n ? "floor" : "zero");
  };

/** The start of the span of `every` that the point in time is in, in its own dtype; null where there is no GPU form. */
export function truncatedTo(value: Expr, every: DurationText): Expr | null {
  const t = ticksOf(value);
  const ticks = t === null ? null : truncated(t, every);
  return t === null || ticks === null ? null : fromTicks(t, ticks, "floor");
}

/** Months first, the day cut to the length of the month, then weeks and days, then the time; dates keep what is left of the day below. */
export function movedBy(value: Expr, by: DurationText): Expr | null {
  const t = ticksOf(value);
  if (t === null) return null;
  const sign = by.negative ? -1n : 1n;
  let ticks = t.ticks;
  if (by.months > 0n) {
    const month = plus(monthOf(t.value), sign * by.months);
    const [start, next] = [as(monthStart(month), INT32), as(monthStart(plus(month, 1n)), INT32)];
    const day = plus(as(call("day", [t.value], { kind: "Int8" }), INT32), -1n);
    const last = plus(binary("sub", next, start), -1n);
    const date = binary("add", start, call("min_horizontal", [day, last], INT32));
    const moved = binary("sub", as(date, INT64), as(as(t.value, DATE), INT64));
    ticks = binary("add", ticks, binary("mul", moved, i64(perDay(t))));
  }
  const rest = (by.weeks * 7n + by.days) * perDay(t) + by.nanoseconds / t.nanosecondsPerTick;
  return fromTicks(t, plus(ticks, sign * rest), "floor");
}

const offsetBy: Handler = (c) => {
  const found = inputsOf(c);
  return found === null ? null : movedBy(found.t.value, found.by);
};

/** Handlers by tag; the results have the dtype of the point in time. */
export const CALENDAR_STEPS: Readonly<Record<string, Handler>> = {
  "TemporalExpr.Truncate": step(false),
  "TemporalExpr.Round": step(true),
  "TemporalExpr.OffsetBy": offsetBy,
};
