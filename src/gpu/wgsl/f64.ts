/** IEEE-754 binary64 in integer WGSL on vec2<u32> (x = low word): round to nearest even, subnormals, signed zeros, canonical NaN results. */

import type { Definitions } from "./definitions.ts";
import { floatCompositions } from "./float.ts";

export const F64: Definitions = {
  F64_NAN: "const F64_NAN = vec2<u32>(0u, 0x7ff80000u);",
  f64_is_nan: "fn f64_is_nan(a: vec2<u32>) -> bool { return ((a.y & 0x7fffffffu) | u32(a.x != 0u)) > 0x7ff00000u; }",
  f64_is_finite: "fn f64_is_finite(a: vec2<u32>) -> bool { return (a.y & 0x7ff00000u) != 0x7ff00000u; }",
  f64_is_infinite: "fn f64_is_infinite(a: vec2<u32>) -> bool { return (a.y & 0x7fffffffu) == 0x7ff00000u && a.x == 0u; }",
  f64_is_zero: "fn f64_is_zero(a: vec2<u32>) -> bool { return ((a.y & 0x7fffffffu) | a.x) == 0u; }",
  f64_neg: "fn f64_neg(a: vec2<u32>) -> vec2<u32> { return vec2<u32>(a.x, a.y ^ 0x80000000u); }",
  f64_abs: "fn f64_abs(a: vec2<u32>) -> vec2<u32> { return vec2<u32>(a.x, a.y & 0x7fffffffu); }",
  f64_lt: "fn f64_lt(a: vec2<u32>, b: vec2<u32>) -> bool { return u64_lt(f64_order(a), f64_order(b)); }",
  ...floatCompositions("f64", "vec2<u32>"),

  /** A finite value's significand with its leading one at bit 63, and the biased exponent that belongs to it (below 1 for subnormals). */
  F64Significand: "struct F64Significand { e: i32, m: vec2<u32> }",
  f64_significand: `
fn f64_significand(a: vec2<u32>) -> F64Significand {
  let e = (a.y >> 20u) & 0x7ffu;
  let m = vec2<u32>(a.x << 11u, ((a.y << 11u) | (a.x >> 21u)) & 0x7fffffffu);
  if (e != 0u) { return F64Significand(i32(e), vec2<u32>(m.x, m.y | 0x80000000u)); }
  let z = u64_clz(m);
  return F64Significand(1 - i32(z), u64_shl(m, z));
}`,

  /** Rounds m, whose leading one is bit 63, to nearest even: e is the biased exponent of that one, the least bit is sticky, sign is 0 or bit 31. */
  f64_round_normal: `
fn f64_round_normal(sign: u32, e: i32, m: vec2<u32>) -> vec2<u32> {
  var s = m;
  var exponent = e;
  if (exponent <= 0) {
    s = u64_shr_jam(s, u32(1 - exponent));
    exponent = 1;
  }
  let rest = s.x & 0x7ffu;
  let kept = vec2<u32>((s.x >> 11u) | (s.y << 21u), s.y >> 11u);
  let up = u32(rest + (kept.x & 1u) > 0x400u);
  let bits = u64_add(kept, vec2<u32>(up, u32(exponent - 1) << 20u));
  return select(vec2<u32>(bits.x, bits.y | sign), vec2<u32>(0u, sign | 0x7ff00000u), exponent >= 0x7ff);
}`,
  /** f64_round_normal of any m: e is the biased exponent that a leading one at bit 63 has; m = 0 is a zero. */
  f64_round_significand: `
fn f64_round_significand(sign: u32, e: i32, m: vec2<u32>) -> vec2<u32> {
  let z = u64_clz(m);
  return select(f64_round_normal(sign, e - i32(z), u64_shl(m, z)), vec2<u32>(0u, sign), z == 64u);
}`,
  /** f64_round_normal of an m whose leading one is bit 62 or 63. */
  f64_round_near: `
fn f64_round_near(sign: u32, e: i32, m: vec2<u32>) -> vec2<u32> {
  let high = (m.y >> 31u) != 0u;
  return f64_round_normal(sign, e - i32(!high), select(vec2<u32>(m.x << 1u, (m.y << 1u) | (m.x >> 31u)), m, high));
}`,

  f64_add: `
fn f64_add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let swap = u64_lt(f64_abs(a), f64_abs(b));
  let x = select(a, b, swap);
  let y = select(b, a, swap);
  let ex = (x.y >> 20u) & 0x7ffu;
  let ey = (y.y >> 20u) & 0x7ffu;
  let opposite = ((x.y ^ y.y) >> 31u) != 0u;
  if (ex == 0x7ffu) { return select(x, F64_NAN, f64_is_nan(x) || (ey == 0x7ffu && opposite)); }
  // Leading ones at bit 61, so that neither a sum nor its rounding leaves 63 bits.
  let mx = vec2<u32>(x.x << 9u, ((x.y & 0xfffffu) << 9u) | (min(ex, 1u) << 29u) | (x.x >> 23u));
  var my = vec2<u32>(y.x << 9u, ((y.y & 0xfffffu) << 9u) | (min(ey, 1u) << 29u) | (y.x >> 23u));
  let e = max(ex, 1u);
  var apart = e - max(ey, 1u);
  if (apart > 31u) {
    my = vec2<u32>(my.y | u32(my.x != 0u), 0u);
    apart = min(apart - 32u, 31u);
  }
  let lost = (my.x << 1u) << (31u - apart);
  my = vec2<u32>((my.x >> apart) | ((my.y << 1u) << (31u - apart)) | u32(lost != 0u), my.y >> apart);
  let m = select(u64_add(mx, my), u64_sub(mx, my), opposite);
  let sign = x.y & 0x80000000u;
  // No further than to a subnormal, whose exponent is that of the least normal.
  if (m.y == 0u) {
    let z = min(31u + countLeadingZeros(m.x), e);
    return select(f64_round_sum(sign, e - z, u64_shl(m, z)), vec2<u32>(0u, select(sign, 0u, opposite)), m.x == 0u);
  }
  let z = min(countLeadingZeros(m.y) - 1u, e);
  return f64_round_sum(sign, e - z, vec2<u32>(m.x << z, (m.y << z) | ((m.x >> 1u) >> (31u - z))));
}`,
  /** Rounds m, whose leading one is bit 62 or, where e is 0, below it, to nearest even: e is one less than the biased exponent. */
  f64_round_sum: `
fn f64_round_sum(sign: u32, e: u32, m: vec2<u32>) -> vec2<u32> {
  let low = m.x + 0x1ffu + ((m.x >> 10u) & 1u);
  let high = m.y + u32(low < m.x);
  let bits = vec2<u32>((low >> 10u) | (high << 22u), (high >> 10u) + (e << 20u));
  return select(vec2<u32>(bits.x, bits.y | sign), vec2<u32>(0u, sign | 0x7ff00000u), bits.y >= 0x7ff00000u);
}`,

  f64_mul: `
fn f64_mul(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let sign = (a.y ^ b.y) & 0x80000000u;
  var x = vec2<u32>(a.x, (a.y & 0xfffffu) | 0x100000u);
  var y = vec2<u32>(b.x, (b.y & 0xfffffu) | 0x100000u);
  let ex = (a.y >> 20u) & 0x7ffu;
  let ey = (b.y >> 20u) & 0x7ffu;
  var e = i32(ex + ey) - 1023;
  if (max(ex - 1u, ey - 1u) >= 0x7feu) {
    let zero = f64_is_zero(a) || f64_is_zero(b);
    if (max(ex, ey) == 0x7ffu) {
      return select(vec2<u32>(0u, sign | 0x7ff00000u), F64_NAN, f64_is_nan(a) || f64_is_nan(b) || zero);
    }
    // Of two subnormals the product is far below half of the least one.
    if (zero || max(ex, ey) == 0u) { return vec2<u32>(0u, sign); }
    let small = f64_significand(select(b, a, ex == 0u));
    y = select(x, y, ex == 0u);
    x = vec2<u32>((small.m.x >> 11u) | (small.m.y << 21u), small.m.y >> 11u);
    e = small.e + i32(max(ex, ey)) - 1023;
  }
  let m = f64_mul_digits(x, y);
  let low = (m.y >> 30u) == 0u;
  let top = select(m, vec2<u32>(m.x << 1u, (m.y << 1u) | (m.x >> 31u)), low);
  e -= i32(low);
  if (e < 0) { return f64_round_sum(sign, 0u, u64_shr_jam(top, u32(-e))); }
  return f64_round_sum(sign, u32(e), top);
}`,
  /** The product of two numbers of 53 bits in digits of 13 bits: its upper 63 bits, the least of them sticky. */
  f64_mul_digits: `
fn f64_mul_digits(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let a0 = a.x & 0x1fffu;
  let a1 = (a.x >> 13u) & 0x1fffu;
  let a2 = ((a.x >> 26u) | (a.y << 6u)) & 0x1fffu;
  let a3 = a.y >> 7u;
  let b0 = b.x & 0x1fffu;
  let b1 = (b.x >> 13u) & 0x1fffu;
  let b2 = ((b.x >> 26u) | (b.y << 6u)) & 0x1fffu;
  let b3 = b.y >> 7u;
  let c0 = a0 * b0;
  let c1 = a0 * b1 + a1 * b0 + (c0 >> 13u);
  let c2 = a0 * b2 + a1 * b1 + a2 * b0 + (c1 >> 13u);
  let c3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0 + (c2 >> 13u);
  let c4 = a1 * b3 + a2 * b2 + a3 * b1 + (c3 >> 13u);
  let c5 = a2 * b3 + a3 * b2 + (c4 >> 13u);
  let c6 = a3 * b3 + (c5 >> 13u);
  let rest = u32((((c0 | c1 | c2) & 0x1fffu) | (c3 & 0xfu)) != 0u);
  let low = (c5 << 22u) | ((c4 & 0x1fffu) << 9u) | ((c3 >> 4u) & 0x1ffu) | rest;
  return vec2<u32>(low, (c6 << 3u) | ((c5 >> 10u) & 7u));
}`,

  f64_div: `
fn f64_div(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let sign = (a.y ^ b.y) & 0x80000000u;
  let infinity = vec2<u32>(0u, sign | 0x7ff00000u);
  if (!f64_is_finite(a) || !f64_is_finite(b)) {
    let nan = f64_is_nan(a) || f64_is_nan(b) || (!f64_is_finite(a) && !f64_is_finite(b));
    return select(select(infinity, vec2<u32>(0u, sign), f64_is_finite(a)), F64_NAN, nan);
  }
  if (f64_is_zero(b)) { return select(infinity, F64_NAN, f64_is_zero(a)); }
  if (f64_is_zero(a)) { return vec2<u32>(0u, sign); }
  let x = f64_significand(a);
  let y = f64_significand(b);
  let v = u64_reciprocal(y.m);
  let high = u64_div_step(u64_shr(x.m, 1u), 0u, y.m, v);
  let low = u64_div_step(high.r, 0u, y.m, v);
  let sticky = u32(any(low.r != vec2<u32>(0u)));
  return f64_round_near(sign, x.e - y.e + 1023, vec2<u32>(low.q.x | sticky, high.q.x));
}`,

  f64_sqrt: `
fn f64_sqrt(a: vec2<u32>) -> vec2<u32> {
  if (f64_is_zero(a)) { return a; }
  if (f64_is_nan(a) || (a.y >> 31u) != 0u) { return F64_NAN; }
  if (!f64_is_finite(a)) { return a; }
  let x = f64_significand(a);
  let e = x.e - 1023;
  let radicand = select(u64_shr(x.m, 1u), x.m, (e & 1) != 0);
  return f64_round_normal(0u, (e >> 1u) + 1023, u64_sqrt_wide(radicand));
}`,
};
