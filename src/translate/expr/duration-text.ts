/** Durations as polars' functions take them, texts like "1d12h" or "-3mo": parsed into calendar units. */

import type { TimeUnit } from "../../ir/dtype.ts";

/** Months, weeks, days and nanoseconds are kept apart, since they are not all of one length; all are at least 0. */
export interface DurationText {
  readonly negative: boolean;
  readonly months: bigint;
  readonly weeks: bigint;
  readonly days: bigint;
  readonly nanoseconds: bigint;
}

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const MONTHS: Readonly<Record<string, bigint>> = { mo: 1n, q: 3n, y: 12n };

export const NANOSECONDS_PER_DAY = 86_400_000_000_000n;
export const NANOSECONDS_PER_TICK: Readonly<Record<TimeUnit, bigint>> = { ms: 1_000_000n, us: 1_000n, ns: 1n };

/** Null for what is no such text. */
export function parseDuration(text: string): DurationText | null {
  if (!/^[+-]?(?:\d+[a-zµ]+)+$/.test(text)) return null;
  let [months, weeks, days, nanoseconds] = [0n, 0n, 0n, 0n];
  for (const [, digits = "", unit = ""] of text.matchAll(/(\d+)([a-zµ]+)/g)) {
    const count = BigInt(digits);
    const [ofTime, ofMonths] = [NANOSECONDS[unit], MONTHS[unit]];
    if (ofTime !== undefined) nanoseconds += count * ofTime;
    else if (ofMonths !== undefined) months += count * ofMonths;
    else if (unit === "w") weeks += count;
    else if (unit === "d") days += count;
    else return null;
  }
  return { negative: text.startsWith("-"), months, weeks, days, nanoseconds };
}

/** How many of the four units the duration has. */
export const unitsOf = (d: DurationText): number => [d.months, d.weeks, d.days, d.nanoseconds].filter((n) => n !== 0n).length;

/** The length that polars takes half of when it rounds: months of 28 days. */
export const nominalNanoseconds = (d: DurationText): bigint =>
  (d.months * 28n + d.weeks * 7n + d.days) * NANOSECONDS_PER_DAY + d.nanoseconds;
