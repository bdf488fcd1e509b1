/** Double-double arithmetic in WGSL: unevaluated sums of two f64, about 106 bits, for finalising what accumulators hold. */

import type { Definitions } from "./definitions.ts";

// A value that is not finite has lo = 0. Relative errors: add, sub 2^-104; mul 2^-102; div 2^-101 (away from over- and underflow).
export const DOUBLE_DOUBLE: Definitions = {
  DD: "struct DD { hi: vec2<u32>, lo: vec2<u32> }",
  dd_from_f64: "fn dd_from_f64(a: vec2<u32>) -> DD { return DD(a, vec2<u32>(0u)); }",
  dd_to_f64: "fn dd_to_f64(a: DD) -> vec2<u32> { return f64_add(a.hi, a.lo); }",
  dd_neg: "fn dd_neg(a: DD) -> DD { return DD(f64_neg(a.hi), f64_neg(a.lo)); }",
  /** a + b exactly, for any a and b. */
  dd_two_sum: `
fn dd_two_sum(a: vec2<u32>, b: vec2<u32>) -> DD {
  let s = f64_add(a, b);
  let t = f64_sub(s, a);
  let e = f64_add(f64_sub(a, f64_sub(s, t)), f64_sub(b, t));
  return DD(s, select(vec2<u32>(0u), e, f64_is_finite(s)));
}`,
  /** a + b exactly, for |a| >= |b|. */
  dd_fast_two_sum: `
fn dd_fast_two_sum(a: vec2<u32>, b: vec2<u32>) -> DD {
  let s = f64_add(a, b);
  return DD(s, select(vec2<u32>(0u), f64_sub(b, f64_sub(s, a)), f64_is_finite(s)));
}`,
  /** a * b exactly, away from over- and underflow. */
  dd_two_product: `
fn dd_two_product(a: vec2<u32>, b: vec2<u32>) -> DD {
  let p = f64_mul(a, b);
  if (!f64_is_finite(p)) { return DD(p, vec2<u32>(0u)); }
  return DD(p, f64_mul_error(a, b));
}`,
  dd_add: `
fn dd_add(a: DD, b: DD) -> DD {
  let s = dd_two_sum(a.hi, b.hi);
  let t = dd_two_sum(a.lo, b.lo);
  let u = dd_fast_two_sum(s.hi, f64_add(s.lo, t.hi));
  return dd_fast_two_sum(u.hi, f64_add(u.lo, t.lo));
}`,
  dd_sub: "fn dd_sub(a: DD, b: DD) -> DD { return dd_add(a, dd_neg(b)); }",
  dd_mul: `
fn dd_mul(a: DD, b: DD) -> DD {
  let p = dd_two_product(a.hi, b.hi);
  if (!f64_is_finite(p.hi)) { return p; }
  let cross = f64_add(f64_mul(a.hi, b.lo), f64_mul(a.lo, b.hi));
  return dd_fast_two_sum(p.hi, f64_add(p.lo, cross));
}`,
  dd_div: `
fn dd_div(a: DD, b: DD) -> DD {
  let q1 = f64_div(a.hi, b.hi);
  if (!f64_is_finite(q1) || !f64_is_finite(b.hi)) { return DD(q1, vec2<u32>(0u)); }
  let r1 = dd_sub(a, dd_mul(b, dd_from_f64(q1)));
  let q2 = f64_div(r1.hi, b.hi);
  let r2 = dd_sub(r1, dd_mul(b, dd_from_f64(q2)));
  let q3 = f64_div(r2.hi, b.hi);
  return dd_add(dd_fast_two_sum(q1, q2), dd_from_f64(q3));
}`,
};
