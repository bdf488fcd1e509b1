/** Columns as plain JavaScript for the kernel tests: made at random, uploaded, read back. */

import { bitmapWords, type Column, columnWords, valueWords } from "../../src/gpu/column.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { Dictionary } from "../../src/gpu/dictionary.ts";
import { type DType, storageOf, WORDS } from "../../src/ir/dtype.ts";

/** A row is null, or its storage: one word (0 or 1 for `bits`), or two words as one bigint. */
export type HostColumn = readonly (number | bigint | null)[];

/** xorshift32. */
export const random = (seed: number): (() => number) => {
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
};

export const SIZES = [0, 1, 31, 32, 33, 255, 256, 257, 65_537, 1_500_003] as const;

export const STORAGES = {
  bits: { kind: "Boolean" },
  w1: { kind: "Int32" },
  w2: { kind: "Float64" },
  code: { kind: "String" },
} as const satisfies Record<string, DType>;

export const DICTIONARY: Dictionary = { size: 1000, unique: true, sorted: false };

/** About one null in 5 where `nullable`. */
export const randomRows = (dtype: DType, length: number, nullable: boolean, seed: number): HostColumn => {
  const next = random(seed);
  const storage = storageOf(dtype);
  return Array.from({ length }, () => {
    const word = next();
    if (nullable && next() % 5 === 0) return null;
    if (storage === "w2") return (BigInt(word) << 32n) | BigInt(next());
    return storage === "bits" ? word & 1 : storage === "code" ? word % 1000 : word;
  });
};

const setBit = (words: Uint32Array, first: number, row: number): void => {
  const at = first + (row >>> 5);
  words[at] = ((words[at] ?? 0) | (1 << (row & 31))) >>> 0;
};

/** A bit for each row, lowest first. */
export const bitmapOf = (bits: readonly boolean[]): Uint32Array => {
  const words = new Uint32Array(bitmapWords(bits.length));
  bits.forEach((bit, row) => {
    if (bit) setBit(words, 0, row);
  });
  return words;
};

/** Words that no kernel may rely on are filled with noise. */
export const upload = (device: Device, dtype: DType, rows: HostColumn, nullable: boolean): Column => {
  const { length } = rows;
  const storage = storageOf(dtype);
  const words = new Uint32Array(columnWords(dtype, length, nullable)).fill(0xdeadbeef);
  const validity = valueWords(dtype, length);
  words.fill(0, validity, validity + bitmapWords(length));
  if (storage === "bits") words.fill(0, 0, bitmapWords(length));
  for (let row = 0; row < length; row++) {
    const value = rows[row] ?? null;
    if (value === null) continue;
    if (nullable) setBit(words, validity, row);
    if (typeof value === "bigint") {
      words[row * 2] = Number(value & 0xffffffffn);
      words[row * 2 + 1] = Number(value >> 32n);
    } else if (storage !== "bits") words[row] = value;
    else if (value === 1) setBit(words, 0, row);
  }
  const buffer = device.alloc(words.length, "uploaded column");
  device.write(buffer, 0, words);
  return { dtype, length, buffer, validityOffset: nullable ? validity : null, dictionary: storage === "code" ? DICTIONARY : null };
};

/** The rows of a column. @throws Error when bits beyond the length are set. */
export const download = async (device: Device, column: Column): Promise<HostColumn> => {
  const { dtype, length, buffer, validityOffset } = column;
  const storage = storageOf(dtype);
  const words = await device.read(buffer, 0, columnWords(dtype, length, validityOffset !== null));
  const bit = (first: number, row: number): number => ((words[first + (row >>> 5)] ?? 0) >>> (row & 31)) & 1;
  const bitmaps = [...(storage === "bits" ? [0] : []), ...(validityOffset === null ? [] : [validityOffset])];
  for (const first of bitmaps)
    for (let row = length; row < bitmapWords(length) * 32; row++)
      if (bit(first, row) === 1) throw new Error(`bit ${row} of ${length} is set`);
  return Array.from({ length }, (_, row) => {
    if (validityOffset !== null && bit(validityOffset, row) === 0) return null;
    if (storage === "bits") return bit(0, row);
    const low = words[row * WORDS[storage]] ?? 0;
    return storage === "w2" ? (BigInt(words[row * 2 + 1] ?? 0) << 32n) | BigInt(low) : low;
  });
};

/** Index of the first row that differs, or -1. */
export const difference = (actual: ArrayLike<unknown>, expected: ArrayLike<unknown>): number => {
  const length = Math.max(actual.length, expected.length);
  for (let row = 0; row < length; row++) if (actual[row] !== expected[row]) return row;
  return -1;
};
