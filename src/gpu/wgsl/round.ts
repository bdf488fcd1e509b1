/** Rounding floats to integers and to decimals in WGSL, as Polars does: f32 decimals are computed in f64. */

import type { Definitions } from "./definitions.ts";

/** Decimals from here on need Polars' split multiplier, which the library does not have. */
export const MAX_ROUND_DECIMALS = 299;

/**
 * The multiplier that Polars rounds to `decimals` (1 .. MAX_ROUND_DECIMALS) with: 10^decimals by repeated squaring, each product
 * rounded, which is not always the nearest double.
 */
export const roundMultiplier = (decimals: number): number => {
  let result = 1;
  for (let base = 10, n = decimals; n > 0; base *= base, n = Math.floor(n / 2)) if (n % 2 === 1) result *= base;
  return result;
};

// A NaN passes through every function of this file.
export const ROUND: Definitions = {
  f64_trunc: "fn f64_trunc(a: vec2<u32>) -> vec2<u32> { return f64_integral(a, false); }",
  f64_floor: "fn f64_floor(a: vec2<u32>) -> vec2<u32> { return f64_integral(a, (a.y >> 31u) != 0u); }",
  f64_ceil: "fn f64_ceil(a: vec2<u32>) -> vec2<u32> { return f64_integral(a, (a.y >> 31u) == 0u); }",
  /** The integer next to a, away from zero if `away`, else towards it; keeps the sign of a zero. */
  f64_integral: `
fn f64_integral(a: vec2<u32>, away: bool) -> vec2<u32> {
  let e = (a.y >> 20u) & 0x7ffu;
  if (e >= 1075u) { return a; }
  if (e < 1023u) { return vec2<u32>(0u, (a.y & 0x80000000u) | select(0u, 0x3ff00000u, away && !f64_is_zero(a))); }
  let unit = u64_shl(vec2<u32>(1u, 0u), 1075u - e);
  let fraction = u64_sub(unit, vec2<u32>(1u, 0u));
  let inexact = any((a & fraction) != vec2<u32>(0u));
  return u64_add(a & ~fraction, select(vec2<u32>(0u), unit, away && inexact));
}`,
  /** To the nearest integer, halves to even: Polars' default. */
  f64_round: "fn f64_round(a: vec2<u32>) -> vec2<u32> { return f64_nearest(a, false); }",
  /** To the nearest integer, halves away from zero. */
  f64_round_away: "fn f64_round_away(a: vec2<u32>) -> vec2<u32> { return f64_nearest(a, true); }",
  f64_nearest: `
fn f64_nearest(a: vec2<u32>, halves_away: bool) -> vec2<u32> {
  let e = (a.y >> 20u) & 0x7ffu;
  if (e >= 1075u) { return a; }
  let sign = a.y & 0x80000000u;
  if (e < 1023u) {
    let half = a.x == 0u && (a.y & 0xfffffu) == 0u;
    return vec2<u32>(0u, sign | select(0u, 0x3ff00000u, e == 1022u && (halves_away || !half)));
  }
  let unit = u64_shl(vec2<u32>(1u, 0u), 1075u - e);
  let half = u64_shr(unit, 1u);
  let fraction = u64_sub(unit, vec2<u32>(1u, 0u));
  let rest = a & fraction;
  let up_at_half = halves_away || any((a & unit) != vec2<u32>(0u));
  let up = u64_lt(half, rest) || (up_at_half && all(rest == half));
  return u64_add(a & ~fraction, select(vec2<u32>(0u), unit, up));
}`,
  /** round(a * multiplier) / multiplier, or a where that is not finite; multiplier is `roundMultiplier(decimals)`. */
  f64_round_decimals: `
fn f64_round_decimals(a: vec2<u32>, multiplier: vec2<u32>) -> vec2<u32> {
  let r = f64_div(f64_round(f64_mul(a, multiplier)), multiplier);
  return select(a, r, f64_is_finite(r));
}`,
  /** f64_round_decimals with halves away from zero. */
  f64_round_away_decimals: `
fn f64_round_away_decimals(a: vec2<u32>, multiplier: vec2<u32>) -> vec2<u32> {
  let r = f64_div(f64_round_away(f64_mul(a, multiplier)), multiplier);
  return select(a, r, f64_is_finite(r));
}`,

  // An integer of at most 24 bits is an f32, so rounding the exact f64 and casting back loses nothing.
  f32_trunc: "fn f32_trunc(a: u32) -> u32 { return f64_to_f32(f64_trunc(f32_to_f64(a))); }",
  f32_floor: "fn f32_floor(a: u32) -> u32 { return f64_to_f32(f64_floor(f32_to_f64(a))); }",
  f32_ceil: "fn f32_ceil(a: u32) -> u32 { return f64_to_f32(f64_ceil(f32_to_f64(a))); }",
  f32_round: "fn f32_round(a: u32) -> u32 { return f64_to_f32(f64_round(f32_to_f64(a))); }",
  f32_round_away: "fn f32_round_away(a: u32) -> u32 { return f64_to_f32(f64_round_away(f32_to_f64(a))); }",
  /** In f64, halves to even in both of Polars' modes, then cast; a where that is not finite. */
  f32_round_decimals: `
fn f32_round_decimals(a: u32, multiplier: vec2<u32>) -> u32 {
  let r = f64_to_f32(f64_div(f64_round(f64_mul(f32_to_f64(a), multiplier)), multiplier));
  return select(a, r, f32_is_finite(r));
}`,
  f32_round_away_decimals: "fn f32_round_away_decimals(a: u32, multiplier: vec2<u32>) -> u32 { return f32_round_decimals(a, multiplier); }",
};
