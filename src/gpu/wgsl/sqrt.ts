/** Integer square roots in WGSL (Zimmermann's Karatsuba square root: each width out of the half as wide), for the float types. */

import type { Definitions } from "./definitions.ts";

export const SQRT: Definitions = {
  U64Root: "struct U64Root { s: u32, r: vec2<u32> }",
  /** s = floor(sqrt(n)) and r = n - s * s, for n >= 2^62. The 16-bit root of the high word is the hardware's, made exact by one step. */
  u64_sqrt_rem: `
fn u64_sqrt_rem(n: vec2<u32>) -> U64Root {
  var h = min(u32(sqrt(f32(n.y))), 0xffffu);
  h -= u32(h * h > n.y);
  h += u32(n.y - h * h > 2u * h);
  let t = ((n.y - h * h) << 15u) | (n.x >> 17u);
  let q = t / h;
  let u = ((t - q * h) << 1u) | ((n.x >> 16u) & 1u);
  let s = (h << 16u) + q;
  let r = u64_sub(vec2<u32>((u << 16u) | (n.x & 0xffffu), u >> 16u), vec2<u32>(q * q, q >> 16u));
  if ((r.y >> 31u) == 0u) { return U64Root(s, r); }
  return U64Root(s - 1u, u64_add(r, u64_sub(u64_shl(vec2<u32>(s, u32(s == 0u)), 1u), vec2<u32>(1u, 0u))));
}`,
  /** sqrt(n * 2^64) for n >= 2^62, rounded down to 64 bits, the least bit set where the root is not exact (n is not a square). */
  u64_sqrt_wide: `
fn u64_sqrt_wide(n: vec2<u32>) -> vec2<u32> {
  let root = u64_sqrt_rem(n);
  let t = u64_shl(root.r, 31u);
  let carry = u32(t.y >= root.s);
  let w = u32_div_wide(t.y - select(0u, root.s, carry != 0u), t.x, root.s);
  let s = vec2<u32>(w.x, root.s + carry);
  let square = select(u32_mul_wide(w.x, w.x), vec2<u32>(0u), carry != 0u);
  let less = carry != 0u || (w.y < 0x80000000u && u64_lt(vec2<u32>(0u, w.y << 1u), square));
  let floored = u64_sub(s, vec2<u32>(u32(less), 0u));
  return vec2<u32>(floored.x | u32(any(root.r != vec2<u32>(0u))), floored.y);
}`,
};
