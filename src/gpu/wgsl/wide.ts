/** Wide floats in WGSL: f64 values, exact products and sums with a 128-bit significand, and their rounding back to f64. */

import type { Definitions } from "./definitions.ts";

export const WIDE: Definitions = {
  /** (-1)^negative * mantissa * 2^exponent. */
  F64Parts: "struct F64Parts { negative: bool, exponent: i32, mantissa: vec2<u32> }",
  /** Of a finite value: at most 53 bits of mantissa, exponent -1074 .. 971; a zero has mantissa 0 and keeps its sign. */
  f64_parts: `
fn f64_parts(a: vec2<u32>) -> F64Parts {
  let e = (a.y >> 20u) & 0x7ffu;
  let mantissa = vec2<u32>(a.x, (a.y & 0xfffffu) | (u32(e != 0u) << 20u));
  return F64Parts((a.y >> 31u) != 0u, i32(max(e, 1u)) - 1075, mantissa);
}`,
  /** (-1)^negative * mantissa * 2^exponent, the least word of the mantissa in x. "Normal": the leading one is bit 127, or all is zero. */
  Wide: "struct Wide { negative: bool, exponent: i32, mantissa: vec4<u32> }",
  /** The exact product of two finite values, at most 106 bits, not normal. */
  f64_mul_exact: `
fn f64_mul_exact(a: vec2<u32>, b: vec2<u32>) -> Wide {
  let x = f64_parts(a);
  let y = f64_parts(b);
  return Wide(x.negative != y.negative, x.exponent + y.exponent, u64_mul_wide(x.mantissa, y.mantissa));
}`,
  /**
   * (-1)^negative * m * 2^exponent rounded to nearest even, with subnormals and overflow to infinity. `sticky`: the value is a
   * little larger than m says (by less than one unit of m); not with m = 0, which gives a zero. m is at least 2^54 where sticky.
   */
  f64_pack: `
fn f64_pack(negative: bool, exponent: i32, m: vec4<u32>, sticky: bool) -> vec2<u32> {
  let z = u128_clz(m);
  let s = u128_shl(m, z);
  let rest = u32((s.x | s.y) != 0u || sticky);
  let top = vec2<u32>(s.z | select(0u, rest, z != 128u), s.w);
  return f64_round_significand(select(0u, 0x80000000u, negative), exponent + 1150 - i32(z), top);
}`,

  // wide_add, _sub, _mul, _div take and give normal values, with a relative error below 2^-125 (the lost bits are jammed into the least
  // one), exact where the result has 126 bits. Exponents must stay within 2^20.
  wide_normal: `
fn wide_normal(a: Wide) -> Wide {
  let z = u128_clz(a.mantissa);
  return Wide(a.negative, select(a.exponent - i32(z), -0x200000, z == 128u), u128_shl(a.mantissa, z));
}`,
  /** Of a finite value. */
  wide_from_f64: `
fn wide_from_f64(a: vec2<u32>) -> Wide {
  let p = f64_parts(a);
  return wide_normal(Wide(p.negative, p.exponent, vec4<u32>(p.mantissa, 0u, 0u)));
}`,
  wide_from_u64: `
fn wide_from_u64(a: vec2<u32>) -> Wide { return wide_normal(Wide(false, 0, vec4<u32>(a, 0u, 0u))); }`,
  /** Rounded to nearest even, once. */
  wide_to_f64: "fn wide_to_f64(a: Wide) -> vec2<u32> { return f64_pack(a.negative, a.exponent, a.mantissa, false); }",
  wide_neg: "fn wide_neg(a: Wide) -> Wide { return Wide(!a.negative, a.exponent, a.mantissa); }",
  /** A zero of operands of unlike sign is positive. */
  wide_add: `
fn wide_add(a: Wide, b: Wide) -> Wide {
  var x = a;
  var y = b;
  if (b.exponent > a.exponent) { x = b; y = a; }
  let mx = u128_shr_jam(x.mantissa, 1u);
  let my = u128_shr_jam(y.mantissa, u32(x.exponent - y.exponent) + 1u);
  var negative = x.negative;
  var m = u128_add(mx, my);
  if (x.negative != y.negative) {
    let below = u128_lt(mx, my);
    m = u128_sub(select(mx, my, below), select(my, mx, below));
    negative = (x.negative != below) && any(m != vec4<u32>(0u));
  }
  return wide_normal(Wide(negative, x.exponent + 1, m));
}`,
  wide_sub: "fn wide_sub(a: Wide, b: Wide) -> Wide { return wide_add(a, wide_neg(b)); }",
  wide_mul: `
fn wide_mul(a: Wide, b: Wide) -> Wide {
  let low = u64_mul_wide(a.mantissa.xy, b.mantissa.xy);
  let cross = u64_mul_wide(a.mantissa.zw, b.mantissa.xy);
  let other = u64_mul_wide(a.mantissa.xy, b.mantissa.zw);
  let s = u64_add(low.zw, cross.xy);
  let t = u64_add(s, other.xy);
  let carry = u32(u64_lt(s, low.zw)) + u32(u64_lt(t, s));
  var high = u128_add(u64_mul_wide(a.mantissa.zw, b.mantissa.zw), vec4<u32>(cross.zw, 0u, 0u));
  high = u128_add(u128_add(high, vec4<u32>(other.zw, 0u, 0u)), vec4<u32>(carry, 0u, 0u, 0u));
  high.x |= u32((low.x | low.y | t.x | t.y) != 0u);
  return wide_normal(Wide(a.negative != b.negative, a.exponent + b.exponent + 128, high));
}`,
  /** Schoolbook division by 32-bit digits, each estimated from the divisor's high half; b is not zero. */
  wide_div: `
fn wide_div(a: Wide, b: Wide) -> Wide {
  let d = b.mantissa;
  let v = u64_reciprocal(d.zw);
  var r = u128_shr_jam(a.mantissa, 1u);
  var quotient = vec4<u32>(0u);
  for (var i = 0u; i < 4u; i++) {
    var q = 0xffffffffu;
    if (u64_lt(r.zw, d.zw)) { q = u64_div_step(r.zw, r.y, d.zw, v).q.x; }
    let even = vec4<u32>(u32_mul_wide(q, d.x), u32_mul_wide(q, d.z));
    let p1 = u32_mul_wide(q, d.y);
    let p3 = u32_mul_wide(q, d.w);
    let product = u128_add(even, vec4<u32>(0u, p1, p3.x));
    let shifted = vec4<u32>(0u, r.xyz);
    var top = r.w - (p3.y + u32(u128_lt(product, even))) - u32(u128_lt(shifted, product));
    r = u128_sub(shifted, product);
    for (var j = 0u; j < 2u; j++) {
      if (top != 0u) {
        q--;
        r = u128_add(r, d);
        top += u32(u128_lt(r, d));
      }
    }
    quotient = vec4<u32>(q, quotient.xyz);
  }
  quotient.x |= u32(any(r != vec4<u32>(0u)));
  return wide_normal(Wide(a.negative != b.negative, a.exponent - b.exponent - 127, quotient));
}`,
};
