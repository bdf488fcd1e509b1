/** Lines of a table of text: cells of fixed widths, times and ratios. */
import type { Timing } from "./timing.ts";

export const cells = (texts: readonly string[], widths: readonly number[]): string =>
  texts.map((text, i) => text.padStart(widths[i] ?? 10)).join(" ");

export const digits = (value: number): string => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);

export const ms = (value: number | null | undefined): string => (value === null || value === undefined ? "-" : digits(value));

/** How many times longer the other side takes. */
export const ratio = (other: Timing | null, own: Timing | null): string =>
  other === null || own === null ? "-" : `${digits(other.medianMs / own.medianMs)}x`;

export const spread = (timing: Timing | null): string =>
  timing === null ? "-" : `${ms(timing.medianMs)} [${ms(timing.minMs)}, ${ms(timing.maxMs)}]`;

/** 50,000,000 as `50 M`. */
export function amount(value: number): string {
  const [unit, name] = value >= 1e9 ? [1e9, " G"] : value >= 1e6 ? [1e6, " M"] : value >= 1e3 ? [1e3, " k"] : [1, ""];
  return `${Number((value / unit).toPrecision(3))}${name}`;
}
