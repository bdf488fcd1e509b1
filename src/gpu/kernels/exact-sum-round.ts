/** AggWide integers in WGSL that turn a group's bins into one correctly rounded sum, mean, variance or standard deviation. */

import type { Physical } from "../../ir/dtype.ts";

/**
 * `AggWide` is a two's complement integer of 12 words, least first: room for the square of a sum (320 bits) and for the sum of squares
 * times a row count and 2^64. The entries are read from `S: array<u32>`. Has to be linked.
 */
export const WIDE = `
alias AggWide = array<u32, 12>;
struct AggQuotient { m: vec2<u32>, x: i32 }

fn agg_wide_negative(a: ptr<function, AggWide>) -> bool { return ((*a)[11] >> 31u) != 0u; }

fn agg_wide_negate(a: ptr<function, AggWide>) {
  var carry = 1u;
  for (var i = 0u; i < 12u; i++) {
    let t = ~(*a)[i] + carry;
    carry &= u32(t == 0u);
    (*a)[i] = t;
  }
}

// The integer of words words at at.
fn agg_wide_integer(at: u32, words: u32, signed: bool) -> AggWide {
  var w: AggWide;
  let rest = select(0u, 0u - (S[at + words - 1u] >> 31u), signed);
  for (var i = 0u; i < 12u; i++) {
    w[i] = rest;
    if (i < words) { w[i] = S[at + i]; }
  }
  return w;
}

// The sum of bins bins at at, in units of the lowest.
fn agg_wide_window(at: u32, bins: u32) -> AggWide {
  var w: AggWide;
  var carry = vec2<u32>(0u);
  for (var i = 0u; i < 12u; i++) {
    var t = carry;
    if (i < bins) { t = u64_add(carry, vec2<u32>(S[at + 2u * i], S[at + 2u * i + 1u])); }
    w[i] = t.x;
    carry = vec2<u32>(t.y, 0u - (t.y >> 31u));
  }
  return w;
}

// a * n * 2^(32 up), for a >= 0.
fn agg_wide_scale(a: ptr<function, AggWide>, n: u32, up: u32) -> AggWide {
  var r: AggWide;
  var carry = 0u;
  for (var i = 0u; i + up < 12u; i++) {
    let p = u64_add(u32_mul_wide((*a)[i], n), vec2<u32>(carry, 0u));
    r[i + up] = p.x;
    carry = p.y;
  }
  return r;
}

// a * a, for 0 <= a < 2^160.
fn agg_wide_square(a: ptr<function, AggWide>) -> AggWide {
  var r: AggWide;
  for (var i = 0u; i < 5u; i++) {
    var carry = 0u;
    for (var j = 0u; j < 5u; j++) {
      let p = u64_add(u64_add(u32_mul_wide((*a)[i], (*a)[j]), vec2<u32>(r[i + j], 0u)), vec2<u32>(carry, 0u));
      r[i + j] = p.x;
      carry = p.y;
    }
    r[i + 5u] = carry;
  }
  return r;
}

fn agg_wide_subtract(a: ptr<function, AggWide>, b: ptr<function, AggWide>) {
  var borrow = 0u;
  for (var i = 0u; i < 12u; i++) {
    let x = (*a)[i];
    let y = (*b)[i];
    let t = x - y;
    (*a)[i] = t - borrow;
    borrow = u32(x < y) | u32(t < borrow);
  }
}

// n / d as m * 2^x with m >= 2^62, its least bit set where the quotient is not exact; m = 0 for n = 0. n >= 0, d > 0.
fn agg_wide_quotient(n: ptr<function, AggWide>, d: vec2<u32>) -> AggQuotient {
  var top = 11u;
  while (top > 0u && (*n)[top] == 0u) { top--; }
  let z = countLeadingZeros((*n)[top]);
  if (z == 32u) { return AggQuotient(vec2<u32>(0u), 0); }
  var a: array<u32, 5>;
  for (var i = 0u; i < min(5u, top + 1u); i++) { a[i] = (*n)[top - i]; }
  var lost = (a[4] << z);
  for (var i = 5u; i <= top; i++) { lost |= (*n)[top - i]; }
  var t: array<u32, 4>;
  for (var i = 0u; i < 4u; i++) { t[i] = (a[i] << z) | ((a[i + 1u] >> 1u) >> (31u - z)); }
  lost |= t[3] & 1u;
  let y = u64_clz(d);
  let divisor = u64_shl(d, y);
  let v = u64_reciprocal(divisor);
  let high = u64_div_step(vec2<u32>((t[1] >> 1u) | (t[0] << 31u), t[0] >> 1u), (t[2] >> 1u) | (t[1] << 31u), divisor, v);
  let low = u64_div_step(high.r, (t[3] >> 1u) | (t[2] << 31u), divisor, v);
  lost |= low.r.x | low.r.y;
  return AggQuotient(vec2<u32>(low.q.x | u32(lost != 0u), high.q.x), 1 + 32 * (i32(top) - 3) - i32(z) + i32(y));
}

fn agg_quotient_root(q: AggQuotient) -> AggQuotient {
  let z = u64_clz(q.m);
  var m = u64_shl(q.m, z);
  var x = q.x - i32(z);
  if ((x & 1) != 0) { m = u64_shr_jam(m, 1u); x++; }
  return AggQuotient(u64_sqrt_wide(m), (x >> 1u) - 32);
}

fn agg_quotient_to_f64(negative: bool, q: AggQuotient, unit: i32) -> vec2<u32> {
  if ((q.m.x | q.m.y) == 0u) { return q.m; }
  return f64_round_significand(select(0u, 0x80000000u, negative), q.x + unit + 1086, q.m);
}

fn agg_quotient_to_f32(negative: bool, q: AggQuotient, unit: i32) -> u32 {
  if ((q.m.x | q.m.y) == 0u) { return 0u; }
  return f32_round_significand(select(0u, 0x80000000u, negative), q.x + unit + 190, q.m.y | u32(q.m.x != 0u));
}`;

/** WGSL constants of the float type that results are rounded to. */
export const NAN = { f64: "vec2<u32>(0u, 0x7ff80000u)", f32: "0x7fc00000u" } as const;
export const INFINITY_BITS = { f64: "vec2<u32>(0u, 0x7ff00000u | sign)", f32: "0x7f800000u | sign" } as const;

/** Mean, var and std of anything but f32 are f64. */
export const floatOf = (physical: Physical): "f32" | "f64" => (physical === "f32" ? "f32" : "f64");
