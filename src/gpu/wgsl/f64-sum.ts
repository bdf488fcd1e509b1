/** Sums of f64 in integer WGSL that keep about twice the bits of a double: what running and rolling sums are added up in. */

import type { Definitions } from "./definitions.ts";

/**
 * w * 2^(32 k - 1133), w a signed number of 128 bits. |w| is at least 2^94 and at most 2^126 where k > 0, so that numbers of unlike size meet
 * by moving whole words. What an addition loses is below 2^-93 of the larger of operand and sum. An operand that is below the least bit of the
 * other one is lost as a whole: a trace of it would be far larger than itself, and stay when the other one is subtracted again. k = 0 holds
 * every bit of the smallest numbers. k = F64_SUM_ODD: not finite, w.x has a bit for each of infinity, negative infinity and NaN.
 */
export const F64_SUM: Definitions = {
  F64Sum: "struct F64Sum { k: u32, w: vec4<u32> }",
  F64_SUM_ODD: "const F64_SUM_ODD = 256u;",
  f64_sum_of: `
fn f64_sum_of(a: vec2<u32>) -> F64Sum {
  let e = (a.y >> 20u) & 0x7ffu;
  let negative = a.y >> 31u;
  if (e == 0x7ffu) { return F64Sum(F64_SUM_ODD, vec4<u32>(select(1u << negative, 4u, f64_is_nan(a)), 0u, 0u, 0u)); }
  let t = max(e, 1u) + 16u;
  let s = t & 31u;
  let high = (((a.y & 0xfffffu) | (u32(e != 0u) << 20u)) << 10u) | (a.x >> 22u);
  let low = a.x << 10u;
  let sign = 0u - negative;
  let x = ((low << s) ^ sign) + negative;
  let y = (((high << s) | ((low >> 1u) >> (31u - s))) ^ sign) + u32(x < negative);
  let z = (((high >> 1u) >> (31u - s)) ^ sign) + (negative & u32((x | y) == 0u));
  return F64Sum(t >> 5u, vec4<u32>(0u, x, y, z));
}`,

  /** A sum that leaves the range of f64 stays infinite. */
  f64_sum_add: `
fn f64_sum_add(a: F64Sum, b: F64Sum) -> F64Sum {
  var high = a.w;
  var low = b.w;
  let largest = max(a.k, b.k);
  let apart = largest - min(a.k, b.k);
  if (apart != 0u) {
    if (b.k > a.k) {
      high = b.w;
      low = a.w;
    }
    let fill = 0u - (low.w >> 31u);
    var lost = 0u;
    if ((apart & 1u) != 0u) {
      lost = low.x;
      low = vec4<u32>(low.yzw, fill);
    }
    if ((apart & 2u) != 0u) {
      lost |= low.x | low.y;
      low = vec4<u32>(low.zw, fill, fill);
    }
    if (apart > 3u) {
      lost |= low.x | low.y | low.z | low.w;
      low = vec4<u32>(fill);
    }
    if (lost != 0u) { low = select(vec4<u32>(low.x | 1u, low.yzw), vec4<u32>(0u), all(low == vec4<u32>(fill))); }
  }
  let x = high.x + low.x;
  let y = high.y + low.y;
  let z = high.z + low.z;
  let carry = u32(x < low.x);
  let cy = y + carry;
  let second = u32(y < low.y) | u32(cy < carry);
  let cz = z + second;
  var w = vec4<u32>(x, cy, cz, high.w + low.w + (u32(z < low.z) | u32(cz < second)));
  var k = largest;
  let sign = 0u - (w.w >> 31u);
  let top = w.w ^ sign;
  if (top >= 0x40000000u) {
    let up = w.x >> 31u;
    let a1 = w.y + up;
    let a2 = w.z + u32(a1 < up);
    w = vec4<u32>(a1, a2, w.w + u32(a2 < w.z), sign);
    k++;
  } else if (top == 0u && (w.z ^ sign) < 0x40000000u) {
    if (all(w == vec4<u32>(0u))) { k = 0u; }
    while (k > 0u && w.w == sign && (w.z ^ sign) < 0x40000000u) {
      w = vec4<u32>(0u, w.xyz);
      k--;
    }
  }
  if (largest > 63u) {
    if (largest == F64_SUM_ODD) { return F64Sum(F64_SUM_ODD, high | select(vec4<u32>(0u), low, apart == 0u)); }
    if (k > 64u || (k == 64u && top > 0x1fffu)) { return F64Sum(F64_SUM_ODD, vec4<u32>(1u + (sign & 1u), 0u, 0u, 0u)); }
  }
  return F64Sum(k, w);
}`,

  /** Rounded to nearest even; zero is positive. */
  f64_sum_round: `
fn f64_sum_round(a: F64Sum) -> vec2<u32> {
  let negative = a.w.w >> 31u;
  if (a.k == F64_SUM_ODD) { return select(F64_NAN, vec2<u32>(0u, 0x7ff00000u | (a.w.x << 30u)), a.w.x < 3u); }
  let m = a.w ^ vec4<u32>(0u - negative);
  let x = m.x + negative;
  let y = m.y + u32(x < negative);
  let z = m.z + (negative & u32((x | y) == 0u));
  let w = m.w + (negative & u32((x | y | z) == 0u));
  let short = w == 0u && a.k > 0u;
  let first = select(w, z, short);
  let second = select(z, y, short);
  let third = select(y, x, short);
  // The biased exponent less one that a leading one at bit 31 of the first word has.
  let e = a.k * 32u + select(16u, 0xfffffff0u, short);
  let n = min(countLeadingZeros(first), e);
  let high = (first << n) | ((second >> 1u) >> (31u - n));
  let low = (second << n) | ((third >> 1u) >> (31u - n));
  let rest = u32(((third << n) | (low & 1u) | select(x, 0u, short)) != 0u);
  return f64_round_sum(negative << 31u, e - n, vec2<u32>((low >> 1u) | (high << 31u) | rest, high >> 1u));
}`,
};
