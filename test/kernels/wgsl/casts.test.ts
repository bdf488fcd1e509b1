/** Every cast of the WGSL library and its `fits`, against JavaScript's conversions, bit for bit. */

import { after, before, test } from "node:test";
import { assertSameWords, Evaluator, type Input, type Output } from "./harness.ts";
import { column, F32_EDGES, F64_EDGES, RANDOM_ROWS, randomWords, W32_EDGES, W64_EDGES } from "./values.ts";

const IN_RANGE_ROWS = 200_000;

let evaluator: Evaluator;
before(async () => {
  evaluator = await Evaluator.open();
});
after(() => evaluator.close());

/** Edges, random bits, and random bits whose exponent (where `exponent` says how to set one) makes them integers of few bits. */
const words32 = (edges: readonly number[], seed: number, exponent?: (word: number) => number): Uint32Array => {
  const words = new Uint32Array(edges.length + RANDOM_ROWS + IN_RANGE_ROWS);
  const next = randomWords(seed);
  words.set(edges);
  for (let row = edges.length; row < words.length; row++) {
    const word = next();
    words[row] = row < edges.length + RANDOM_ROWS ? word : (exponent?.(word) ?? (word | 0) >> (next() & 31));
  }
  return words;
};

const words64 = (edges: readonly bigint[], seed: number, exponent?: (high: number) => number): Uint32Array => {
  const rows = edges.length + RANDOM_ROWS + IN_RANGE_ROWS;
  const words = new Uint32Array(rows * 2);
  const wide = new BigInt64Array(words.buffer);
  const next = randomWords(seed);
  for (let i = edges.length * 2; i < words.length; i++) words[i] = next();
  wide.set(edges.map((bits) => BigInt.asIntN(64, bits)));
  for (let row = edges.length + RANDOM_ROWS; row < rows; row++) {
    if (exponent !== undefined) words[2 * row + 1] = exponent(words[2 * row + 1] ?? 0);
    else wide[row] = (wide[row] ?? 0n) >> BigInt(next() & 63);
  }
  return words;
};

/** What a row of a source is: as a number (rounded for 64-bit integers), and its integer part modulo 2^64, exactly. */
interface Values {
  readonly numbers: Float64Array;
  readonly integers: BigInt64Array;
  /** Whether the integer part is in i64 and in u64. */
  readonly inI64: Uint8Array;
  readonly inU64: Uint8Array;
}

const ofNumbers = (source: ArrayLike<number>): Values => {
  const rows = source.length;
  const [integers, inI64, inU64] = [new BigInt64Array(rows), new Uint8Array(rows), new Uint8Array(rows)];
  const numbers = new Float64Array(source);
  numbers.forEach((value, row) => {
    const whole = Math.trunc(value);
    if (Math.abs(whole) <= 2 ** 64) integers[row] = BigInt(whole);
    inI64[row] = Number(whole >= -(2 ** 63) && whole < 2 ** 63);
    inU64[row] = Number(whole >= 0 && whole < 2 ** 64);
  });
  return { numbers, integers, inI64, inU64 };
};

const ofWide = (words: Uint32Array, signed: boolean): Values => {
  const integers = new BigInt64Array(words.buffer);
  const unsigned = new BigUint64Array(words.buffer);
  const rows = integers.length;
  const [numbers, fits, always] = [new Float64Array(rows), new Uint8Array(rows), new Uint8Array(rows).fill(1)];
  for (let row = 0; row < rows; row++) {
    numbers[row] = Number(signed ? integers[row] : unsigned[row]);
    fits[row] = Number((integers[row] ?? 0n) >= 0n);
  }
  return { numbers, integers, inI64: signed ? always : fits, inU64: signed ? fits : always };
};

/** Rounds an integer to f32 once: the bits that a double would round away are jammed into the last one that it keeps. */
const integerToFloat32 = (value: bigint): number => {
  if (BigInt.asIntN(53, value) === value) return Math.fround(Number(value));
  const shifted = value >> 11n;
  return Math.fround(Number(shifted << 11n === value ? shifted : shifted | 1n)) * 2048;
};

const SOURCES: Readonly<Record<string, { readonly input: Input["type"]; readonly words: Uint32Array; readonly values: () => Values }>> =
  (() => {
    const bool = Uint32Array.of(0, 1);
    const i32 = words32(W32_EDGES, 12);
    const u32 = words32(W32_EDGES, 13);
    const i64 = words64(W64_EDGES, 14);
    const u64 = words64(W64_EDGES, 15);
    const f32 = words32(F32_EDGES, 16, (word) => (word & 0x807fffff) | ((125 + ((word >>> 23) % 68)) << 23));
    const f64 = words64(F64_EDGES, 17, (high) => (high & 0x800fffff) | ((1021 + ((high >>> 20) % 68)) << 20));
    return {
      bool: { input: "bool", words: bool, values: () => ofNumbers(bool) },
      i32: { input: "i32", words: i32, values: () => ofNumbers(new Int32Array(i32.buffer)) },
      u32: { input: "u32", words: u32, values: () => ofNumbers(u32) },
      i64: { input: "vec2<u32>", words: i64, values: () => ofWide(i64, true) },
      u64: { input: "vec2<u32>", words: u64, values: () => ofWide(u64, false) },
      f32: { input: "u32", words: f32, values: () => ofNumbers(new Float32Array(f32.buffer)) },
      f64: { input: "vec2<u32>", words: f64, values: () => ofNumbers(new Float64Array(f64.buffer)) },
    } as const;
  })();

/** The target's WGSL type, its range where it is a narrow integer, and the word that keeps a 32-bit pattern narrowed to it. */
const NARROW = {
  i8: { type: "i32", least: -128, most: 127, word: (low: number) => (low << 24) >> 24 },
  i16: { type: "i32", least: -32768, most: 32767, word: (low: number) => (low << 16) >> 16 },
  i32: { type: "i32", least: -2147483648, most: 2147483647, word: (low: number) => low },
  u8: { type: "u32", least: 0, most: 255, word: (low: number) => low & 255 },
  u16: { type: "u32", least: 0, most: 65535, word: (low: number) => low & 65535 },
  u32: { type: "u32", least: 0, most: 4294967295, word: (low: number) => low },
} as const;

const flags = (rows: number, holds: (row: number) => boolean): Uint32Array => column(rows, (row) => Number(holds(row)));

for (const [source, { input, words, values }] of Object.entries(SOURCES)) {
  const inputs: readonly Input[] = [{ name: "a", type: input, words }];
  const isFloat = source === "f32" || source === "f64";

  test(`${source} to 8, 16 and 32 bit integers`, async () => {
    const { numbers, integers } = values();
    const rows = numbers.length;
    const low = new Uint32Array(integers.buffer);
    const targets = Object.entries(NARROW);
    const results = await evaluator.evaluate(
      rows,
      inputs,
      targets.flatMap(([name, { type }]): Output[] => [
        { wgsl: `${source}_to_${name}(a)`, type },
        { wgsl: `${source}_fits_${name}(a)`, type: "bool" },
      ]),
    );
    targets.forEach(([name, { least, most, word }], i) => {
      const fits = flags(rows, (row) => {
        const whole = Math.trunc(numbers[row] ?? 0);
        return whole >= least && whole <= most;
      });
      const expected = column(rows, (row) => word(low[2 * row] ?? 0));
      assertSameWords(`${source}_fits_${name}`, results[2 * i + 1] ?? fits, fits, inputs);
      // Integers wrap; what does not fit is unspecified only for floats.
      assertSameWords(`${source}_to_${name}`, results[2 * i] ?? fits, expected, inputs, isFloat ? fits : undefined);
    });
  });

  test(`${source} to i64, u64, f32, f64 and bool`, async () => {
    const { numbers, integers, inI64, inU64 } = values();
    const rows = numbers.length;
    const to = (name: string, type: Output["type"]): Output => ({ wgsl: `${source}_to_${name}(a)`, type });
    const fits = (name: string): Output => ({ wgsl: `${source}_fits_${name}(a)`, type: "bool" });
    const [i64, u64, f32, f64, bool, fitsI64, fitsU64, others] = await evaluator.evaluate(rows, inputs, [
      to("i64", "vec2<u32>"),
      to("u64", "vec2<u32>"),
      to("f32", "u32"),
      to("f64", "vec2<u32>"),
      to("bool", "bool"),
      fits("i64"),
      fits("u64"),
      { wgsl: `${source}_fits_f32(a) && ${source}_fits_f64(a) && ${source}_fits_bool(a)`, type: "bool" },
    ]);
    const wide = new Uint32Array(integers.buffer);
    assertSameWords(`${source}_fits_i64`, fitsI64 ?? words, Uint32Array.from(inI64), inputs);
    assertSameWords(`${source}_fits_u64`, fitsU64 ?? words, Uint32Array.from(inU64), inputs);
    assertSameWords(`${source} fits f32, f64, bool`, others ?? words, new Uint32Array(rows).fill(1), inputs);
    assertSameWords(`${source}_to_i64`, i64 ?? words, wide, inputs, isFloat ? inI64 : undefined);
    assertSameWords(`${source}_to_u64`, u64 ?? words, wide, inputs, isFloat ? inU64 : undefined);
    const truth = flags(rows, (row) => numbers[row] !== 0);
    assertSameWords(`${source}_to_bool`, bool ?? words, truth, inputs);

    const isNumber = source === "f64" || source === "f32" ? flags(rows, (row) => !Number.isNaN(numbers[row])) : undefined;
    assertSameWords(`${source}_to_f64`, f64 ?? words, new Uint32Array(numbers.buffer), inputs, isNumber);
    const exact = source === "i64" ? integers : source === "u64" ? new BigUint64Array(integers.buffer) : undefined;
    const narrow = new Float32Array(numbers);
    exact?.forEach((value, row) => {
      narrow[row] = integerToFloat32(value);
    });
    assertSameWords(`${source}_to_f32`, f32 ?? words, new Uint32Array(narrow.buffer), inputs, isNumber);
    if (isNumber === undefined) return;
    const [nan32, nan64] = await evaluator.evaluate(rows, inputs, [
      { wgsl: `f32_is_nan(${source}_to_f32(a))`, type: "bool" },
      { wgsl: `f64_is_nan(${source}_to_f64(a))`, type: "bool" },
    ]);
    const isNotNumber = isNumber.map((flag) => 1 - flag);
    assertSameWords(`${source}_to_f32 of NaN`, nan32 ?? words, isNotNumber, inputs);
    assertSameWords(`${source}_to_f64 of NaN`, nan64 ?? words, isNotNumber, inputs);
  });
}
