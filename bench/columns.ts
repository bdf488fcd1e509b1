/** Columns of pseudo-random numbers: the same numbers for the same seed on every machine, drawn as fast as memory is written. */
import pl, { type Series } from "nodejs-polars";

/** Marsaglia's xorshift of 32 bits; `words[i]` for every `i`. No word is zero, and none comes twice within 2^32 - 1. */
function fill(words: Uint32Array, seed: number): Uint32Array {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return words;
}

/** Float64 in [0, 1), 32 bits of them random. */
export function floats(name: string, rows: number, seed: number): Series {
  const words = fill(new Uint32Array(rows), seed);
  const values = new Float64Array(rows);
  for (let i = 0; i < rows; i++) values[i] = (words[i] ?? 0) * 2 ** -32;
  return pl.Series(name, values);
}

/** Int64 in [0, `below`), `below` up to 2^32. */
export function numbers(name: string, rows: number, below: number, seed: number): Series {
  const values = new BigInt64Array(rows);
  const halves = new Uint32Array(values.buffer);
  const words = fill(new Uint32Array(rows), seed);
  for (let i = 0; i < rows; i++) halves[2 * i] = Math.floor((words[i] ?? 0) * 2 ** -32 * below);
  return pl.Series(name, values);
}

/** UInt32 in [0, `below`): row numbers. */
export function positions(name: string, rows: number, below: number, seed: number): Series {
  const words = fill(new Uint32Array(rows), seed);
  for (let i = 0; i < rows; i++) words[i] = Math.floor((words[i] ?? 0) * 2 ** -32 * below);
  return pl.Series(name, words);
}

/** Int64 of all 64 bits. */
export const keys64 = (name: string, rows: number, seed: number): Series =>
  pl.Series(name, new BigInt64Array(fill(new Uint32Array(2 * rows), seed).buffer));

/** Int32 of all 32 bits. */
export const keys32 = (name: string, rows: number, seed: number): Series =>
  pl.Series(name, new Int32Array(fill(new Uint32Array(rows), seed).buffer));

/** Int64 from 0 to `rows` - 1. */
export function ascending(name: string, rows: number): Series {
  const values = new BigInt64Array(rows);
  const halves = new Uint32Array(values.buffer);
  for (let i = 0; i < rows; i++) halves[2 * i] = i;
  return pl.Series(name, values);
}
