/** Logarithms in WGSL: x = 2^e * m, 1 / m by a table of 64 to within 2^-6, and ln(1 + r) of the exact rest r in 128-bit fixed point. */

import type { Definitions } from "./definitions.ts";
import { fixed, inverse, LN2, ln, table, vector } from "./fixed-constants.ts";

/** Terms of ln(1 + r) / r, |r| < 2^-6: the next one is r^14 / 15, below 2^-87. */
const TERMS = 13;

/** The approximate reciprocal of 1 + (j + 1/2) / 64 in 512ths; exact at both ends, so that numbers next to 1 lose nothing. */
const reciprocal = (j: number): bigint => {
  if (j === 0) return 512n;
  return j === 63 ? 256n : BigInt(Math.floor((65536 + 64 + j) / (129 + 2 * j)));
};
/** From this j on, m / 2 is taken: its logarithm is negative. */
const HALVED = 27;

export const LOGARITHM: Definitions = {
  /** -ln of the reciprocal that belongs to j, 116 bits behind the point, two's complement. */
  LN_TABLE: table("LN_TABLE", () => Array.from({ length: 64 }, (_, j) => fixed(-ln(reciprocal(j), j < HALVED ? 512n : 256n), 116)), 4),
  LN_TERMS: table("LN_TERMS", () => Array.from({ length: TERMS }, (_, k) => fixed(inverse(k + 2), 128)), 4),
  /** The high 128 bits of the 192-bit product a * b, or up to 3 less. */
  u128_mul_u64_high: `
fn u128_mul_u64_high(a: vec4<u32>, b: vec2<u32>) -> vec4<u32> {
  return u128_add(u64_mul_wide(a.zw, b), vec4<u32>(u64_mul_high(a.xy, b), 0u, 0u));
}`,
  /** a * b mod 2^128. */
  u128_mul_u32: `
fn u128_mul_u32(a: vec4<u32>, b: u32) -> vec4<u32> {
  let even = vec4<u32>(u32_mul_wide(a.x, b), u32_mul_wide(a.z, b));
  let odd = u32_mul_wide(a.y, b);
  return u128_add(even, vec4<u32>(0u, odd, a.w * b));
}`,
  u128_neg: "fn u128_neg(a: vec4<u32>) -> vec4<u32> { return u128_sub(vec4<u32>(0u), a); }",
  /**
   * ln(a) of a normal a > 0, to within 2^-76 of it for an a of 62 bits (then r is exact) and 2^-62 for others. r = m * reciprocal - 1 wraps
   * into two's complement with 128 bits behind the point.
   */
  wide_ln: `
fn wide_ln(a: Wide) -> Wide {
  let j = (a.mantissa.w >> 25u) & 63u;
  let e = a.exponent + 127 + i32(j >= ${HALVED}u);
  let c = select(select((65600u + j) / (129u + 2u * j), 256u, j == 63u), 512u, j == 0u);
  var r = u128_mul_u32(vec4<u32>((a.mantissa.xyz >> vec3<u32>(8u)) | (a.mantissa.yzw << vec3<u32>(24u)), a.mantissa.w >> 8u), c);
  let below = (r.w >> 31u) != 0u;
  if (below) { r = u128_neg(r); }
  var s = LN_TERMS[${TERMS - 1}];
  for (var k = ${TERMS - 1}u; k > 0u; k--) {
    let t = u128_mul_u64_high(s, r.zw);
    s = select(u128_sub(LN_TERMS[k - 1u], t), u128_add(LN_TERMS[k - 1u], t), below);
  }
  let h = u128_mul_u64_high(u128_mul_u64_high(s, r.zw), r.zw);
  let rest = wide_normal(Wide(below, -128, select(u128_sub(r, h), u128_add(r, h), below)));
  let octaves = u128_mul_u32(${vector(fixed(LN2, 116), 4)}, u32(abs(e)));
  let base = u128_add(select(octaves, u128_neg(octaves), e < 0), LN_TABLE[j]);
  let negative = (base.w >> 31u) != 0u;
  return wide_add(wide_normal(Wide(negative, -116, select(base, u128_neg(base), negative))), rest);
}`,
  /** The natural logarithm. */
  f64_ln: `
fn f64_ln(a: vec2<u32>) -> vec2<u32> {
  if (f64_is_zero(a)) { return vec2<u32>(0u, 0xfff00000u); }
  if (f64_is_nan(a) || (a.y >> 31u) != 0u) { return F64_NAN; }
  if (!f64_is_finite(a)) { return a; }
  return wide_to_f64(wide_ln(wide_from_f64(a)));
}`,
  WIDE_ONE: "const WIDE_ONE = Wide(false, -127, vec4<u32>(0u, 0u, 0u, 0x80000000u));",
  /** ln(1 + a). */
  f64_log1p: `
fn f64_log1p(a: vec2<u32>) -> vec2<u32> {
  if (f64_is_nan(a) || (a.y & 0x7fffffffu) < 0x3ca00000u || (a.x == 0u && a.y == 0x7ff00000u)) { return a; }
  if ((a.y >> 31u) != 0u && a.y >= 0xbff00000u) {
    return select(F64_NAN, vec2<u32>(0u, 0xfff00000u), a.x == 0u && a.y == 0xbff00000u);
  }
  return wide_to_f64(wide_ln(wide_add(WIDE_ONE, wide_from_f64(a))));
}`,
  f32_ln: "fn f32_ln(a: u32) -> u32 { return f64_to_f32(f64_ln(f32_to_f64(a))); }",
  f32_log1p: "fn f32_log1p(a: u32) -> u32 { return f64_to_f32(f64_log1p(f32_to_f64(a))); }",
};
