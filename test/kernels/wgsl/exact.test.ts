/** Exact products, 128-bit packing and double-doubles of the WGSL library, against BigInt. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertSameWords, Evaluator, type Input, type Output } from "./harness.ts";
import { F64_EDGES, pairs64, RANDOM_ROWS, randomWords } from "./values.ts";

let evaluator: Evaluator;
before(async () => {
  evaluator = await Evaluator.open();
});
after(() => evaluator.close());

const WIDE: Output["type"] = "vec2<u32>";

/** mantissa * 2^exponent of a finite double, sign apart. */
const partsOf = (bits: bigint): { readonly negative: boolean; readonly exponent: number; readonly mantissa: bigint } => {
  const field = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return { negative: bits >> 63n === 1n, exponent: Math.max(field, 1) - 1075, mantissa: field === 0 ? fraction : fraction | (1n << 52n) };
};

test("f64_parts and f64_mul_exact", async () => {
  const { rows, a, b } = pairs64(F64_EDGES, "float", 21);
  const inputs: readonly Input[] = [
    { name: "a", type: WIDE, words: a },
    { name: "b", type: WIDE, words: b },
  ];
  const [mantissa, exponent, negative, low, high, productExponent, productNegative] = await evaluator.evaluate(rows, inputs, [
    { wgsl: "f64_parts(a).mantissa", type: WIDE },
    { wgsl: "f64_parts(a).exponent", type: "i32" },
    { wgsl: "f64_parts(a).negative", type: "bool" },
    { wgsl: "f64_mul_exact(a, b).mantissa.xy", type: WIDE },
    { wgsl: "f64_mul_exact(a, b).mantissa.zw", type: WIDE },
    { wgsl: "f64_mul_exact(a, b).exponent", type: "i32" },
    { wgsl: "f64_mul_exact(a, b).negative", type: "bool" },
  ]);
  const [x, y] = [new BigUint64Array(a.buffer), new BigUint64Array(b.buffer)];
  const column = (): BigUint64Array<ArrayBuffer> => new BigUint64Array(rows);
  const [mantissas, lows, highs] = [column(), column(), column()];
  const words = (): Uint32Array => new Uint32Array(rows);
  const [exponents, negatives, productExponents, productNegatives, finite, bothFinite] = [
    words(),
    words(),
    words(),
    words(),
    words(),
    words(),
  ];
  const FINITE = 0x7ff0000000000000n;
  for (let row = 0; row < rows; row++) {
    const [p, q] = [partsOf(x[row] ?? 0n), partsOf(y[row] ?? 0n)];
    mantissas[row] = p.mantissa;
    exponents[row] = p.exponent;
    negatives[row] = Number(p.negative);
    const product = p.mantissa * q.mantissa;
    lows[row] = product;
    highs[row] = product >> 64n;
    productExponents[row] = p.exponent + q.exponent;
    productNegatives[row] = Number(p.negative !== q.negative);
    finite[row] = Number(((x[row] ?? 0n) & FINITE) !== FINITE);
    bothFinite[row] = Number(finite[row] === 1 && ((y[row] ?? 0n) & FINITE) !== FINITE);
  }
  assertSameWords("mantissa", mantissa ?? a, new Uint32Array(mantissas.buffer), inputs, finite);
  assertSameWords("exponent", exponent ?? a, exponents, inputs, finite);
  assertSameWords("negative", negative ?? a, negatives, inputs, finite);
  assertSameWords("product, low half", low ?? a, new Uint32Array(lows.buffer), inputs, bothFinite);
  assertSameWords("product, high half", high ?? a, new Uint32Array(highs.buffer), inputs, bothFinite);
  assertSameWords("product exponent", productExponent ?? a, productExponents, inputs, bothFinite);
  assertSameWords("product sign", productNegative ?? a, productNegatives, inputs, bothFinite);
});

/** mantissa * 2^exponent to the nearest double, halves to even; `sticky` stands for a little more. */
const roundToDouble = (mantissa: bigint, exponent: number, sticky: boolean): number => {
  const bits = mantissa === 0n ? 0 : mantissa.toString(2).length;
  // Units of the last place of the result: 53 bits, fewer below the normal range.
  const unit = Math.max(bits - 53 + exponent, -1074);
  const drop = BigInt(unit - exponent);
  if (drop <= 0n) return scaled(Number(mantissa << -drop), unit);
  const kept = mantissa >> drop;
  const rest = mantissa - (kept << drop);
  const half = 1n << (drop - 1n);
  const up = rest > half || (rest === half && (sticky || (kept & 1n) === 1n));
  return scaled(Number(up ? kept + 1n : kept), unit);
};

/** An integer below 2^54 times 2^exponent where that is exact, infinite where it is too large. */
const scaled = (integer: number, exponent: number): number => {
  const half = Math.trunc(exponent / 2);
  return exponent > 971 ? (integer === 0 ? 0 : Infinity) : integer * 2 ** half * 2 ** (exponent - half);
};

test("wide_from_u64 and dd_to_f64 round once", async () => {
  const { rows, a, b } = pairs64(F64_EDGES, "float", 24);
  const inputs: readonly Input[] = [
    { name: "a", type: WIDE, words: a },
    { name: "b", type: WIDE, words: b },
  ];
  const [integer, sum] = await evaluator.evaluate(rows, inputs, [
    { wgsl: "wide_to_f64(wide_from_u64(a))", type: WIDE },
    { wgsl: "dd_to_f64(DD(a, b))", type: WIDE },
  ]);
  const [integers, x, y] = [new BigUint64Array(a.buffer), new Float64Array(a.buffer), new Float64Array(b.buffer)];
  const [numbers, sums, isNumber] = [new Float64Array(rows), new Float64Array(rows), new Uint32Array(rows)];
  for (let row = 0; row < rows; row++) {
    numbers[row] = Number(integers[row]);
    const [hi, lo] = [x[row] ?? 0, y[row] ?? 0];
    sums[row] = lo === 0 ? hi : hi + lo;
    isNumber[row] = Number(!Number.isNaN(sums[row]));
  }
  assertSameWords("wide_from_u64", integer ?? a, new Uint32Array(numbers.buffer), inputs);
  assertSameWords("dd_to_f64", sum ?? a, new Uint32Array(sums.buffer), inputs, isNumber);
});

test("f64_pack rounds 128-bit integers", async () => {
  const rows = RANDOM_ROWS;
  const next = randomWords(22);
  const [low, high] = [new Uint32Array(rows * 2), new Uint32Array(rows * 2)];
  const [exponents, flags] = [new Uint32Array(rows), new Uint32Array(rows)];
  const [lows, highs] = [new BigUint64Array(low.buffer), new BigUint64Array(high.buffer)];
  const expected = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    for (const words of [low, high]) {
      words[2 * row] = next();
      words[2 * row + 1] = next();
    }
    const word = next();
    let mantissa = ((highs[row] ?? 0n) << 64n) | (lows[row] ?? 0n);
    // Ties and near ties: a run of one value in the low bits; then any length.
    if (row % 4 === 1) mantissa &= -1n << BigInt(word % 110);
    if (row % 4 === 2) mantissa |= (1n << BigInt(word % 110)) - 1n;
    if (row % 4 === 3) mantissa = ((mantissa >> 74n) << 75n) | (1n << 74n);
    mantissa = BigInt.asUintN(128, mantissa) >> BigInt(next() % 129);
    const sticky = (word & 0x100) !== 0 && mantissa >= 1n << 54n;
    const negative = (word & 0x200) !== 0;
    // A third about the least normal, a third about the largest, a third anywhere.
    const length = mantissa === 0n ? 0 : mantissa.toString(2).length;
    const exponent =
      [-1022 - length + ((word >>> 12) % 120) - 60, 1024 - length + ((word >>> 12) % 8) - 4, ((word >>> 12) % 2200) - 1200][row % 3] ?? 0;
    lows[row] = BigInt.asUintN(64, mantissa);
    highs[row] = mantissa >> 64n;
    exponents[row] = exponent;
    flags[row] = Number(sticky) | (Number(negative) << 1);
    const rounded = roundToDouble(mantissa, exponent, sticky);
    expected[row] = negative ? -rounded : rounded;
  }
  const inputs: readonly Input[] = [
    { name: "low", type: WIDE, words: low },
    { name: "high", type: WIDE, words: high },
    { name: "exponent", type: "i32", words: exponents },
    { name: "flags", type: "u32", words: flags },
  ];
  const call = "f64_pack((flags & 2u) != 0u, exponent, vec4<u32>(low, high), (flags & 1u) != 0u)";
  const [packed] = await evaluator.evaluate(rows, inputs, [{ wgsl: call, type: WIDE }]);
  assertSameWords("f64_pack", packed ?? low, new Uint32Array(expected.buffer), inputs);
});

const SCALE = 600;

/** value * 2^SCALE, an integer for every double that the test draws. */
const scaledInteger = (bits: bigint): bigint => {
  const { negative, exponent, mantissa } = partsOf(bits);
  const magnitude = mantissa << BigInt(exponent + SCALE);
  return negative ? -magnitude : magnitude;
};

/** a op b * 2^-SCALE of integers scaled by 2^SCALE, as an error-free fraction: numerator and denominator. */
const OPERATIONS: Readonly<Record<string, (a: bigint, b: bigint) => readonly [bigint, bigint]>> = {
  add: (a, b) => [a + b, 1n],
  sub: (a, b) => [a - b, 1n],
  mul: (a, b) => [a * b, 1n << BigInt(SCALE)],
  div: (a, b) => [a << BigInt(SCALE), b],
};

/** Each operation once for a row: hi in xy, lo in zw. */
const DD_FUNCTIONS = Object.keys(OPERATIONS)
  .map((name) => `fn packed_${name}(a: DD, b: DD) -> vec4<u32> { let r = dd_${name}(a, b); return vec4<u32>(r.hi, r.lo); }`)
  .join("\n");

test("double-double add, sub, mul, div are within 2^-105 of the exact result", async () => {
  const rows = 100_000;
  const next = randomWords(23);
  const columns = Array.from({ length: 4 }, () => new Float64Array(rows));
  const draw = (exponent: number): number =>
    (1 + (next() >>> (next() % 32)) / 2 ** 32 + next() / 2 ** 52) * 2 ** exponent * (next() % 2 === 0 ? 1 : -1);
  for (let row = 0; row < rows; row++) {
    // Half of the pairs near one another, so that sums cancel; some low parts zero.
    const p = (next() % 200) - 100;
    const q = row % 2 === 0 && row % 11 !== 0 ? (next() % 200) - 100 : p;
    const [ah, bh] = [draw(p), draw(q)];
    const [al, bl] = [row % 5 === 0 ? 0 : draw(p - 55 - (next() % 8)), row % 7 === 0 ? 0 : draw(q - 55 - (next() % 8))];
    [ah, al, row % 11 === 0 ? ah : bh, bl].forEach((value, i) => {
      const column = columns[i];
      if (column !== undefined) column[row] = value;
    });
  }
  const inputs = ["ah", "al", "bh", "bl"].map(
    (name, i): Input => ({ name, type: WIDE, words: new Uint32Array(columns[i]?.buffer ?? new ArrayBuffer(0)) }),
  );
  const bits = columns.map((column) => new BigUint64Array(column.buffer));
  const sum = (high: number, low: number, row: number): bigint =>
    scaledInteger(bits[high]?.[row] ?? 0n) + scaledInteger(bits[low]?.[row] ?? 0n);
  const names = Object.keys(OPERATIONS);
  const results = await evaluator.evaluate(
    rows,
    inputs,
    names.map((name): Output => ({ wgsl: `packed_${name}(DD(ah, al), DD(bh, bl))`, type: "vec4<u32>" })),
    DD_FUNCTIONS,
  );
  for (const [i, [name, operation]] of Object.entries(OPERATIONS).entries()) {
    const words = (results[i] ?? new Uint32Array()).slice();
    const [parts, values] = [new BigUint64Array(words.buffer), new Float64Array(words.buffer)];
    for (let row = 0; row < rows; row++) {
      const [numerator, denominator] = operation(sum(0, 1, row), sum(2, 3, row));
      const result = scaledInteger(parts[2 * row] ?? 0n) + scaledInteger(parts[2 * row + 1] ?? 0n);
      const [high, low] = [values[2 * row] ?? 0, values[2 * row + 1] ?? 0];
      const error = result * denominator - numerator;
      const [bound, exact] = [(error < 0n ? -error : error) << 105n, numerator < 0n ? -numerator : numerator];
      assert.ok(bound <= exact, `dd_${name}, row ${row}: ${high} + ${low}`);
      assert.equal(high + low, high, `dd_${name}, row ${row}: hi is not the rounded value`);
    }
  }
});

test("double-doubles that are not finite have no low part", async () => {
  const values = [Infinity, -Infinity, Number.NaN, 1e308, -1e308, 0, 1];
  const rows = values.length ** 2;
  const column = (pick: (row: number) => number): Uint32Array =>
    new Uint32Array(Float64Array.from({ length: rows }, (_, row) => values[pick(row)] ?? 0).buffer);
  const inputs: readonly Input[] = [
    { name: "a", type: WIDE, words: column((row) => Math.floor(row / values.length)) },
    { name: "b", type: WIDE, words: column((row) => row % values.length) },
  ];
  const names = Object.keys(OPERATIONS);
  const call = (name: string): string => `packed_${name}(dd_from_f64(a), dd_from_f64(b))`;
  const results = await evaluator.evaluate(
    rows,
    inputs,
    names.map((name): Output => ({ wgsl: call(name), type: "vec4<u32>" })),
    DD_FUNCTIONS,
  );
  const plain = {
    add: (x: number, y: number) => x + y,
    sub: (x: number, y: number) => x - y,
    mul: (x: number, y: number) => x * y,
    div: (x: number, y: number) => x / y,
  };
  Object.values(plain).forEach((operation, i) => {
    const parts = new Float64Array((results[i] ?? new Uint32Array()).slice().buffer);
    for (let row = 0; row < rows; row++) {
      const [x, y] = [values[Math.floor(row / values.length)] ?? 0, values[row % values.length] ?? 0];
      const expected = operation(x, y);
      const what = `${names[i]}(${x}, ${y})`;
      if (!Number.isFinite(expected)) {
        assert.equal(parts[2 * row], expected, what);
        assert.equal(parts[2 * row + 1], 0, what);
      }
      const [hi, lo] = [parts[2 * row] ?? 0, parts[2 * row + 1] ?? 0];
      assert.equal(lo === 0 ? hi : hi + lo, expected, what);
    }
  });
});
