/** Order-preserving unsigned keys (`T_order`, and back with `T_unorder`) and canonical equality words (`T_key`) of every type. */

import type { Definitions } from "./definitions.ts";

export const ORDER: Definitions = {
  bool_order: "fn bool_order(a: bool) -> u32 { return u32(a); }",
  bool_unorder: "fn bool_unorder(k: u32) -> bool { return k != 0u; }",
  u32_order: "fn u32_order(a: u32) -> u32 { return a; }",
  u32_unorder: "fn u32_unorder(k: u32) -> u32 { return k; }",
  i32_order: "fn i32_order(a: i32) -> u32 { return bitcast<u32>(a) ^ 0x80000000u; }",
  i32_unorder: "fn i32_unorder(k: u32) -> i32 { return bitcast<i32>(k ^ 0x80000000u); }",
  u64_order: "fn u64_order(a: vec2<u32>) -> vec2<u32> { return a; }",
  u64_unorder: "fn u64_unorder(k: vec2<u32>) -> vec2<u32> { return k; }",
  i64_order: "fn i64_order(a: vec2<u32>) -> vec2<u32> { return vec2<u32>(a.x, a.y ^ 0x80000000u); }",
  i64_unorder: "fn i64_unorder(k: vec2<u32>) -> vec2<u32> { return vec2<u32>(k.x, k.y ^ 0x80000000u); }",

  /** Equal words for values that Polars groups together: -0 as 0, every NaN as the canonical one. */
  f32_key: "fn f32_key(a: u32) -> u32 { return select(select(a, 0u, f32_is_zero(a)), F32_NAN, f32_is_nan(a)); }",
  /** -0 as 0; every NaN is the one largest key, 0xffc00000. */
  f32_order: `
fn f32_order(a: u32) -> u32 {
  let k = f32_key(a);
  return select(k ^ 0x80000000u, ~k, (k >> 31u) != 0u);
}`,
  f32_unorder: "fn f32_unorder(k: u32) -> u32 { return select(~k, k ^ 0x80000000u, (k >> 31u) != 0u); }",
  /** Equal words for values that Polars groups together: -0 as 0, every NaN as the canonical one. */
  f64_key: `
fn f64_key(a: vec2<u32>) -> vec2<u32> {
  return select(select(a, vec2<u32>(0u), f64_is_zero(a)), F64_NAN, f64_is_nan(a));
}`,
  /** -0 as 0; every NaN is the one largest key, 0xfff80000_00000000. */
  f64_order: `
fn f64_order(a: vec2<u32>) -> vec2<u32> {
  let k = f64_key(a);
  return select(vec2<u32>(k.x, k.y ^ 0x80000000u), ~k, (k.y >> 31u) != 0u);
}`,
  f64_unorder: `
fn f64_unorder(k: vec2<u32>) -> vec2<u32> {
  return select(~k, vec2<u32>(k.x, k.y ^ 0x80000000u), (k.y >> 31u) != 0u);
}`,
};
