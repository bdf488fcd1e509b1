/** Exact pieces of f64 in WGSL: parts, 106-bit products and the rounding of 128-bit integers, for accumulators that never lose a bit. */

import type { Definitions } from "./definitions.ts";

export const EXACT: Definitions = {
  /** (-1)^negative * mantissa * 2^exponent. */
  F64Parts: "struct F64Parts { negative: bool, exponent: i32, mantissa: vec2<u32> }",
  /** Of a finite value: at most 53 bits of mantissa, exponent -1074 .. 971; a zero has mantissa 0 and keeps its sign. */
  f64_parts: `
fn f64_parts(a: vec2<u32>) -> F64Parts {
  let e = (a.y >> 20u) & 0x7ffu;
  let mantissa = vec2<u32>(a.x, (a.y & 0xfffffu) | (u32(e != 0u) << 20u));
  return F64Parts((a.y >> 31u) != 0u, i32(max(e, 1u)) - 1075, mantissa);
}`,
  /** (-1)^negative * mantissa * 2^exponent, the least word of the mantissa in x. */
  F64Product: "struct F64Product { negative: bool, exponent: i32, mantissa: vec4<u32> }",
  /** The exact product of two finite values: at most 106 bits. */
  f64_mul_exact: `
fn f64_mul_exact(a: vec2<u32>, b: vec2<u32>) -> F64Product {
  let x = f64_parts(a);
  let y = f64_parts(b);
  return F64Product(x.negative != y.negative, x.exponent + y.exponent, u64_mul_wide(x.mantissa, y.mantissa));
}`,
  /** 0 for n >= 128. */
  u128_shl: `
fn u128_shl(a: vec4<u32>, n: u32) -> vec4<u32> {
  let far = vec4<u32>(vec2<u32>(0u), u64_shl(a.xy, n - 64u));
  let near = vec4<u32>(u64_shl(a.xy, n), u64_shl(a.zw, n) | select(u64_shr(a.xy, 64u - n), vec2<u32>(0u), n == 0u));
  return select(near, far, n >= 64u);
}`,
  /** Leading zero bits; 128 for 0. */
  u128_clz: `
fn u128_clz(a: vec4<u32>) -> u32 {
  return select(u64_clz(a.zw), 64u + u64_clz(a.xy), (a.z | a.w) == 0u);
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
  /** a * b - f64_mul(a, b), which is exact, where the product is finite and far enough above the subnormals (2^-968). */
  f64_mul_error: `
fn f64_mul_error(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let p = f64_mul_exact(a, b);
  let z = u128_clz(p.mantissa);
  let s = u128_shl(p.mantissa, z);
  let low = vec4<u32>(s.x, s.y, s.z & 0x7ffu, 0u);
  let above = low.z > 0x400u || (low.z == 0x400u && ((low.x | low.y) != 0u || (s.z & 0x800u) != 0u));
  let xy = u64_neg(low.xy);
  let missing = vec4<u32>(xy, 0x800u - low.z - u32((low.x | low.y) != 0u), 0u);
  return f64_pack(p.negative != above, p.exponent - i32(z), select(low, missing, above), false);
}`,
};
