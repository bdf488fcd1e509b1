/** i64 arithmetic in WGSL on vec2<u32> (x = low word): wrapping, with Polars' floor division and remainder. */

import { comparisons, type Definitions, extremes } from "./definitions.ts";

export const I64: Definitions = {
  i64_add: "fn i64_add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> { return u64_add(a, b); }",
  i64_sub: "fn i64_sub(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> { return u64_sub(a, b); }",
  i64_mul: "fn i64_mul(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> { return u64_mul(a, b); }",
  i64_neg: "fn i64_neg(a: vec2<u32>) -> vec2<u32> { return u64_neg(a); }",
  i64_abs: "fn i64_abs(a: vec2<u32>) -> vec2<u32> { return select(a, u64_neg(a), (a.y >> 31u) != 0u); }",
  i64_eq: "fn i64_eq(a: vec2<u32>, b: vec2<u32>) -> bool { return a.x == b.x && a.y == b.y; }",
  i64_lt: `
fn i64_lt(a: vec2<u32>, b: vec2<u32>) -> bool {
  return bitcast<i32>(a.y) < bitcast<i32>(b.y) || (a.y == b.y && a.x < b.x);
}`,
  ...comparisons("i64", "vec2<u32>"),
  ...extremes("i64", "vec2<u32>"),

  // A divisor of 0 gives an unspecified value; the least value divided by -1 wraps to itself.
  i64_trunc_div: `
fn i64_trunc_div(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let q = u64_div_rem(i64_abs(a), i64_abs(b)).q;
  return select(q, u64_neg(q), ((a.y ^ b.y) >> 31u) != 0u);
}`,
  /** Of opposite signs, -ceil(|a| / |b|). */
  i64_floor_div: `
fn i64_floor_div(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let w = u64_div_rem(i64_abs(a), i64_abs(b));
  let up = u64_add(w.q, vec2<u32>(u32(any(w.r != vec2<u32>(0u))), 0u));
  return select(w.q, u64_neg(up), ((a.y ^ b.y) >> 31u) != 0u);
}`,
  /** The sign of the divisor. */
  i64_rem: `
fn i64_rem(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let r = u64_div_rem(i64_abs(a), i64_abs(b)).r;
  let signed = select(r, u64_neg(r), (a.y >> 31u) != 0u);
  let opposite = ((a.y ^ b.y) >> 31u) != 0u && any(r != vec2<u32>(0u));
  return u64_add(signed, select(vec2<u32>(0u), b, opposite));
}`,
};
