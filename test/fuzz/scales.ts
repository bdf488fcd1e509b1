/** Which aggregates round on the way in CPU polars, and the scale that their difference from the exact answer is measured by. */

import type { Kind, Noise } from "./tree.ts";

/** How far the answer of an aggregate of such values may be from CPU polars'. */
export function noiseLeft(method: string, kind: Kind): Noise | null {
  if (method === "std") return "squared";
  return method === "mean" || method === "var" || (method === "sum" && kind === "float") ? "linear" : null;
}

/** The expression that gives the scale: the sum or mean of magnitudes, or of squares; null where the aggregate has it. */
export function scaleOf(method: string, kind: Kind): ((value: string) => string) | null {
  if (noiseLeft(method, kind) === null) return null;
  if (method === "sum" || method === "mean") return (value) => `${value}.cast(pl.Float64).abs().${method}()`;
  return (value) => {
    const float = `${value}.cast(pl.Float64)`;
    return `pl.when(${value}.${method}().isNull()).then(pl.lit(null)).otherwise(${float}.mul(${float}).mean())`;
  };
}

/**
 * Of the scale, what floats of 64 and of 32 bits may differ by: CPU polars adds the rows of a group one after the other, and equal rows behind one
 * another, as a cross join makes them, are rounded the same way each time. For f32 that is the roundings of some thousand rows.
 */
const RELATIVE: Readonly<Record<string, number>> = { Float64: 1e-12, Float32: 2 ** -13 };

/** Whether two inexact values of a dtype are as near as their scale asks for. */
export function near(a: number, b: number, noise: Noise, scale: number, dtype: string): boolean {
  if (a === b) return true;
  const [x, y] = noise === "squared" ? [a * a, b * b] : [a, b];
  return Number.isFinite(scale) && Math.abs(x - y) <= (RELATIVE[dtype] ?? 0) * scale;
}
