/** Exact, order-free float sums in WGSL: how a value is cut into chunks at absolute bit positions, and which bins a group keeps. */

/**
 * A sum is kept as independent integers ("bins"): bin j counts multiples of 2^(32 j) units, a unit being the least subnormal
 * (2^-1074 for f64, 2^-149 for f32; its square for squares). The significand of a value, shifted to its absolute position, falls into
 * `chunks` words, each added with the value's sign to its own bin; a bin is an i64 (two words, low first) and nothing is carried
 * from bin to bin. So bins are associative and commutative, and every order, batch split and number of workgroups gives the same bits.
 *
 * A group keeps the `bins` bins from its `bottom` on, which is a function of its largest exponent alone; chunks below are dropped,
 * and raising the bottom drops whole bins: what is left is what would have been there if the largest exponent had come first.
 *
 * Error, with M the largest magnitude of n values: |result - sum| < n 2^-96 M for sums (4 bins), n 2^-159 M^2 for sums of squares
 * (6 bins), before the one rounding of the result; nothing at all is dropped of values that are at least 2^-43 M. Against a sum without
 * cancellation (|sum| >= M) that is below the result's own rounding for any n < 2^42. A bin has room for 2^31 rows.
 */
export interface WindowShape {
  readonly float: "f32" | "f64";
  /** Sums the exact squares instead of the values. */
  readonly square: boolean;
}

export const binsOf = (shape: WindowShape): number => (shape.square ? 6 : 4);

/** Words that one value falls into. */
export const chunksOf = ({ float, square }: WindowShape): number => (float === "f64" ? (square ? 5 : 3) : square ? 3 : 2);

/** The exponent of 2 of one unit of bin 0. */
export const unitOf = ({ float, square }: WindowShape): number => (float === "f64" ? -1074 : -149) * (square ? 2 : 1);

/** Name prefix of the shape's WGSL: `X_finite(x)`, `X_bottom(x)`, `X_place(x) -> X_Chunks { bin, sign, c0, c1, .. }`. */
export const windowName = ({ float, square }: WindowShape): string => `agg_${float}_${square ? "square" : "sum"}`;

const FIELDS = {
  f64: {
    value: "vec2<u32>",
    exponent: "(x.y >> 20u) & 0x7ffu",
    special: "0x7ffu",
    sign: "0u - (x.y >> 31u)",
    significand: "let low = x.x;\n  let high = (x.y & 0xfffffu) | (u32(e != 0u) << 20u);",
  },
  f32: {
    value: "u32",
    exponent: "(x >> 23u) & 0xffu",
    special: "0xffu",
    sign: "0u - (x >> 31u)",
    significand: "let low = (x & 0x7fffffu) | (u32(e != 0u) << 23u);",
  },
} as const;

/** Lines that declare w0, w1 ..: the significand, or its exact square, as words. */
const WORDS = {
  "f64 sum": "let w0 = low;\n  let w1 = high;",
  "f32 sum": "let w0 = low;",
  "f64 square": `let a = u32_mul_wide(low, low);
  let b = u64_shl(u32_mul_wide(low, high), 1u);
  let c = u32_mul_wide(high, high);
  let w0 = a.x;
  let w1 = a.y + b.x;
  let s2 = b.y + u32(w1 < b.x);
  let w2 = s2 + c.x;
  let w3 = c.y + u32(w2 < s2);`,
  "f32 square": "let a = u32_mul_wide(low, low);\n  let w0 = a.x;\n  let w1 = a.y;",
} as const;

const TOP_BIT = { "f64 sum": 52, "f32 sum": 23, "f64 square": 105, "f32 square": 47 } as const;

/** WGSL of one shape; uses library functions, so it has to be linked. `sign` is 0 or all ones. */
export function windowWgsl(shape: WindowShape): string {
  const name = windowName(shape);
  const kind = `${shape.float} ${shape.square ? "square" : "sum"}` as const;
  const { value, exponent, special, sign, significand } = FIELDS[shape.float];
  const chunks = chunksOf(shape);
  const top = binsOf(shape) - 1;
  const shifted = Array.from({ length: chunks }, (_, i) => {
    const here = i < chunks - 1 ? `(w${i} << s)` : "";
    const below = i > 0 ? `((w${i - 1} >> 1u) >> (31u - s))` : "";
    return [here, below].filter((part) => part !== "").join(" | ");
  });
  const position = `(max(e, 1u) - 1u)${shape.square ? " * 2u" : ""}`;
  return `
struct ${name}_Chunks { bin: u32, sign: u32, ${shifted.map((_, i) => `c${i}: u32`).join(", ")} }
fn ${name}_finite(x: ${value}) -> bool { return (${exponent}) != ${special}; }
fn ${name}_bottom(x: ${value}) -> u32 {
  let e = ${exponent};
  return max((${position} + ${TOP_BIT[kind]}u) >> 5u, ${top}u) - ${top}u;
}
fn ${name}_place(x: ${value}) -> ${name}_Chunks {
  let e = ${exponent};
  ${significand}
  ${WORDS[kind]}
  let p = ${position};
  let s = p & 31u;
  return ${name}_Chunks(p >> 5u, ${shape.square ? "0u" : sign}, ${shifted.join(", ")});
}`;
}
