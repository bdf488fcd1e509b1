/** The 128-bit integer operations in WGSL that the wide floats are made of: vec4<u32>, least word in x. */

import type { Definitions } from "./definitions.ts";

export const U128: Definitions = {
  u128_lt: `
fn u128_lt(a: vec4<u32>, b: vec4<u32>) -> bool {
  return u64_lt(a.zw, b.zw) || (all(a.zw == b.zw) && u64_lt(a.xy, b.xy));
}`,
  u128_add: `
fn u128_add(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
  let low = u64_add(a.xy, b.xy);
  let carry = vec2<u32>(u32(u64_lt(low, a.xy)), 0u);
  return vec4<u32>(low, u64_add(u64_add(a.zw, b.zw), carry));
}`,
  u128_sub: `
fn u128_sub(a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
  let borrow = vec2<u32>(u32(u64_lt(a.xy, b.xy)), 0u);
  return vec4<u32>(u64_sub(a.xy, b.xy), u64_sub(u64_sub(a.zw, b.zw), borrow));
}`,
  /** 0 for n >= 128. */
  u128_shl: `
fn u128_shl(a: vec4<u32>, n: u32) -> vec4<u32> {
  let far = vec4<u32>(vec2<u32>(0u), u64_shl(a.xy, n - 64u));
  let near = vec4<u32>(u64_shl(a.xy, n), u64_shl(a.zw, n) | u64_shr(a.xy, 64u - n));
  return select(near, far, n >= 64u);
}`,
  /** Shifted right, the least bit set where any bit was lost; any n. */
  u128_shr_jam: `
fn u128_shr_jam(a: vec4<u32>, n: u32) -> vec4<u32> {
  let far = vec4<u32>(u64_shr(a.zw, n - 64u), vec2<u32>(0u));
  let near = vec4<u32>(u64_shr(a.xy, n) | u64_shl(a.zw, 64u - n), u64_shr(a.zw, n));
  let s = select(near, far, n >= 64u);
  return vec4<u32>(s.x | u32(any(u128_shl(s, n) != a)), s.yzw);
}`,
  /** Leading zero bits; 128 for 0. */
  u128_clz: `
fn u128_clz(a: vec4<u32>) -> u32 {
  return select(u64_clz(a.zw), 64u + u64_clz(a.xy), (a.z | a.w) == 0u);
}`,
};
