/** u64 arithmetic in WGSL on vec2<u32> (x = low word). */

import { comparisons, type Definitions, extremes } from "./definitions.ts";

export const U64: Definitions = {
  u64_add: `
fn u64_add(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = a.x + b.x;
  return vec2<u32>(low, a.y + b.y + u32(low < a.x));
}`,
  u64_sub: `
fn u64_sub(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  return vec2<u32>(a.x - b.x, a.y - b.y - u32(a.x < b.x));
}`,
  u64_mul: `
fn u64_mul(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
  let low = u32_mul_wide(a.x, b.x);
  return vec2<u32>(low.x, low.y + a.x * b.y + a.y * b.x);
}`,
  u64_neg: "fn u64_neg(a: vec2<u32>) -> vec2<u32> { return vec2<u32>(0u - a.x, ~a.y + u32(a.x == 0u)); }",
  u64_abs: "fn u64_abs(a: vec2<u32>) -> vec2<u32> { return a; }",
  u64_eq: "fn u64_eq(a: vec2<u32>, b: vec2<u32>) -> bool { return a.x == b.x && a.y == b.y; }",
  u64_lt: "fn u64_lt(a: vec2<u32>, b: vec2<u32>) -> bool { return a.y < b.y || (a.y == b.y && a.x < b.x); }",
  ...comparisons("u64", "vec2<u32>"),
  ...extremes("u64", "vec2<u32>"),

  /** 0 for n >= 64. */
  u64_shl: `
fn u64_shl(a: vec2<u32>, n: u32) -> vec2<u32> {
  let m = n & 31u;
  let low = a.x << m;
  let near = vec2<u32>(low, (a.y << m) | ((a.x >> 1u) >> (31u - m)));
  return select(select(near, vec2<u32>(0u, low), n >= 32u), vec2<u32>(0u), n >= 64u);
}`,
  /** 0 for n >= 64. */
  u64_shr: `
fn u64_shr(a: vec2<u32>, n: u32) -> vec2<u32> {
  let m = n & 31u;
  let high = a.y >> m;
  let near = vec2<u32>((a.x >> m) | ((a.y << 1u) << (31u - m)), high);
  return select(select(near, vec2<u32>(high, 0u), n >= 32u), vec2<u32>(0u), n >= 64u);
}`,
  /** Shifted right, the least bit set where any bit was lost ("jamming": rounds like the exact value); any n. */
  u64_shr_jam: `
fn u64_shr_jam(a: vec2<u32>, n: u32) -> vec2<u32> {
  let far = n > 31u;
  let high = select(a.y, 0u, far);
  let low = select(a.x, a.y, far);
  let m = min(n, 63u) & 31u;
  let lost = ((low << 1u) << (31u - m)) | select(0u, a.x, far);
  return vec2<u32>((low >> m) | ((high << 1u) << (31u - m)) | u32(lost != 0u), high >> m);
}`,
  /** Leading zero bits; 64 for 0. */
  u64_clz: `
fn u64_clz(a: vec2<u32>) -> u32 {
  return select(countLeadingZeros(a.y), 32u + countLeadingZeros(a.x), a.y == 0u);
}`,
  /** The 128-bit product: the low half in xy, the high half in zw. */
  u64_mul_wide: `
fn u64_mul_wide(a: vec2<u32>, b: vec2<u32>) -> vec4<u32> {
  let p00 = u32_mul_wide(a.x, b.x);
  let p01 = u32_mul_wide(a.x, b.y);
  let p10 = u32_mul_wide(a.y, b.x);
  let p11 = u32_mul_wide(a.y, b.y);
  let s = p00.y + p01.x;
  let t = s + p10.x;
  let high = u64_add(p11, vec2<u32>(p01.y, 0u));
  return vec4<u32>(p00.x, t, u64_add(u64_add(high, vec2<u32>(p10.y, 0u)), vec2<u32>(u32(s < p00.y) + u32(t < s), 0u)));
}`,

  U64DivRem: "struct U64DivRem { q: vec2<u32>, r: vec2<u32> }",
  /** floor(2^96 / d) - 2^32 for d >= 2^63: what u64_div_step multiplies by (Moeller, Granlund 2011, algorithm 6). */
  u64_reciprocal: `
fn u64_reciprocal(d: vec2<u32>) -> u32 {
  var v = u32_div_wide(~d.y, 0xffffffffu, d.y).x;
  var p = d.y * v + d.x;
  if (p < d.x) {
    v--;
    if (p >= d.y) { v--; p -= d.y; }
    p -= d.y;
  }
  let t = u32_mul_wide(v, d.x);
  p += t.y;
  if (p < t.y) { v -= 1u + u32(!u64_lt(vec2<u32>(t.x, p), d)); }
  return v;
}`,
  /** One quotient word (q.x) of high:low by d, for high < d, d >= 2^63 and v = u64_reciprocal(d) (algorithm 4 there). */
  u64_div_step: `
fn u64_div_step(high: vec2<u32>, low: u32, d: vec2<u32>, v: u32) -> U64DivRem {
  let e = u64_add(u32_mul_wide(v, high.y), high);
  var q = e.y + 1u;
  var r = vec2<u32>(low, high.x - e.y * d.y);
  r = u64_sub(u64_sub(r, u32_mul_wide(d.x, e.y)), d);
  if (r.y >= e.x) { q--; r = u64_add(r, d); }
  if (!u64_lt(r, d)) { q++; r = u64_sub(r, d); }
  return U64DivRem(vec2<u32>(q, 0u), r);
}`,
  /** Quotient and remainder; unspecified for b = 0. */
  u64_div_rem: `
fn u64_div_rem(a: vec2<u32>, b: vec2<u32>) -> U64DivRem {
  if (b.y == 0u) {
    let q1 = a.y / b.x;
    let r1 = a.y - q1 * b.x;
    if (r1 == 0u) {
      let q0 = a.x / b.x;
      return U64DivRem(vec2<u32>(q0, q1), vec2<u32>(a.x - q0 * b.x, 0u));
    }
    let n = countLeadingZeros(b.x) & 31u;
    let u = u64_shl(vec2<u32>(a.x, r1), n);
    let w = u32_div_wide(u.y, u.x, b.x << n);
    return U64DivRem(vec2<u32>(w.x, q1), vec2<u32>(w.y >> n, 0u));
  }
  let n = countLeadingZeros(b.y);
  let d = u64_shl(b, n);
  let low = u64_shl(a, n);
  let top = (a.y >> 1u) >> (31u - n);
  let w = u64_div_step(vec2<u32>(low.y, top), low.x, d, u64_reciprocal(d));
  return U64DivRem(w.q, u64_shr(w.r, n));
}`,
  u64_trunc_div: "fn u64_trunc_div(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> { return u64_div_rem(a, b).q; }",
  u64_floor_div: "fn u64_floor_div(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> { return u64_div_rem(a, b).q; }",
  u64_rem: "fn u64_rem(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> { return u64_div_rem(a, b).r; }",
};
