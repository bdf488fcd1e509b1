/** What aggregation has to give, in BigInt arithmetic: exact sums at a resolution of one subnormal, rounded once. */

import type { AggregateKind } from "../../src/gpu/kernels/aggregate.ts";
import type { DType, Physical } from "../../src/ir/dtype.ts";

/** A row's value as a JavaScript number or bigint (i64, u64), or null. */
export type Cell = number | bigint | null;

export const DTYPES = {
  bool: { kind: "Boolean" },
  i32: { kind: "Int32" },
  u32: { kind: "UInt32" },
  f32: { kind: "Float32" },
  i64: { kind: "Int64" },
  u64: { kind: "UInt64" },
  f64: { kind: "Float64" },
  code: { kind: "Null" },
} as const satisfies Record<Physical, DType>;

const view = new DataView(new ArrayBuffer(8));

export const f64Bits = (x: number): bigint => {
  view.setFloat64(0, x);
  return view.getBigUint64(0);
};

export const f64OfBits = (bits: bigint): number => {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
};

export const f32Bits = (x: number): number => {
  view.setFloat32(0, x);
  return view.getUint32(0);
};

export const f32OfBits = (bits: number): number => {
  view.setUint32(0, bits);
  return view.getFloat32(0);
};

const abs = (x: bigint): bigint => (x < 0n ? -x : x);
const bitLength = (x: bigint): number => (x === 0n ? 0 : x.toString(2).length);

interface FloatFormat {
  readonly digits: number;
  /** Exponent of the least subnormal. */
  readonly unit: number;
  readonly largest: number;
}
const FORMATS = {
  f64: { digits: 53, unit: -1074, largest: 1024 },
  f32: { digits: 24, unit: -149, largest: 128 },
} as const satisfies Record<string, FloatFormat>;

/** numerator / denominator * 2^exponent, to the nearest value of the format, ties to even; of its square root if `root`. */
export function nearest(numerator: bigint, denominator: bigint, exponent: number, float: "f32" | "f64", root = false): number {
  if (numerator === 0n) return 0;
  const { digits, unit, largest } = FORMATS[float];
  let top = abs(numerator);
  let scale = exponent;
  const wanted = 2 * digits + 40 + bitLength(denominator) - bitLength(top);
  const shift = Math.max(0, wanted) + ((scale - Math.max(0, wanted)) % 2 === 0 ? 0 : 1);
  top <<= BigInt(shift);
  scale -= shift;
  let q = top / denominator;
  let exact = q * denominator === top;
  if (root) {
    let r = 1n << BigInt(Math.ceil(bitLength(q) / 2));
    for (let next = (r + q / r) / 2n; next < r; next = (r + q / r) / 2n) r = next;
    exact &&= r * r === q;
    q = r;
    scale /= 2;
  }
  const kept = Math.max(bitLength(q) - digits, unit - scale, 0);
  const low = q & ((1n << BigInt(kept)) - 1n);
  const half = kept === 0 ? 0n : 1n << BigInt(kept - 1);
  let m = q >> BigInt(kept);
  if (kept > 0 && (low > half || (low === half && (!exact || (m & 1n) === 1n)))) m += 1n;
  if (bitLength(m) + kept + scale > largest) return numerator < 0n ? -Infinity : Infinity;
  let value = Number(m);
  for (let e = kept + scale; e !== 0; ) {
    const step = Math.max(-1000, Math.min(1000, e));
    value *= 2 ** step;
    e -= step;
  }
  return numerator < 0n ? -value : value;
}

/** A finite float in units of its format's least subnormal. */
export const unitsOf = (x: number, float: "f32" | "f64"): bigint => {
  const bits = float === "f64" ? f64Bits(x) : BigInt(f32Bits(x));
  const fraction = float === "f64" ? 52n : 23n;
  const e = (bits >> fraction) & (float === "f64" ? 0x7ffn : 0xffn);
  const m = (bits & ((1n << fraction) - 1n)) | (e > 0n ? 1n << fraction : 0n);
  const magnitude = m << (e > 0n ? e - 1n : 0n);
  return x < 0 ? -magnitude : magnitude;
};

/** Sum of the values (or squares) without the bits below the window of `bins` words under the largest exponent. */
export const windowSum = (values: readonly number[], float: "f32" | "f64", square: boolean): bigint => {
  const bins = square ? 6 : 4;
  const digits = float === "f64" ? 53 : 24;
  const units = values.map((x) => unitsOf(x, float));
  const position = (u: bigint): number => Math.max(bitLength(abs(u)) - digits, 0);
  const top = units.reduce((most, u) => Math.max(most, square ? 2 * position(u) + 2 * digits - 1 : position(u) + digits - 1), 0);
  const drop = BigInt(32 * Math.max(0, Math.floor(top / 32) - bins + 1));
  return units.reduce((sum, u) => {
    const x = square ? u * u : u;
    const magnitude = (abs(x) >> drop) << drop;
    return sum + (x < 0n ? -magnitude : magnitude);
  }, 0n);
};

const isFloat = (physical: Physical): physical is "f32" | "f64" => physical === "f32" || physical === "f64";
const asBigInt = (x: number | bigint): bigint => BigInt(x);

const floatSpecial = (values: readonly number[]): number | null => {
  const up = values.includes(Infinity);
  const down = values.includes(-Infinity);
  if (values.some(Number.isNaN) || (up && down)) return Number.NaN;
  return up ? Infinity : down ? -Infinity : null;
};

const sumOf = (present: readonly (number | bigint)[], physical: Physical, count: bigint, float: "f32" | "f64"): number => {
  if (!isFloat(physical))
    return nearest(
      present.reduce((sum: bigint, x) => sum + asBigInt(x), 0n),
      count,
      0,
      float,
    );
  const values = present.map(Number);
  return floatSpecial(values) ?? nearest(windowSum(values, physical, false), count, physical === "f64" ? -1074 : -149, float);
};

const varianceOf = (present: readonly (number | bigint)[], physical: Physical, ddof: number, root: boolean): number | null => {
  const n = BigInt(present.length);
  if (present.length <= ddof) return null;
  const float = physical === "f32" ? "f32" : "f64";
  const values = present.map(Number);
  if (isFloat(physical) && floatSpecial(values) !== null) return Number.NaN;
  const sum = isFloat(physical) ? windowSum(values, physical, false) : present.reduce((s: bigint, x) => s + asBigInt(x), 0n);
  const squares = isFloat(physical) ? windowSum(values, physical, true) : present.reduce((s: bigint, x) => s + asBigInt(x) ** 2n, 0n);
  const spread = n * squares - sum * sum;
  const unit = isFloat(physical) ? (physical === "f64" ? -2148 : -298) : 0;
  return nearest(spread < 0n ? 0n : spread, n * (n - BigInt(ddof)), unit, float, root);
};

const order = (a: number | bigint, b: number | bigint): number =>
  a < b ? -1 : a > b ? 1 : Object.is(a, b) ? 0 : Object.is(a, -0) ? -1 : 1;

/** The result for the rows of one group; `rows` are their global numbers. */
export function expected(kind: AggregateKind, cells: readonly Cell[], rows: readonly number[], physical: Physical, ddof = 1): Cell {
  const present = cells.filter((x) => x !== null);
  const valid = rows.filter((_, i) => cells[i] !== null);
  switch (kind) {
    case "len":
      return cells.length;
    case "count":
      return present.length;
    case "null_count":
      return cells.length - present.length;
    case "first_row":
      return valid.reduce((least, row) => Math.min(least, row), 0xffffffff);
    case "last_row":
      return valid.length === 0 ? 0xffffffff : valid.reduce((most, row) => Math.max(most, row), 0);
    case "any":
      return Number(present.includes(1));
    case "all":
      return Number(!present.includes(0));
    case "min":
    case "max": {
      if (present.length === 0) return null;
      const real = present.filter((x) => !Number.isNaN(x));
      const [first] = real;
      if (first === undefined) return Number.NaN;
      return real.reduce((best, x) => ((kind === "min" ? order(x, best) < 0 : order(x, best) > 0) ? x : best), first);
    }
    case "sum": {
      if (isFloat(physical)) return sumOf(present, physical, 1n, physical);
      const total = present.reduce((sum: bigint, x) => sum + asBigInt(x), 0n);
      if (physical === "i64") return BigInt.asIntN(64, total);
      if (physical === "u64") return BigInt.asUintN(64, total);
      return Number(physical === "i32" ? BigInt.asIntN(32, total) : BigInt.asUintN(32, total));
    }
    case "mean":
      return present.length === 0 ? null : sumOf(present, physical, BigInt(present.length), physical === "f32" ? "f32" : "f64");
    case "var":
    case "std":
      return varianceOf(present, physical, ddof, kind === "std");
  }
}
