/** Sine, cosine and tangent in WGSL: Payne-Hanek reduction of any double, then Taylor series in 64-bit fixed point. */

import type { Definitions } from "./definitions.ts";
import { fixed, inverseFactorial, PI, table, twoOverPi, vector } from "./fixed-constants.ts";

/** Words of the expansion of 2 / pi from 2^63 down: a window of 192 bits under the largest double needs 39, the shift one more. */
const WORDS = 40;
/** Pairs of terms: of r^2 < 1 the next one is 1 / 22!, below 2^-69. */
const TERMS = 10;

/** A function of finite values, NaN for others; f32 is computed in f64. */
const circular = (name: string, wgsl: string): Definitions => ({
  [`f64_${name}`]: `
fn f64_${name}(a: vec2<u32>) -> vec2<u32> {
  if (!f64_is_finite(a)) { return F64_NAN; }
  let r = f64_reduce(a);
${wgsl}
}`,
  [`f32_${name}`]: `fn f32_${name}(a: u32) -> u32 { return f64_to_f32(f64_${name}(f32_to_f64(a))); }`,
});

/** Two words of zeros, then the bits behind the point. */
const expansion = twoOverPi((WORDS - 2) * 32);
const expansionWord = (i: number): string => `0x${((expansion >> BigInt((WORDS - 1 - i) * 32)) & 0xffffffffn).toString(16)}u`;

export const CIRCULAR: Definitions = {
  TWO_OVER_PI: `const TWO_OVER_PI = array<u32, ${WORDS}>(${Array.from({ length: WORDS }, (_, i) => expansionWord(i)).join(", ")});`,
  /** 1 / 2!, 1 / 3!, .. with 64 bits behind the point. */
  INVERSE_FACTORIALS: table("INVERSE_FACTORIALS", () => Array.from({ length: 2 * TERMS }, (_, i) => fixed(inverseFactorial(i + 2), 64)), 2),
  /** quadrant * pi / 2 + r, |r| <= pi / 4, r = (-1)^negative of `r`'s significand. */
  Angle: "struct Angle { quadrant: u32, negative: bool, r: F64Significand }",
  /**
   * |a| of a finite a as an Angle; the sign of a is left out. a is M * 2^q; the bits of 2 / pi that weigh 2^(2 - q) and more make multiples of
   * whole turns and are left out, the 192 below them times M are the angle in quarter turns with 190 bits behind the point. Cut at 2^-137,
   * and no double is nearer to a multiple of pi / 2 than 2^-62, so that 64 bits of r are right in any case.
   */
  f64_reduce: `
fn f64_reduce(a: vec2<u32>) -> Angle {
  let s = f64_significand(a);
  if (s.e < 1022) { return Angle(0u, false, s); }
  let p = f64_parts(a);
  let at = u32(62 + p.exponent);
  let shift = at & 31u;
  var word = (at >> 5u) + 6u;
  var before = vec2<u32>(0u);
  var carry = vec2<u32>(0u);
  var product = array<u32, 6>();
  for (var i = 0u; i < 6u; i++) {
    word--;
    let w = (TWO_OVER_PI[word] << shift) | ((TWO_OVER_PI[word + 1u] >> 1u) >> (31u - shift));
    let low = u64_add(u32_mul_wide(w, p.mantissa.x), carry);
    let sum = u64_add(low, before);
    product[i] = sum.x;
    carry = vec2<u32>(sum.y, u32(u64_lt(low, carry)) + u32(u64_lt(sum, before)));
    before = u32_mul_wide(w, p.mantissa.y);
  }
  var turn = vec4<u32>(product[2], product[3], product[4], product[5]);
  turn = u128_shl(turn, 2u) | vec4<u32>(product[1] >> 30u, 0u, 0u, 0u);
  let near = (turn.w >> 31u) != 0u;
  let f = select(turn, u128_neg(turn), near);
  let z = u128_clz(f);
  let m = u64_mul_wide(u128_shl(f, z).zw, ${vector(fixed(PI >> 1n, 63), 2)});
  let high = (m.w >> 31u) != 0u;
  let r = select(vec2<u32>((m.z << 1u) | (m.y >> 31u), (m.w << 1u) | (m.z >> 31u)), m.zw, high);
  return Angle((product[5] >> 30u) + u32(near), near, F64Significand(1022 - i32(z) + i32(high), r));
}`,
  /** a < 1 in 64 bits behind the point; what lies below is cut. */
  significand_fixed: `
fn significand_fixed(a: F64Significand) -> vec2<u32> { return u64_shr(a.m, u32(1022 - a.e)); }`,
  /**
   * For z = r^2 < 1 with 64 bits behind the point, odd = 0: z/2! - z^2/4! + .., which is 1 - cos r, odd = 1: z/3! - z^2/5! + .., which is
   * 1 - sin r / r. All terms are added where \`hyperbolic\`: cosh r - 1 and sinh r / r - 1. Off by at most 2^-60.
   */
  taylor_rest: `
fn taylor_rest(z: vec2<u32>, odd: u32, hyperbolic: bool) -> vec2<u32> {
  var s = vec2<u32>(0u);
  for (var k = ${2 * TERMS}u; k > 0u; k -= 2u) {
    let t = u64_mul_high(z, s);
    let c = INVERSE_FACTORIALS[k - 2u + odd];
    s = select(u64_sub(c, t), u64_add(c, t), hyperbolic);
  }
  return u64_mul_high(z, s);
}`,
  /** sin r or cos r of |r| <= pi / 4 and z = r^2 as a significand, not normal: the leading one is at bit 62 or 63, but for a zero. */
  sine_significand: `
fn sine_significand(r: F64Significand, z: vec2<u32>, cosine: bool) -> F64Significand {
  let h = taylor_rest(z, u32(!cosine), false);
  if (cosine) { return F64Significand(1023, u64_sub(vec2<u32>(0u, 0x80000000u), u64_shr(h, 1u))); }
  return F64Significand(r.e, u64_sub(r.m, u64_mul_high(r.m, h)));
}`,
  significand_square: `
fn significand_square(r: F64Significand) -> vec2<u32> {
  let x = significand_fixed(r);
  return u64_mul_high(x, x);
}`,
  significand_normal: `
fn significand_normal(a: F64Significand) -> F64Significand {
  let z = u64_clz(a.m);
  return F64Significand(a.e - i32(z), u64_shl(a.m, z));
}`,
  /** a / b of normal significands; the quotient's leading one is at bit 62 or 63, its least bit is sticky. */
  significand_div: `
fn significand_div(a: F64Significand, b: F64Significand) -> F64Significand {
  let v = u64_reciprocal(b.m);
  let high = u64_div_step(u64_shr(a.m, 1u), 0u, b.m, v);
  let low = u64_div_step(high.r, 0u, b.m, v);
  return F64Significand(a.e - b.e + 1023, vec2<u32>(low.q.x | u32(any(low.r != vec2<u32>(0u))), high.q.x));
}`,
  ...circular(
    "sin",
    `  let z = significand_square(r.r);
  let sign = select(0u, 0x80000000u, ((a.y >> 31u) != 0u) != (((r.quadrant & 2u) != 0u) != (r.negative && (r.quadrant & 1u) == 0u)));
  let s = sine_significand(r.r, z, (r.quadrant & 1u) == 1u);
  return f64_round_significand(sign, s.e, s.m);`,
  ),
  ...circular(
    "cos",
    `  let z = significand_square(r.r);
  let sign = select(0u, 0x80000000u, ((r.quadrant & 2u) != 0u) != (!r.negative && (r.quadrant & 1u) != 0u));
  let s = sine_significand(r.r, z, (r.quadrant & 1u) == 0u);
  return f64_round_significand(sign, s.e, s.m);`,
  ),
  ...circular(
    "tan",
    `  if (f64_is_zero(a)) { return a; }
  let z = significand_square(r.r);
  let s = significand_normal(sine_significand(r.r, z, false));
  let c = significand_normal(sine_significand(r.r, z, true));
  let swap = (r.quadrant & 1u) != 0u;
  let sign = select(0u, 0x80000000u, ((a.y >> 31u) != 0u) != (r.negative != swap));
  var over = s;
  var under = c;
  if (swap) { over = c; under = s; }
  let t = significand_div(over, under);
  return f64_round_significand(sign, t.e, t.m);`,
  ),
  // Polars' cotangent is the reciprocal of the rounded tangent.
  f64_cot: "fn f64_cot(a: vec2<u32>) -> vec2<u32> { return f64_div(vec2<u32>(0u, 0x3ff00000u), f64_tan(a)); }",
  f32_cot: "fn f32_cot(a: u32) -> u32 { return f32_div(0x3f800000u, f32_tan(a)); }",
};
