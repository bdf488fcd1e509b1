/** IEEE-754 binary32 in integer WGSL on its bits in a u32, because WGSL's own f32 may flush subnormals and ignore NaN. */

import type { Definitions } from "./definitions.ts";
import { floatCompositions } from "./float.ts";

export const F32: Definitions = {
  F32_NAN: "const F32_NAN = 0x7fc00000u;",
  f32_is_nan: "fn f32_is_nan(a: u32) -> bool { return (a & 0x7fffffffu) > 0x7f800000u; }",
  f32_is_finite: "fn f32_is_finite(a: u32) -> bool { return (a & 0x7f800000u) != 0x7f800000u; }",
  f32_is_infinite: "fn f32_is_infinite(a: u32) -> bool { return (a & 0x7fffffffu) == 0x7f800000u; }",
  f32_is_zero: "fn f32_is_zero(a: u32) -> bool { return (a & 0x7fffffffu) == 0u; }",
  f32_neg: "fn f32_neg(a: u32) -> u32 { return a ^ 0x80000000u; }",
  f32_abs: "fn f32_abs(a: u32) -> u32 { return a & 0x7fffffffu; }",
  f32_lt: "fn f32_lt(a: u32, b: u32) -> bool { return f32_order(a) < f32_order(b); }",
  ...floatCompositions("f32", "u32"),

  /** A finite value's significand with its leading one at bit 31, and the biased exponent that belongs to it (below 1 for subnormals). */
  F32Significand: "struct F32Significand { e: i32, m: u32 }",
  f32_significand: `
fn f32_significand(a: u32) -> F32Significand {
  let e = (a >> 23u) & 0xffu;
  let m = (a << 8u) & 0x7fffffffu;
  if (e != 0u) { return F32Significand(i32(e), m | 0x80000000u); }
  let z = countLeadingZeros(m);
  return F32Significand(1 - i32(z), select(m << (z & 31u), 0u, z == 32u));
}`,

  /** Rounds m to nearest even: e is the biased exponent that a leading one at bit 31 has, the least bit of m is sticky, sign is 0 or bit 31; m = 0 is a zero. */
  f32_round_significand: `
fn f32_round_significand(sign: u32, e: i32, m: u32) -> u32 {
  if (m == 0u) { return sign; }
  let z = countLeadingZeros(m);
  var s = m << z;
  var exponent = e - i32(z);
  if (exponent <= 0) {
    s = u32_shr_jam(s, u32(1 - exponent));
    exponent = 1;
  }
  let kept = s >> 8u;
  let up = u32((s & 0xffu) + (kept & 1u) > 0x80u);
  return sign | select(kept + up + (u32(exponent - 1) << 23u), 0x7f800000u, exponent >= 0xff);
}`,

  f32_add: `
fn f32_add(a: u32, b: u32) -> u32 {
  let swap = f32_abs(a) < f32_abs(b);
  let x = select(a, b, swap);
  let y = select(b, a, swap);
  let ex = (x >> 23u) & 0xffu;
  let ey = (y >> 23u) & 0xffu;
  let opposite = ((x ^ y) >> 31u) != 0u;
  if (ex == 0xffu) { return select(x, F32_NAN, f32_is_nan(x) || (ey == 0xffu && opposite)); }
  let mx = ((x & 0x7fffffu) | (u32(ex != 0u) << 23u)) << 7u;
  let wide = ((y & 0x7fffffu) | (u32(ey != 0u) << 23u)) << 7u;
  let my = u32_shr_jam(wide, max(ex, 1u) - max(ey, 1u));
  let m = select(mx + my, mx - my, opposite);
  let sign = select(x & 0x80000000u, 0u, opposite && m == 0u);
  return f32_round_significand(sign, i32(max(ex, 1u)) + 1, m);
}`,

  f32_mul: `
fn f32_mul(a: u32, b: u32) -> u32 {
  let sign = (a ^ b) & 0x80000000u;
  if (!f32_is_finite(a) || !f32_is_finite(b)) {
    let nan = f32_is_nan(a) || f32_is_nan(b) || f32_is_zero(a) || f32_is_zero(b);
    return select(sign | 0x7f800000u, F32_NAN, nan);
  }
  let x = f32_significand(a);
  let y = f32_significand(b);
  let p = u32_mul_wide(x.m, y.m);
  return f32_round_significand(sign, x.e + y.e - 126, p.y | u32(p.x != 0u));
}`,

  f32_div: `
fn f32_div(a: u32, b: u32) -> u32 {
  let sign = (a ^ b) & 0x80000000u;
  let infinity = sign | 0x7f800000u;
  if (!f32_is_finite(a) || !f32_is_finite(b)) {
    let nan = f32_is_nan(a) || f32_is_nan(b) || (!f32_is_finite(a) && !f32_is_finite(b));
    return select(select(infinity, sign, f32_is_finite(a)), F32_NAN, nan);
  }
  if (f32_is_zero(b)) { return select(infinity, F32_NAN, f32_is_zero(a)); }
  let x = f32_significand(a);
  let y = f32_significand(b);
  let w = u32_div_wide(x.m >> 1u, 0u, y.m);
  return f32_round_significand(sign, x.e - y.e + 127, w.x | u32(w.y != 0u));
}`,

  f32_sqrt: `
fn f32_sqrt(a: u32) -> u32 {
  if (f32_is_zero(a)) { return a; }
  if (f32_is_nan(a) || (a >> 31u) != 0u) { return F32_NAN; }
  if (!f32_is_finite(a)) { return a; }
  let x = f32_significand(a);
  let e = x.e - 127;
  let root = u64_sqrt_rem(vec2<u32>(0u, select(x.m >> 1u, x.m, (e & 1) != 0)));
  return f32_round_significand(0u, (e >> 1u) + 127, root.s | u32(any(root.r != vec2<u32>(0u))));
}`,
};
