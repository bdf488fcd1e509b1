/** Key columns for the tests of sorting, grouping and joining, and what plain JavaScript makes of them: ranks. */

import type { Device } from "../../src/gpu/device.ts";
import { encodeEquality, encodeOrder, type HashKeys, hashKeys, type KeyOrder, type KeyPlanes } from "../../src/gpu/kernels/keys.ts";
import { columnsProgram } from "../../src/gpu/row-program.ts";
import { type DType, physicalOf, storageOf } from "../../src/ir/dtype.ts";
import { type HostColumn, random, upload } from "./host-column.ts";

/** A column in storage words, with its type. */
export interface KeyColumn {
  readonly dtype: DType;
  readonly nullable: boolean;
  readonly rows: HostColumn;
}

/** One dtype for each physical type. */
export const KEY_TYPES: readonly DType[] = (["Boolean", "Int32", "UInt32", "Float32", "Int64", "UInt64", "Float64", "String"] as const).map(
  (kind) => ({ kind }),
);

const view = new DataView(new ArrayBuffer(8));
export const f64Bits = (value: number): bigint => {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
};
export const f32Bits = (value: number): number => {
  view.setFloat32(0, value);
  return view.getUint32(0);
};
const asUint64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** Storage words that are likely to go wrong, by physical type. */
const SPECIAL = {
  bool: [0, 1],
  i32: [0, 1, 0xffffffff, 0x7fffffff, 0x80000000],
  u32: [0, 1, 0xffffffff, 0x7fffffff, 0x80000000],
  f32: [0, 0x80000000, 1, 0x80000001, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000, f32Bits(1), f32Bits(-1)],
  code: [0, 1, 999],
  i64: [0n, 1n, asUint64(-1n), 1n << 63n, (1n << 63n) - 1n, 1n << 32n, asUint64(-(1n << 32n))],
  u64: [0n, 1n, asUint64(-1n), 1n << 63n, (1n << 63n) - 1n, 1n << 32n],
  f64: [
    0n,
    1n << 63n,
    1n,
    (1n << 63n) | 1n,
    f64Bits(Number.NaN),
    f64Bits(Number.NaN) | (1n << 63n),
    0x7ff0000000000001n,
    0x7ff0000100000000n,
    f64Bits(Infinity),
    f64Bits(-Infinity),
    f64Bits(1),
    f64Bits(-1),
  ],
} as const;

/** Rows drawn from `distinct` words, the special ones first; about one null in 6 where `nullable`. */
export const keyColumn = (dtype: DType, length: number, distinct: number, nullable: boolean, seed: number): KeyColumn => {
  const next = random(seed);
  const physical = physicalOf(dtype);
  const words: (number | bigint)[] = [...SPECIAL[physical]];
  while (words.length < distinct && physical !== "bool") {
    if (storageOf(dtype) === "w2") words.push((BigInt(next()) << 32n) | BigInt(next()));
    else words.push(physical === "code" ? next() % 1000 : next());
  }
  const usable = Math.min(words.length, distinct);
  const rows = Array.from({ length }, () => {
    const at = next() % usable;
    return nullable && next() % 6 === 0 ? null : (words[at] ?? 0);
  });
  return { dtype, nullable, rows };
};

/** The value that storage words stand for. */
const decode = (dtype: DType, word: number | bigint): number | bigint => {
  switch (physicalOf(dtype)) {
    case "i32":
      return Number(word) | 0;
    case "f32":
      view.setUint32(0, Number(word));
      return view.getFloat32(0);
    case "i64":
      return BigInt.asIntN(64, BigInt(word));
    case "f64":
      view.setBigUint64(0, BigInt(word));
      return view.getFloat64(0);
    default:
      return word;
  }
};

const isNaNValue = (value: number | bigint): boolean => typeof value === "number" && Number.isNaN(value);

/** Order with NaN largest and equal to itself. */
const compare = (a: number | bigint, b: number | bigint): number =>
  isNaNValue(a) || isNaNValue(b) ? Number(isNaNValue(a)) - Number(isNaNValue(b)) : a < b ? -1 : a > b ? 1 : 0;

/** The rank of each row's value among the distinct values of all columns (of one dtype), -1 for null. A Map takes -0 as 0 and NaN as NaN. */
export const ranksOf = (columns: readonly KeyColumn[]): Int32Array[] => {
  const values = columns.map(({ dtype, rows }) => rows.map((word) => (word === null ? null : decode(dtype, word))));
  const distinct = new Map<number | bigint, number>();
  for (const column of values) for (const value of column) if (value !== null) distinct.set(value, 0);
  [...distinct.keys()].sort(compare).forEach((value, rank) => {
    distinct.set(value, rank);
  });
  return values.map((column) => Int32Array.from(column, (value) => (value === null ? -1 : (distinct.get(value) ?? 0))));
};

/** The ranks of row `row` in several columns as one text. */
export const keyText = (ranks: readonly Int32Array[], row: number): string => {
  let text = "";
  for (const column of ranks) text += `${column[row]},`;
  return text;
};

/** Stable order of the rows by their ranks. */
export const orderedRows = (ranks: readonly Int32Array[], rows: number, order: readonly KeyOrder[]): Uint32Array => {
  const keys = ranks.map((column, k) => {
    const { descending = false, nullsLast = false } = order[k] ?? {};
    return Float64Array.from(column, (rank) => (rank < 0 ? (nullsLast ? Infinity : -Infinity) : descending ? -rank : rank));
  });
  return Uint32Array.from(
    Array.from({ length: rows }, (_, row) => row).sort((a, b) => {
      for (const key of keys) {
        const [x = 0, y = 0] = [key[a], key[b]];
        if (x !== y) return x < y ? -1 : 1;
      }
      return a - b;
    }),
  );
};

/** The keys of columns as hash tables take them; releases the columns. */
export const tableKeys = (device: Device, columns: readonly KeyColumn[], rows: number): HashKeys => {
  const uploaded = columns.map((column) => upload(device, column.dtype, column.rows, column.nullable));
  const keys = hashKeys(device, columnsProgram(uploaded), rows);
  for (const column of uploaded) column.buffer.release();
  return keys;
};

/** Encodes columns as equality planes (no order) or ordered ones, and releases the columns. */
export const encode = (device: Device, columns: readonly KeyColumn[], rows: number, order?: readonly KeyOrder[]): KeyPlanes => {
  const uploaded = columns.map((column) => upload(device, column.dtype, column.rows, column.nullable));
  const program = columnsProgram(uploaded);
  const planes = order === undefined ? encodeEquality(device, program, rows) : encodeOrder(device, program, rows, order);
  for (const column of uploaded) column.buffer.release();
  return planes;
};
