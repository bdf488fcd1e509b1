/** Numbers from the command line. */

import type { Effort } from "./timing.ts";

/** The number that `text` stands for. @throws RangeError naming the option where it does not fit. */
export function numberOption(name: string, text: string, fits: (value: number) => boolean): number {
  const value = Number(text);
  if (!fits(value)) throw new RangeError(`--${name}: '${text}' is not possible`);
  return value;
}

export const positive = (value: number): boolean => value > 0;
export const notNegative = (value: number): boolean => value >= 0;
export const count = (value: number): boolean => Number.isSafeInteger(value) && value > 0;
export const countOrNone = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

type EffortTexts = Readonly<Record<keyof Effort, string>>;
type EffortOptions = Readonly<Record<keyof Effort, { readonly type: "string"; readonly default: string }>>;

/** The options of an `Effort`: seconds for which each side warms up, counted runs, seconds after which none is started, runs after pauses. */
export const effortOptions = ({ warmup, runs, seconds, paused }: EffortTexts): EffortOptions => ({
  warmup: { type: "string", default: warmup },
  runs: { type: "string", default: runs },
  seconds: { type: "string", default: seconds },
  paused: { type: "string", default: paused },
});

/** @throws RangeError naming the option that does not fit. */
export const effortOf = ({ warmup, runs, seconds, paused }: EffortTexts): Effort => ({
  warmup: numberOption("warmup", warmup, notNegative),
  runs: numberOption("runs", runs, count),
  seconds: numberOption("seconds", seconds, positive),
  paused: numberOption("paused", paused, countOrNone),
});
