/** Double-double arithmetic in WGSL: unevaluated sums of two f64, hi the value rounded and lo the rest rounded, computed in wide floats. */

import type { Definitions } from "./definitions.ts";

/**
 * An operation on finite operands whose parts span at most 126 bits gives its result to within 2^-105 of it. Where an operand or the result is not finite, hi is what
 * f64 arithmetic gives for the high parts and lo is 0.
 */
const operation = (name: string, special: string): Definitions => ({
  [`dd_${name}`]: `
fn dd_${name}(a: DD, b: DD) -> DD {
  if (${special}) { return DD(f64_${name}(a.hi, b.hi), vec2<u32>(0u)); }
  return wide_to_dd(wide_${name}(wide_from_dd(a), wide_from_dd(b)));
}`,
});

const NOT_FINITE = "!f64_is_finite(a.hi) || !f64_is_finite(b.hi)";

export const DOUBLE_DOUBLE: Definitions = {
  DD: "struct DD { hi: vec2<u32>, lo: vec2<u32> }",
  dd_from_f64: "fn dd_from_f64(a: vec2<u32>) -> DD { return DD(a, vec2<u32>(0u)); }",
  dd_to_f64: "fn dd_to_f64(a: DD) -> vec2<u32> { return select(f64_add(a.hi, a.lo), a.hi, f64_is_zero(a.lo)); }",
  dd_neg: "fn dd_neg(a: DD) -> DD { return DD(f64_neg(a.hi), f64_neg(a.lo)); }",
  /** Of finite parts. */
  wide_from_dd: `
fn wide_from_dd(a: DD) -> Wide {
  let hi = wide_from_f64(a.hi);
  let lo = wide_from_f64(a.lo);
  if (f64_is_zero(a.lo)) { return hi; }
  return wide_add(hi, lo);
}`,
  wide_to_dd: `
fn wide_to_dd(a: Wide) -> DD {
  let hi = wide_to_f64(a);
  if (!f64_is_finite(hi)) { return DD(hi, vec2<u32>(0u)); }
  return DD(hi, wide_to_f64(wide_sub(a, wide_from_f64(hi))));
}`,
  ...operation("add", NOT_FINITE),
  ...operation("sub", NOT_FINITE),
  ...operation("mul", NOT_FINITE),
  ...operation("div", `${NOT_FINITE} || f64_is_zero(b.hi)`),
};
