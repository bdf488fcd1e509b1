/** e^x in WGSL: x * log2(e) in 128 bits, its integer part the exponent, 2^fraction in 64-bit fixed point by a table of 16 and a polynomial. */

import type { Definitions } from "./definitions.ts";
import { exp2, exp2Coefficient, fixed, LOG2_E, table, vector } from "./fixed-constants.ts";

/** Terms of 2^g, g < 1/16: the next one is (ln 2 / 16)^11 / 11!, below 2^-75. */
const TERMS = 10;

export const EXPONENTIAL: Definitions = {
  /** The high half of the product, or up to 2 less. */
  u64_mul_high: `
fn u64_mul_high(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let p01 = u32_mul_wide(a.x, b.y);
  let p10 = u32_mul_wide(a.y, b.x);
  let carry = u32(p01.x + p10.x < p01.x);
  return u64_add(u64_add(u32_mul_wide(a.y, b.y), vec2<u32>(p01.y, 0u)), vec2<u32>(p10.y + carry, 0u));
}`,
  EXP2_SIXTEENTHS: table("EXP2_SIXTEENTHS", () => Array.from({ length: 16 }, (_, i) => fixed(exp2(BigInt(i), 16n), 63)), 2),
  EXP2_TERMS: table("EXP2_TERMS", () => Array.from({ length: TERMS }, (_, i) => fixed(exp2Coefficient(i + 1), 64)), 2),
  WIDE_LOG2_E: `const WIDE_LOG2_E = Wide(false, -127, ${vector(fixed(LOG2_E, 127), 4)});`,
  /**
   * e^a of a normal a, to within 2^-61 of it plus what a is off: the fraction is cut at 2^-64, and each of the eleven products below loses
   * at most 3 units of 2^-64. Rounded to a double it is off by at most 0.502 units of the last place. From |a| = 2^13 on, so large or so
   * small that it rounds to infinity or 0.
   */
  exp_significand: `
fn exp_significand(a: Wide) -> F64Significand {
  let t = wide_mul(a, WIDE_LOG2_E);
  if (t.exponent > -115) { return F64Significand(select(0x4000, -0x4000, t.negative), vec2<u32>(0u, 0x80000000u)); }
  let v = u128_shr_jam(t.mantissa, u32(-64 - t.exponent));
  var n = bitcast<i32>(v.z);
  var f = v.xy;
  if (t.negative) {
    n = -n - i32(any(f != vec2<u32>(0u)));
    f = u64_neg(f);
  }
  let g = vec2<u32>(f.x, f.y & 0x0fffffffu);
  var s = EXP2_TERMS[${TERMS - 1}];
  for (var k = ${TERMS - 1}u; k > 0u; k--) { s = u64_add(EXP2_TERMS[k - 1u], u64_mul_high(g, s)); }
  let step = EXP2_SIXTEENTHS[f.y >> 28u];
  return F64Significand(n + 1023, u64_add(step, u64_mul_high(step, u64_mul_high(g, s))));
}`,
  wide_exp: `
fn wide_exp(a: Wide) -> Wide {
  let s = exp_significand(a);
  return Wide(false, s.e - 1150, vec4<u32>(0u, 0u, s.m));
}`,
  f64_exp: `
fn f64_exp(a: vec2<u32>) -> vec2<u32> {
  if (!f64_is_finite(a)) { return select(select(a, vec2<u32>(0u), (a.y >> 31u) != 0u), F64_NAN, f64_is_nan(a)); }
  // Down to here the result is nearest to 1, which 64 bits do not tell from the midpoint below 1.
  if (!u64_lt(vec2<u32>(0u, 0x3c900000u), f64_abs(a))) { return vec2<u32>(0u, 0x3ff00000u); }
  let s = exp_significand(wide_from_f64(a));
  return f64_round_normal(0u, s.e, s.m);
}`,
  f32_exp: "fn f32_exp(a: u32) -> u32 { return f64_to_f32(f64_exp(f32_to_f64(a))); }",
};
