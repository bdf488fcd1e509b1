/** Temporal arithmetic on physical integers: units, days and times of day. Times count nanoseconds, dates count days. */

import type { DType, TimeUnit } from "../../ir/dtype.ts";
import { literalWords } from "./numbers.ts";

/** Ticks of a unit in a second. */
export const PER_SECOND = { ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n } as const satisfies Record<TimeUnit, bigint>;

const I64: DType = { kind: "Int64" };

/** A WGSL i64 constant. */
export const i64 = (value: bigint): string => {
  const [low, high] = literalWords(value, I64);
  return `vec2<u32>(${low}u, ${high}u)`;
};

export const ticksPerDay = (unit: TimeUnit): bigint => PER_SECOND[unit] * 86_400n;

/** Time unit of a datetime, duration or time dtype. */
export const unitOf = (dtype: DType): TimeUnit => (dtype.kind === "Datetime" || dtype.kind === "Duration" ? dtype.unit : "ns");

/** i32 day number of a date or zone-less datetime value. */
export const dayOf = (v: string, dtype: DType): string =>
  dtype.kind === "Date" ? v : `bitcast<i32>(i64_floor_div(${v}, ${i64(ticksPerDay(unitOf(dtype)))}).x)`;

/** i64 ticks since midnight of a datetime or time value. */
export const ticksOfDay = (v: string, dtype: DType): string =>
  dtype.kind === "Time" ? v : `i64_rem(${v}, ${i64(ticksPerDay(unitOf(dtype)))})`;

/** Ticks, and a WGSL condition for their being right; null: they always are. */
export interface Ticks {
  readonly v: string;
  readonly fits: string | null;
}

const GREATEST = 2n ** 63n - 1n;

/** An i64 times a factor above 1, where the product is an i64. */
export const multiplied = (v: string, factor: bigint): Ticks => ({
  v: `i64_mul(${v}, ${i64(factor)})`,
  fits: `(i64_le(${v}, ${i64(GREATEST / factor)}) && i64_ge(${v}, ${i64(-(GREATEST / factor))}))`,
});

/** Rescales ticks from one unit to another: points in time floor, durations truncate. */
export function rescale(v: string, from: TimeUnit, to: TimeUnit, rounding: "floor" | "trunc"): Ticks {
  const [a, b] = [PER_SECOND[from], PER_SECOND[to]];
  if (a === b) return { v, fits: null };
  return b > a ? multiplied(v, b / a) : { v: `i64_${rounding}_div(${v}, ${i64(a / b)})`, fits: null };
}
