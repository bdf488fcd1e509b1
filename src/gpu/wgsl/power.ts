/** Powers and cube roots in WGSL: of floats e^(y ln x) with a 128-bit logarithm, of integers exact modulo their width. */

import type { Definitions } from "./definitions.ts";
import { fixed, THIRD, vector } from "./fixed-constants.ts";

/** a^n by squaring, wrapping. */
const integerPower = (type: string, value: string, one: string): Definitions => ({
  [`${type}_ipow`]: `
fn ${type}_ipow(a: ${value}, n: u32) -> ${value} {
  var result = ${one};
  var square = a;
  for (var rest = n; rest != 0u; rest >>= 1u) {
    if ((rest & 1u) != 0u) { result = ${type}_mul(result, square); }
    square = ${type}_mul(square, square);
  }
  return result;
}`,
});

export const POWER: Definitions = {
  f64_is_signaling: "fn f64_is_signaling(a: vec2<u32>) -> bool { return f64_is_nan(a) && (a.y & 0x80000u) == 0u; }",
  /** Of a finite value: 0 no integer, 1 an odd one, 2 an even one. */
  f64_parity: `
fn f64_parity(a: vec2<u32>) -> u32 {
  let p = f64_parts(a);
  if (p.exponent > 0 || f64_is_zero(a)) { return 2u; }
  let n = u64_shr(p.mantissa, u32(-p.exponent));
  if (any(u64_shl(n, u32(-p.exponent)) != p.mantissa)) { return 0u; }
  return 2u - (n.x & 1u);
}`,
  /**
   * The logarithm has 76 bits, its product with b at most 11 in front of the point, which leaves e^x what it needs. The special cases are
   * those of IEEE-754's pow, in which a quiet NaN does not count where the other argument decides alone.
   */
  f64_pow: `
fn f64_pow(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let one = vec2<u32>(0u, 0x3ff00000u);
  if (f64_is_signaling(a) || f64_is_signaling(b)) { return F64_NAN; }
  if (f64_is_zero(b) || all(a == one)) { return one; }
  if (f64_is_nan(a) || f64_is_nan(b)) { return F64_NAN; }
  let size = f64_abs(a);
  let down = (b.y >> 31u) != 0u;
  if (!f64_is_finite(b)) {
    let grows = u64_lt(one, size) != down;
    return select(select(vec2<u32>(0u), vec2<u32>(0u, 0x7ff00000u), grows), one, all(size == one));
  }
  let parity = f64_parity(b);
  let sign = select(0u, a.y & 0x80000000u, parity == 1u);
  if (f64_is_zero(a) || !f64_is_finite(a)) { return vec2<u32>(0u, sign | select(0u, 0x7ff00000u, f64_is_zero(a) == down)); }
  if ((a.y >> 31u) != 0u && parity == 0u) { return F64_NAN; }
  let s = exp_significand(wide_mul(wide_ln(wide_from_f64(size)), wide_from_f64(b)));
  return f64_round_normal(sign, s.e, s.m);
}`,
  f64_cbrt: `
fn f64_cbrt(a: vec2<u32>) -> vec2<u32> {
  if (!f64_is_finite(a) || f64_is_zero(a)) { return a; }
  let third = Wide(false, -129, ${vector(fixed(THIRD, 129), 4)});
  let s = exp_significand(wide_mul(wide_ln(wide_from_f64(f64_abs(a))), third));
  return f64_round_normal(a.y & 0x80000000u, s.e, s.m);
}`,
  f32_is_signaling: "fn f32_is_signaling(a: u32) -> bool { return f32_is_nan(a) && (a & 0x400000u) == 0u; }",
  f32_pow: `
fn f32_pow(a: u32, b: u32) -> u32 {
  if (f32_is_signaling(a) || f32_is_signaling(b)) { return F32_NAN; }
  return f64_to_f32(f64_pow(f32_to_f64(a), f32_to_f64(b)));
}`,
  f32_cbrt: "fn f32_cbrt(a: u32) -> u32 { return f64_to_f32(f64_cbrt(f32_to_f64(a))); }",
  ...integerPower("i32", "i32", "1i"),
  ...integerPower("u32", "u32", "1u"),
  ...integerPower("i64", "vec2<u32>", "vec2<u32>(1u, 0u)"),
  ...integerPower("u64", "vec2<u32>", "vec2<u32>(1u, 0u)"),
};
