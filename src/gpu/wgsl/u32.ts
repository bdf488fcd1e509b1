/** u32 arithmetic in WGSL, and the wide products and quotients that the 64-bit types are made of. */

import { comparisons, type Definitions, extremes } from "./definitions.ts";

export const U32: Definitions = {
  u32_add: "fn u32_add(a: u32, b: u32) -> u32 { return a + b; }",
  u32_sub: "fn u32_sub(a: u32, b: u32) -> u32 { return a - b; }",
  u32_mul: "fn u32_mul(a: u32, b: u32) -> u32 { return a * b; }",
  u32_neg: "fn u32_neg(a: u32) -> u32 { return 0u - a; }",
  u32_abs: "fn u32_abs(a: u32) -> u32 { return a; }",
  u32_eq: "fn u32_eq(a: u32, b: u32) -> bool { return a == b; }",
  u32_lt: "fn u32_lt(a: u32, b: u32) -> bool { return a < b; }",
  ...comparisons("u32", "u32"),
  ...extremes("u32", "u32"),

  // A divisor of 0 gives an unspecified value.
  u32_trunc_div: "fn u32_trunc_div(a: u32, b: u32) -> u32 { return a / b; }",
  u32_floor_div: "fn u32_floor_div(a: u32, b: u32) -> u32 { return a / b; }",
  u32_rem: "fn u32_rem(a: u32, b: u32) -> u32 { return a % b; }",

  /** Shifted right, the least bit set where any bit was lost; any n. */
  u32_shr_jam: `
fn u32_shr_jam(a: u32, n: u32) -> u32 {
  let m = min(n, 31u);
  let s = a >> m;
  return select(s | u32((s << m) != a), u32(a != 0u), n > 31u);
}`,

  /** The 64-bit product, by 16-bit halves; `middle` cannot overflow. */
  u32_mul_wide: `
fn u32_mul_wide(a: u32, b: u32) -> vec2<u32> {
  let al = a & 0xffffu;
  let ah = a >> 16u;
  let bl = b & 0xffffu;
  let bh = b >> 16u;
  let cross = al * bh;
  let middle = ((al * bl) >> 16u) + (cross & 0xffffu) + ah * bl;
  return vec2<u32>(a * b, ah * bh + (cross >> 16u) + (middle >> 16u));
}`,

  /** Quotient (x) and remainder (y) of the two-word high:low by d, for high < d and d >= 2^31 (Knuth D in 16-bit digits). */
  u32_div_wide: `
fn u32_div_wide(high: u32, low: u32, d: u32) -> vec2<u32> {
  let dh = d >> 16u;
  let dl = d & 0xffffu;
  var q1 = high / dh;
  var r1 = high - q1 * dh;
  for (var i = 0u; i < 2u; i++) {
    if (r1 < 0x10000u && (q1 >= 0x10000u || q1 * dl > ((r1 << 16u) | (low >> 16u)))) { q1--; r1 += dh; }
  }
  let rest = ((high << 16u) | (low >> 16u)) - q1 * d;
  var q0 = rest / dh;
  var r0 = rest - q0 * dh;
  for (var i = 0u; i < 2u; i++) {
    if (r0 < 0x10000u && (q0 >= 0x10000u || q0 * dl > ((r0 << 16u) | (low & 0xffffu)))) { q0--; r0 += dh; }
  }
  return vec2<u32>((q1 << 16u) + q0, ((rest << 16u) | (low & 0xffffu)) - q0 * d);
}`,
};
