/**
 * Casts in WGSL: for every source A and target B, `A_to_B(x)` and `A_fits_B(x)`, false where Polars' non-strict cast gives null.
 * Integers that do not fit wrap; floats truncate toward zero, and what does not fit is unspecified.
 */

import type { Definitions } from "./definitions.ts";

type Source = "bool" | "i32" | "u32" | "i64" | "u64" | "f32" | "f64";
type Target = Source | "i8" | "i16" | "u8" | "u16";

const SOURCES: readonly Source[] = ["bool", "i32", "u32", "i64", "u64", "f32", "f64"];

/** WGSL value types; the 8 and 16 bit integers are kept widened. */
const VALUE: Readonly<Record<Target, string>> = {
  bool: "bool",
  i8: "i32",
  i16: "i32",
  i32: "i32",
  u8: "u32",
  u16: "u32",
  u32: "u32",
  f32: "u32",
  i64: "vec2<u32>",
  u64: "vec2<u32>",
  f64: "vec2<u32>",
};

/** Expressions over `a` for each target. */
type Row = Readonly<Record<Target, string>>;

const VALUES: Readonly<Record<Source, Row>> = {
  bool: {
    bool: "a",
    i8: "i32(a)",
    i16: "i32(a)",
    i32: "i32(a)",
    u8: "u32(a)",
    u16: "u32(a)",
    u32: "u32(a)",
    i64: "vec2<u32>(u32(a), 0u)",
    u64: "vec2<u32>(u32(a), 0u)",
    f32: "select(0u, 0x3f800000u, a)",
    f64: "vec2<u32>(0u, select(0u, 0x3ff00000u, a))",
  },
  i32: {
    bool: "a != 0",
    i8: "(a << 24u) >> 24u",
    i16: "(a << 16u) >> 16u",
    i32: "a",
    u8: "bitcast<u32>(a) & 0xffu",
    u16: "bitcast<u32>(a) & 0xffffu",
    u32: "bitcast<u32>(a)",
    i64: "vec2<u32>(bitcast<u32>(a), bitcast<u32>(a >> 31u))",
    u64: "vec2<u32>(bitcast<u32>(a), bitcast<u32>(a >> 31u))",
    f32: "f32_round_significand(bitcast<u32>(a) & 0x80000000u, 158, bitcast<u32>(i32_abs(a)))",
    f64: "f64_round_significand(bitcast<u32>(a) & 0x80000000u, 1054, vec2<u32>(0u, bitcast<u32>(i32_abs(a))))",
  },
  u32: {
    bool: "a != 0u",
    i8: "i32_to_i8(bitcast<i32>(a))",
    i16: "i32_to_i16(bitcast<i32>(a))",
    i32: "bitcast<i32>(a)",
    u8: "a & 0xffu",
    u16: "a & 0xffffu",
    u32: "a",
    i64: "vec2<u32>(a, 0u)",
    u64: "vec2<u32>(a, 0u)",
    f32: "f32_round_significand(0u, 158, a)",
    f64: "f64_round_significand(0u, 1054, vec2<u32>(0u, a))",
  },
  i64: {
    bool: "(a.x | a.y) != 0u",
    i8: "u32_to_i8(a.x)",
    i16: "u32_to_i16(a.x)",
    i32: "bitcast<i32>(a.x)",
    u8: "a.x & 0xffu",
    u16: "a.x & 0xffffu",
    u32: "a.x",
    i64: "a",
    u64: "a",
    f32: "u64_to_f32(i64_abs(a)) | (a.y & 0x80000000u)",
    f64: "f64_round_significand(a.y & 0x80000000u, 1086, i64_abs(a))",
  },
  u64: {
    bool: "(a.x | a.y) != 0u",
    i8: "u32_to_i8(a.x)",
    i16: "u32_to_i16(a.x)",
    i32: "bitcast<i32>(a.x)",
    u8: "a.x & 0xffu",
    u16: "a.x & 0xffffu",
    u32: "a.x",
    i64: "a",
    u64: "a",
    f32: "u64_round_f32(a)",
    f64: "f64_round_significand(0u, 1086, a)",
  },
  f32: {
    bool: "!f32_is_zero(a)",
    i8: "f64_to_i8(f32_to_f64(a))",
    i16: "f64_to_i16(f32_to_f64(a))",
    i32: "f64_to_i32(f32_to_f64(a))",
    u8: "f64_to_u8(f32_to_f64(a))",
    u16: "f64_to_u16(f32_to_f64(a))",
    u32: "f64_to_u32(f32_to_f64(a))",
    i64: "f64_to_i64(f32_to_f64(a))",
    u64: "f64_to_u64(f32_to_f64(a))",
    f32: "a",
    f64: "f32_widen(a)",
  },
  f64: {
    bool: "!f64_is_zero(a)",
    i8: "u32_to_i8(f64_to_i64(a).x)",
    i16: "u32_to_i16(f64_to_i64(a).x)",
    i32: "bitcast<i32>(f64_to_i64(a).x)",
    u8: "f64_to_i64(a).x & 0xffu",
    u16: "f64_to_i64(a).x & 0xffffu",
    u32: "f64_to_i64(a).x",
    i64: "select(f64_magnitude(a), u64_neg(f64_magnitude(a)), (a.y >> 31u) != 0u)",
    u64: "f64_to_i64(a)",
    f32: "f64_narrow(a)",
    f64: "a",
  },
};

const ALWAYS = "true";
/** Any of these is a value for each source that has no narrower rule. */
const FLOATS_AND_BOOL = { bool: ALWAYS, f32: ALWAYS, f64: ALWAYS } as const;

/** A float whose magnitude truncates to at most `most` when positive, `least` when negative. */
const truncates = (most: string, least: string): string => `f64_truncates_within(a, ${most}, ${least})`;
const viaF64 = (target: Target): string => `f64_fits_${target}(f32_to_f64(a))`;
/** The i64 is an i32 that fits. */
const viaI32 = (target: Target): string => `a.y == bitcast<u32>(bitcast<i32>(a.x) >> 31u) && i32_fits_${target}(bitcast<i32>(a.x))`;
const viaU32 = (target: Target): string => `a.y == 0u && u32_fits_${target}(a.x)`;

const FITS: Readonly<Record<Source, Row>> = {
  bool: { ...FLOATS_AND_BOOL, i8: ALWAYS, i16: ALWAYS, i32: ALWAYS, u8: ALWAYS, u16: ALWAYS, u32: ALWAYS, i64: ALWAYS, u64: ALWAYS },
  i32: {
    ...FLOATS_AND_BOOL,
    i8: "a >= -128 && a <= 127",
    i16: "a >= -32768 && a <= 32767",
    i32: ALWAYS,
    i64: ALWAYS,
    u8: "a >= 0 && a <= 255",
    u16: "a >= 0 && a <= 65535",
    u32: "a >= 0",
    u64: "a >= 0",
  },
  u32: {
    ...FLOATS_AND_BOOL,
    i8: "a <= 0x7fu",
    i16: "a <= 0x7fffu",
    i32: "a <= 0x7fffffffu",
    i64: ALWAYS,
    u8: "a <= 0xffu",
    u16: "a <= 0xffffu",
    u32: ALWAYS,
    u64: ALWAYS,
  },
  i64: {
    ...FLOATS_AND_BOOL,
    i8: viaI32("i8"),
    i16: viaI32("i16"),
    i32: viaI32("i32"),
    i64: ALWAYS,
    u8: viaU32("u8"),
    u16: viaU32("u16"),
    u32: viaU32("u32"),
    u64: "(a.y >> 31u) == 0u",
  },
  u64: {
    ...FLOATS_AND_BOOL,
    i8: viaU32("i8"),
    i16: viaU32("i16"),
    i32: viaU32("i32"),
    i64: "(a.y >> 31u) == 0u",
    u8: viaU32("u8"),
    u16: viaU32("u16"),
    u32: viaU32("u32"),
    u64: ALWAYS,
  },
  f32: {
    ...FLOATS_AND_BOOL,
    i8: viaF64("i8"),
    i16: viaF64("i16"),
    i32: viaF64("i32"),
    i64: viaF64("i64"),
    u8: viaF64("u8"),
    u16: viaF64("u16"),
    u32: viaF64("u32"),
    u64: viaF64("u64"),
  },
  f64: {
    ...FLOATS_AND_BOOL,
    i8: truncates("vec2<u32>(0x7fu, 0u)", "vec2<u32>(0x80u, 0u)"),
    i16: truncates("vec2<u32>(0x7fffu, 0u)", "vec2<u32>(0x8000u, 0u)"),
    i32: truncates("vec2<u32>(0x7fffffffu, 0u)", "vec2<u32>(0x80000000u, 0u)"),
    i64: truncates("vec2<u32>(0xffffffffu, 0x7fffffffu)", "vec2<u32>(0u, 0x80000000u)"),
    u8: truncates("vec2<u32>(0xffu, 0u)", "vec2<u32>(0u)"),
    u16: truncates("vec2<u32>(0xffffu, 0u)", "vec2<u32>(0u)"),
    u32: truncates("vec2<u32>(0xffffffffu, 0u)", "vec2<u32>(0u)"),
    u64: truncates("vec2<u32>(0xffffffffu, 0xffffffffu)", "vec2<u32>(0u)"),
  },
};

const TARGETS: readonly Target[] = [...SOURCES, "i8", "i16", "u8", "u16"];

const pairs = (source: Source): readonly (readonly [string, string])[] =>
  TARGETS.flatMap((target) => [
    [`${source}_to_${target}`, `fn ${source}_to_${target}(a: ${VALUE[source]}) -> ${VALUE[target]} { return ${VALUES[source][target]}; }`],
    [`${source}_fits_${target}`, `fn ${source}_fits_${target}(a: ${VALUE[source]}) -> bool { return ${FITS[source][target]}; }`],
  ]);

export const CASTS: Definitions = {
  ...Object.fromEntries(SOURCES.flatMap(pairs)),

  u64_round_f32: `
fn u64_round_f32(a: vec2<u32>) -> u32 {
  let z = u64_clz(a);
  let m = u64_shl(a, z);
  return f32_round_significand(0u, 190 - i32(z), m.y | u32(m.x != 0u));
}`,
  f32_widen: `
fn f32_widen(a: u32) -> vec2<u32> {
  let sign = a & 0x80000000u;
  if (!f32_is_finite(a)) { return select(vec2<u32>(0u, sign | 0x7ff00000u), F64_NAN, f32_is_nan(a)); }
  if (f32_is_zero(a)) { return vec2<u32>(0u, sign); }
  let s = f32_significand(a);
  return vec2<u32>(s.m << 21u, sign | ((s.m >> 11u) + (u32(s.e + 895) << 20u)));
}`,
  f64_narrow: `
fn f64_narrow(a: vec2<u32>) -> u32 {
  let sign = a.y & 0x80000000u;
  if (!f64_is_finite(a)) { return select(sign | 0x7f800000u, F32_NAN, f64_is_nan(a)); }
  let s = f64_significand(a);
  return f32_round_significand(sign, s.e - 896, s.m.y | u32(s.m.x != 0u));
}`,
  /** The integer part of |a|, for |a| < 2^64. */
  f64_magnitude: `
fn f64_magnitude(a: vec2<u32>) -> vec2<u32> {
  let s = f64_significand(a);
  return select(u64_shr(s.m, u32(1086 - s.e)), vec2<u32>(0u), s.e < 1023 || s.e > 1086);
}`,
  f64_truncates_within: `
fn f64_truncates_within(a: vec2<u32>, most: vec2<u32>, least: vec2<u32>) -> bool {
  let bound = select(most, least, (a.y >> 31u) != 0u);
  return (a.y & 0x7fffffffu) < 0x43f00000u && !u64_lt(bound, f64_magnitude(a));
}`,
};
