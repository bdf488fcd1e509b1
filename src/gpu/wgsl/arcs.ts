/** Inverse circular functions in WGSL: all are the angle of a point; atan(y / x) by a table of 33 and a series of the exact rest. */

import type { Definitions } from "./definitions.ts";
import { arcTangents, fixed, inverse, PI, table, vector } from "./fixed-constants.ts";

/** Terms of atan(d) / d, d < 2^-5.98: the next one is d^14 / 15, below 2^-87. */
const TERMS = 6;

export const ARCS: Definitions = {
  /** atan(j / 32) with 126 bits behind the point. */
  ATAN_TABLE: table("ATAN_TABLE", () => arcTangents(32).map((v) => fixed(v, 126)), 4),
  ATAN_TERMS: table("ATAN_TERMS", () => Array.from({ length: TERMS }, (_, k) => fixed(inverse(2 * k + 3), 64)), 2),
  /** a * b * 2^32 for b <= 32. */
  u64_scaled: `
fn u64_scaled(a: vec2<u32>, b: u32) -> vec4<u32> {
  let low = u32_mul_wide(a.x, b);
  let high = u64_add(u32_mul_wide(a.y, b), vec2<u32>(low.y, 0u));
  return vec4<u32>(0u, low.x, high);
}`,
  /** The leading one to bit 63; a zero stays one, with an exponent below all others. */
  u128_significand: `
fn u128_significand(a: vec4<u32>, e: i32) -> F64Significand {
  let z = u128_clz(a);
  return F64Significand(select(e - i32(z), -0x100000, z == 128u), u128_shl(a, z).zw);
}`,
  /**
   * The angle in 0 .. pi of the point (x or, \`left\`, -x; y) as a double without sign; x and y normal or 0 with an exponent below all others,
   * not both 0. n / d <= 1 is the tangent next to an axis, j / 32 near it: atan(n / d) = atan(j / 32) + atan((32 n - j d) / (32 d + j n)), whose
   * numbers are exact in 128 bits. Off by less than 2^-61 of the result, next to the table's entries too.
   */
  arc: `
fn arc(y: F64Significand, x: F64Significand, left: bool) -> vec2<u32> {
  let steep = y.e > x.e || (y.e == x.e && u64_lt(x.m, y.m));
  var n = y;
  var d = x;
  if (steep) { n = x; d = y; }
  let shift = u32(d.e - n.e);
  var j = 0u;
  if (shift <= 6u) { j = ((n.m.y >> (shift + 1u)) + (d.m.y >> 7u)) / (d.m.y >> 6u); }
  var over = n;
  var under = d;
  var below = false;
  if (j != 0u) {
    let t = u128_shr_jam(u64_scaled(n.m, 32u), shift);
    let nearest = u64_scaled(d.m, j);
    below = u128_lt(t, nearest);
    over = u128_significand(u128_sub(select(t, nearest, below), select(nearest, t, below)), 1023);
    under = u128_significand(u128_add(u64_scaled(d.m, 32u), u128_shr_jam(u64_scaled(n.m, j), shift)), 1023);
  }
  var rest = Wide(false, -0x200000, vec4<u32>(0u));
  if (any(over.m != vec2<u32>(0u))) {
    let q = significand_normal(significand_div(over, under));
    let w = significand_square(q);
    var s = ATAN_TERMS[${TERMS - 1}];
    for (var k = ${TERMS - 1}u; k > 0u; k--) { s = u64_sub(ATAN_TERMS[k - 1u], u64_mul_high(w, s)); }
    let m = u64_sub(q.m, u64_mul_high(q.m, u64_mul_high(w, s)));
    rest = wide_normal(Wide(below, q.e - 1150, vec4<u32>(0u, 0u, m)));
  }
  let quarter = ${vector(fixed(PI >> 1n, 126), 4)};
  let axis = select(select(vec4<u32>(0u), u128_shl(quarter, 1u), left), quarter, steep);
  let base = select(u128_add(axis, ATAN_TABLE[j]), u128_sub(axis, ATAN_TABLE[j]), left != steep);
  rest.negative = rest.negative != (left != steep);
  return wide_to_f64(wide_add(wide_normal(Wide(false, -126, base)), rest));
}`,
  /** A coordinate for \`arc\`: infinity is 1 and what is not is 0 where one of the two is infinite. */
  coordinate: `
fn coordinate(a: vec2<u32>, infinite: bool) -> F64Significand {
  let one = F64Significand(1023, vec2<u32>(0u, 0x80000000u));
  let none = F64Significand(-0x100000, vec2<u32>(0u));
  if (!f64_is_finite(a)) { return one; }
  if (infinite || f64_is_zero(a)) { return none; }
  return f64_significand(a);
}`,
  f64_atan2: `
fn f64_atan2(y: vec2<u32>, x: vec2<u32>) -> vec2<u32> {
  if (f64_is_nan(y) || f64_is_nan(x)) { return F64_NAN; }
  let infinite = !f64_is_finite(y) || !f64_is_finite(x);
  var along = coordinate(x, infinite);
  if (f64_is_zero(y) && f64_is_zero(x)) { along = F64Significand(1023, vec2<u32>(0u, 0x80000000u)); }
  let angle = arc(coordinate(y, infinite), along, (x.y >> 31u) != 0u);
  return vec2<u32>(angle.x, angle.y | (y.y & 0x80000000u));
}`,
  f64_atan: "fn f64_atan(a: vec2<u32>) -> vec2<u32> { return f64_atan2(a, vec2<u32>(0u, 0x3ff00000u)); }",
  /** sqrt(1 - a^2) of |a| <= 1: the difference exact in 128 bits unless a is small, the root cut at 64. */
  f64_cathetus: `
fn f64_cathetus(a: vec2<u32>) -> F64Significand {
  let w = wide_sub(WIDE_ONE, wide_normal(f64_mul_exact(a, a)));
  if (all(w.mantissa == vec4<u32>(0u))) { return F64Significand(-0x100000, vec2<u32>(0u)); }
  let e = w.exponent + 127;
  let m = w.mantissa.zw;
  return F64Significand((e >> 1u) + 1023, u64_sqrt_wide(select(u64_shr(m, 1u), m, (e & 1) != 0)));
}`,
  f64_asin: `
fn f64_asin(a: vec2<u32>) -> vec2<u32> {
  if (u64_lt(vec2<u32>(0u, 0x3ff00000u), f64_abs(a))) { return F64_NAN; }
  let angle = arc(coordinate(f64_abs(a), false), f64_cathetus(a), false);
  return vec2<u32>(angle.x, angle.y | (a.y & 0x80000000u));
}`,
  f64_acos: `
fn f64_acos(a: vec2<u32>) -> vec2<u32> {
  if (u64_lt(vec2<u32>(0u, 0x3ff00000u), f64_abs(a))) { return F64_NAN; }
  return arc(f64_cathetus(a), coordinate(f64_abs(a), false), (a.y >> 31u) != 0u);
}`,
  f32_atan2: "fn f32_atan2(y: u32, x: u32) -> u32 { return f64_to_f32(f64_atan2(f32_to_f64(y), f32_to_f64(x))); }",
  f32_atan: "fn f32_atan(a: u32) -> u32 { return f64_to_f32(f64_atan(f32_to_f64(a))); }",
  f32_asin: "fn f32_asin(a: u32) -> u32 { return f64_to_f32(f64_asin(f32_to_f64(a))); }",
  f32_acos: "fn f32_acos(a: u32) -> u32 { return f64_to_f32(f64_acos(f32_to_f64(a))); }",
};
