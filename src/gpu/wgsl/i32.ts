/** i32 arithmetic in WGSL: wrapping, with Polars' floor division and remainder. */

import { comparisons, type Definitions, extremes } from "./definitions.ts";

export const I32: Definitions = {
  i32_add: "fn i32_add(a: i32, b: i32) -> i32 { return a + b; }",
  i32_sub: "fn i32_sub(a: i32, b: i32) -> i32 { return a - b; }",
  i32_mul: "fn i32_mul(a: i32, b: i32) -> i32 { return a * b; }",
  i32_neg: "fn i32_neg(a: i32) -> i32 { return bitcast<i32>(0u - bitcast<u32>(a)); }",
  i32_abs: "fn i32_abs(a: i32) -> i32 { return select(a, i32_neg(a), a < 0); }",
  i32_eq: "fn i32_eq(a: i32, b: i32) -> bool { return a == b; }",
  i32_lt: "fn i32_lt(a: i32, b: i32) -> bool { return a < b; }",
  ...comparisons("i32", "i32"),
  ...extremes("i32", "i32"),

  // A divisor of 0 gives an unspecified value; the least value divided by -1 wraps to itself.
  i32_trunc_div: `
fn i32_trunc_div(a: i32, b: i32) -> i32 {
  let q = bitcast<i32>(bitcast<u32>(i32_abs(a)) / bitcast<u32>(i32_abs(b)));
  return select(q, i32_neg(q), (a ^ b) < 0);
}`,
  i32_floor_div: `
fn i32_floor_div(a: i32, b: i32) -> i32 {
  let q = i32_trunc_div(a, b);
  return q - select(0, 1, (a ^ b) < 0 && q * b != a);
}`,
  /** The sign of the divisor. */
  i32_rem: `
fn i32_rem(a: i32, b: i32) -> i32 {
  let r = a - i32_trunc_div(a, b) * b;
  return r + select(0, b, r != 0 && (r ^ b) < 0);
}`,
};
