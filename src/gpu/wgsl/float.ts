/** What f32 and f64 have in common: Polars' total order, extremes, and the operations that are compositions of others. */

import { comparisons, type Definitions } from "./definitions.ts";

/**
 * Order, extremes and compositions of the float type `type` kept in `value`, out of its `T_order T_key T_add T_mul T_div T_floor`.
 *
 * Comparisons are Polars' total order: NaN equals NaN and is above infinity, -0 equals 0. `T_min` and `T_max` are one step of
 * min_horizontal and max_horizontal: IEEE `a < b ? a : b`, so that a NaN on either side gives `b`, and `b` of equal zeros. `T_total_min` and
 * `T_total_max` are the same by the total order.
 */
export const floatCompositions = (type: "f32" | "f64", value: string): Definitions => ({
  [`${type}_eq`]: `fn ${type}_eq(a: ${value}, b: ${value}) -> bool { return all(${type}_key(a) == ${type}_key(b)); }`,
  ...comparisons(type, value),
  [`${type}_min`]: `
fn ${type}_min(a: ${value}, b: ${value}) -> ${value} {
  return select(b, a, ${type}_lt(a, b) && !${type}_is_nan(b));
}`,
  [`${type}_max`]: `
fn ${type}_max(a: ${value}, b: ${value}) -> ${value} {
  return select(b, a, ${type}_lt(b, a) && !${type}_is_nan(a));
}`,
  [`${type}_total_min`]: `
fn ${type}_total_min(a: ${value}, b: ${value}) -> ${value} { return select(b, a, ${type}_lt(a, b)); }`,
  [`${type}_total_max`]: `
fn ${type}_total_max(a: ${value}, b: ${value}) -> ${value} { return select(b, a, ${type}_lt(b, a)); }`,
  [`${type}_sub`]: `fn ${type}_sub(a: ${value}, b: ${value}) -> ${value} { return ${type}_add(a, ${type}_neg(b)); }`,

  /** floor(a / b), of the rounded quotient. */
  [`${type}_floor_div`]: `fn ${type}_floor_div(a: ${value}, b: ${value}) -> ${value} { return ${type}_floor(${type}_div(a, b)); }`,
  [`${type}_trunc_div`]: `fn ${type}_trunc_div(a: ${value}, b: ${value}) -> ${value} { return ${type}_trunc(${type}_div(a, b)); }`,
  /** a - b * floor(a / b), each step rounded. */
  [`${type}_rem`]: `
fn ${type}_rem(a: ${value}, b: ${value}) -> ${value} {
  return ${type}_sub(a, ${type}_mul(b, ${type}_floor_div(a, b)));
}`,

  // Polars divides a column by a literal through the literal's reciprocal, rounded once: `inverse` is T_div(1, b).
  [`${type}_div_literal`]: `
fn ${type}_div_literal(a: ${value}, inverse: ${value}) -> ${value} { return ${type}_mul(a, inverse); }`,
  [`${type}_floor_div_literal`]: `
fn ${type}_floor_div_literal(a: ${value}, inverse: ${value}) -> ${value} { return ${type}_floor(${type}_mul(a, inverse)); }`,
  [`${type}_rem_literal`]: `
fn ${type}_rem_literal(a: ${value}, b: ${value}, inverse: ${value}) -> ${value} {
  return ${type}_sub(a, ${type}_mul(b, ${type}_floor_div_literal(a, inverse)));
}`,
});
