/** Hyperbolic functions in WGSL by Taylor series below 1 and by e^x from there; their inverses by the formulas of Rust's library. */

import type { Definitions } from "./definitions.ts";

const viaF64 = (name: string): Definitions => ({
  [`f32_${name}`]: `fn f32_${name}(a: u32) -> u32 { return f64_to_f32(f64_${name}(f32_to_f64(a))); }`,
});

/** The inverses, each step rounded as Rust's f32 and f64 do: their own error, several units, is part of what polars returns. */
const inverses = (type: "f32" | "f64", value: string, one: string, half: string): Definitions => ({
  [`${type}_asinh`]: `
fn ${type}_asinh(a: ${value}) -> ${value} {
  let x = ${type}_abs(a);
  let inverse = ${type}_div(${one}, x);
  let s = ${type}_add(x, ${type}_div(x, ${type}_add(${type}_hypot1(inverse), inverse)));
  return ${type}_with_sign(${type}_log1p(s), a);
}`,
  [`${type}_acosh`]: `
fn ${type}_acosh(a: ${value}) -> ${value} {
  if (${type}_is_nan(a) || ${type}_lt(a, ${one})) { return ${type.toUpperCase()}_NAN; }
  let root = ${type}_mul(${type}_sqrt(${type}_sub(a, ${one})), ${type}_sqrt(${type}_add(a, ${one})));
  return ${type}_ln(${type}_add(a, root));
}`,
  [`${type}_atanh`]: `
fn ${type}_atanh(a: ${value}) -> ${value} {
  return ${type}_mul(${half}, ${type}_log1p(${type}_div(${type}_add(a, a), ${type}_sub(${one}, a))));
}`,
});

export const HYPERBOLIC: Definitions = {
  /** sinh r and cosh r of |r| < 1 as normal significands, r normal. */
  sinh_significand: `
fn sinh_significand(r: F64Significand) -> F64Significand {
  let half = u64_shr(r.m, 1u);
  let h = taylor_rest(significand_square(r), 1u, true);
  return significand_normal(F64Significand(r.e + 1, u64_add(half, u64_mul_high(half, h))));
}`,
  cosh_significand: `
fn cosh_significand(r: F64Significand) -> F64Significand {
  let h = taylor_rest(significand_square(r), 0u, true);
  return F64Significand(1023, u64_add(vec2<u32>(0u, 0x80000000u), u64_shr(h, 1u)));
}`,
  f64_sinh: `
fn f64_sinh(a: vec2<u32>) -> vec2<u32> {
  if (!f64_is_finite(a) || f64_is_zero(a)) { return a; }
  let sign = a.y & 0x80000000u;
  if ((a.y & 0x7fffffffu) < 0x3ff00000u) {
    let s = sinh_significand(f64_significand(a));
    return f64_round_normal(sign, s.e, s.m);
  }
  let grown = wide_exp(wide_from_f64(f64_abs(a)));
  let twice = wide_to_f64(wide_halved(wide_sub(grown, wide_div(WIDE_ONE, grown))));
  return vec2<u32>(twice.x, twice.y | sign);
}`,
  wide_halved: "fn wide_halved(a: Wide) -> Wide { return Wide(a.negative, a.exponent - 1, a.mantissa); }",
  f64_cosh: `
fn f64_cosh(a: vec2<u32>) -> vec2<u32> {
  if (!f64_is_finite(a)) { return f64_abs(a); }
  let grown = wide_exp(wide_from_f64(f64_abs(a)));
  return wide_to_f64(wide_halved(wide_add(grown, wide_div(WIDE_ONE, grown))));
}`,
  /** From 1 on 1 - 2 / (e^2x + 1). */
  f64_tanh: `
fn f64_tanh(a: vec2<u32>) -> vec2<u32> {
  if (f64_is_nan(a) || f64_is_zero(a)) { return a; }
  let sign = a.y & 0x80000000u;
  if ((a.y & 0x7fffffffu) >= 0x40400000u) { return vec2<u32>(0u, sign | 0x3ff00000u); }
  if ((a.y & 0x7fffffffu) < 0x3ff00000u) {
    let r = f64_significand(a);
    let t = significand_div(sinh_significand(r), cosh_significand(r));
    return f64_round_significand(sign, t.e, t.m);
  }
  var double = wide_from_f64(f64_abs(a));
  double.exponent++;
  var rest = wide_div(WIDE_ONE, wide_add(wide_exp(double), WIDE_ONE));
  rest.exponent++;
  let t = wide_to_f64(wide_sub(WIDE_ONE, rest));
  return vec2<u32>(t.x, t.y | sign);
}`,
  ...viaF64("sinh"),
  ...viaF64("cosh"),
  ...viaF64("tanh"),
  f64_with_sign:
    "fn f64_with_sign(a: vec2<u32>, sign: vec2<u32>) -> vec2<u32> { return vec2<u32>(a.x, (a.y & 0x7fffffffu) | (sign.y & 0x80000000u)); }",
  f32_with_sign: "fn f32_with_sign(a: u32, sign: u32) -> u32 { return (a & 0x7fffffffu) | (sign & 0x80000000u); }",
  /** sqrt(1 + a^2), rounded once; infinite for an infinite a. */
  f64_hypot1: `
fn f64_hypot1(a: vec2<u32>) -> vec2<u32> {
  if (!f64_is_finite(a)) { return f64_abs(a); }
  let w = wide_add(WIDE_ONE, wide_normal(f64_mul_exact(a, a)));
  let e = w.exponent + 127;
  let m = vec2<u32>(w.mantissa.z | u32((w.mantissa.x | w.mantissa.y) != 0u), w.mantissa.w);
  return f64_round_normal(0u, (e >> 1u) + 1023, u64_sqrt_wide(select(u64_shr(m, 1u), m, (e & 1) != 0)));
}`,
  f32_hypot1: "fn f32_hypot1(a: u32) -> u32 { return f64_to_f32(f64_hypot1(f32_to_f64(a))); }",
  ...inverses("f64", "vec2<u32>", "vec2<u32>(0u, 0x3ff00000u)", "vec2<u32>(0u, 0x3fe00000u)"),
  ...inverses("f32", "u32", "0x3f800000u", "0x3f000000u"),
};
