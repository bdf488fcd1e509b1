/** i32, u32, i64 and u64 arithmetic, order and shifts of the WGSL library against JavaScript's integers, bit for bit. */

import { after, before, test } from "node:test";
import { assertSameWords, Evaluator, type Input, type Output } from "./harness.ts";
import { column, pairs32, pairs64, W32_EDGES, W64_EDGES } from "./values.ts";

let evaluator: Evaluator;
before(async () => {
  evaluator = await Evaluator.open();
});
after(() => evaluator.close());

const comparisons: Readonly<Record<string, (order: number) => boolean>> = {
  "eq(a, b)": (order) => order === 0,
  "ne(a, b)": (order) => order !== 0,
  "lt(a, b)": (order) => order < 0,
  "le(a, b)": (order) => order <= 0,
  "gt(a, b)": (order) => order > 0,
  "ge(a, b)": (order) => order >= 0,
};

type Wide = (a: bigint, b: bigint) => bigint;

const wideArithmetic: Readonly<Record<string, Wide>> = {
  "add(a, b)": (a, b) => a + b,
  "sub(a, b)": (a, b) => a - b,
  "mul(a, b)": (a, b) => a * b,
  "neg(a)": (a) => -a,
  "abs(a)": (a) => (a < 0n ? -a : a),
  "min(a, b)": (a, b) => [a, b][Number(b < a)] ?? 0n,
  "max(a, b)": (a, b) => [a, b][Number(a < b)] ?? 0n,
};

/** Compared where the divisor is not 0. */
const wideDivision: Readonly<Record<string, Wide>> = {
  "trunc_div(a, b)": (a, b) => a / b,
  "floor_div(a, b)": (a, b) => a / b - (a % b !== 0n && a < 0n !== b < 0n ? 1n : 0n),
  "rem(a, b)": (a, b) => (a % b !== 0n && a < 0n !== b < 0n ? (a % b) + b : a % b),
};

const wide = pairs64(W64_EDGES, "integer", 3);
const divides = column(wide.rows, (row) => Number(((wide.b[2 * row] ?? 0) | (wide.b[2 * row + 1] ?? 0)) !== 0));

for (const type of ["i64", "u64"] as const) {
  const values = (words: Uint32Array): BigInt64Array | BigUint64Array =>
    type === "i64" ? new BigInt64Array(words.buffer) : new BigUint64Array(words.buffer);
  const inputs: readonly Input[] = [
    { name: "a", type: "vec2<u32>", words: wide.a },
    { name: "b", type: "vec2<u32>", words: wide.b },
  ];
  const [x, y] = [values(wide.a), values(wide.b)];
  const check = async (table: Readonly<Record<string, Wide>>, where?: Uint32Array): Promise<void> => {
    const calls = Object.entries(table);
    const outputs = calls.map(([call]): Output => ({ wgsl: `${type}_${call}`, type: "vec2<u32>" }));
    const results = await evaluator.evaluate(wide.rows, inputs, outputs);
    calls.forEach(([call, f], i) => {
      const words = new Uint32Array(wide.rows * 2);
      const expected = values(words);
      for (let row = 0; row < wide.rows; row++) {
        if (where === undefined || where[row] === 1) expected[row] = f(x[row] ?? 0n, y[row] ?? 0n);
      }
      assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), words, inputs, where);
    });
  };

  test(`${type} add, sub, mul, neg, abs, min, max`, () => check(wideArithmetic));
  test(`${type} division`, () => check(wideDivision, divides));

  test(`${type} order`, async () => {
    const calls = Object.entries(comparisons);
    const outputs: readonly Output[] = [
      ...calls.map(([call]): Output => ({ wgsl: `${type}_${call}`, type: "bool" })),
      { wgsl: `u64_lt(${type}_order(a), ${type}_order(b))`, type: "bool" },
      { wgsl: `${type}_unorder(${type}_order(a))`, type: "vec2<u32>" },
    ];
    const results = await evaluator.evaluate(wide.rows, inputs, outputs);
    const order = new Int8Array(wide.rows);
    for (let row = 0; row < wide.rows; row++)
      order[row] = Number((x[row] ?? 0n) > (y[row] ?? 0n)) - Number((x[row] ?? 0n) < (y[row] ?? 0n));
    calls.forEach(([call, holds], i) => {
      const expected = column(wide.rows, (row) => Number(holds(order[row] ?? 0)));
      assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), expected, inputs);
    });
    const less = column(wide.rows, (row) => Number((order[row] ?? 0) < 0));
    assertSameWords("order", results[6] ?? new Uint32Array(), less, inputs);
    assertSameWords("unorder", results[7] ?? new Uint32Array(), wide.a, inputs);
  });
}

test("u64 shifts, leading zeros and the wide product", async () => {
  const { rows, a, b } = wide;
  const amounts = b.filter((_, i) => i % 2 === 0).map((word, row) => (row % 4 === 0 ? word : word % 72));
  const inputs: readonly Input[] = [
    { name: "a", type: "vec2<u32>", words: a },
    { name: "b", type: "vec2<u32>", words: b },
    { name: "n", type: "u32", words: amounts },
  ];
  const value: Output["type"] = "vec2<u32>";
  const results = await evaluator.evaluate(rows, inputs, [
    { wgsl: "u64_shl(a, n)", type: value },
    { wgsl: "u64_shr(a, n)", type: value },
    { wgsl: "u64_shr_jam(a, n)", type: value },
    { wgsl: "u64_mul_wide(a, b).xy", type: value },
    { wgsl: "u64_mul_wide(a, b).zw", type: value },
    { wgsl: "u64_clz(a)", type: "u32" },
  ]);
  const [x, y] = [new BigUint64Array(a.buffer), new BigUint64Array(b.buffer)];
  const wideColumn = (): BigUint64Array<ArrayBuffer> => new BigUint64Array(rows);
  const [left, rights, jammed, lows, highs] = [wideColumn(), wideColumn(), wideColumn(), wideColumn(), wideColumn()];
  const zeros = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const [v, n] = [x[row] ?? 0n, BigInt(Math.min(64, amounts[row] ?? 0))];
    const right = v >> n;
    const product = v * (y[row] ?? 0n);
    left[row] = v << n;
    rights[row] = right;
    jammed[row] = right << n === v ? right : right | 1n;
    lows[row] = product;
    highs[row] = product >> 64n;
    const [low, high] = [a[2 * row] ?? 0, a[2 * row + 1] ?? 0];
    zeros[row] = high === 0 ? 32 + Math.clz32(low) : Math.clz32(high);
  }
  Object.entries({ u64_shl: left, u64_shr: rights, u64_shr_jam: jammed, low: lows, high: highs }).forEach(([name, words], i) => {
    assertSameWords(name, results[i] ?? new Uint32Array(), new Uint32Array(words.buffer), inputs);
  });
  assertSameWords("u64_clz", results[5] ?? new Uint32Array(), zeros, inputs);
});

type Narrow = (a: number, b: number) => number;

const narrowArithmetic: Readonly<Record<string, Narrow>> = {
  "add(a, b)": (a, b) => a + b,
  "sub(a, b)": (a, b) => a - b,
  "mul(a, b)": Math.imul,
  "neg(a)": (a) => -a,
  "abs(a)": Math.abs,
  "min(a, b)": Math.min,
  "max(a, b)": Math.max,
};
const narrowDivision: Readonly<Record<string, Narrow>> = {
  "trunc_div(a, b)": (a, b) => Math.trunc(a / b),
  "floor_div(a, b)": (a, b) => Math.floor(a / b),
  "rem(a, b)": (a, b) => a - b * Math.floor(a / b),
};

const narrow = pairs32(W32_EDGES, "integer", 4);

for (const type of ["i32", "u32"] as const) {
  const inputs: readonly Input[] = [
    { name: "a", type, words: narrow.a },
    { name: "b", type, words: narrow.b },
  ];
  const numbers = (words: Uint32Array): Int32Array | Uint32Array => (type === "i32" ? new Int32Array(words.buffer) : words);
  const [x, y] = [numbers(narrow.a), numbers(narrow.b)];

  test(`${type} arithmetic and order`, async () => {
    const values = Object.entries({ ...narrowArithmetic, ...narrowDivision });
    const results = await evaluator.evaluate(
      narrow.rows,
      inputs,
      values.map(([call]): Output => ({ wgsl: `${type}_${call}`, type })),
    );
    values.forEach(([call, f], i) => {
      const expected = column(narrow.rows, (row) => f(x[row] ?? 0, y[row] ?? 0));
      const where = call in narrowDivision ? narrow.b : undefined;
      assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), expected, inputs, where);
    });
    const holds = Object.entries(comparisons);
    const order = await evaluator.evaluate(narrow.rows, inputs, [
      ...holds.map(([call]): Output => ({ wgsl: `${type}_${call}`, type: "bool" })),
      { wgsl: `${type}_order(a) < ${type}_order(b)`, type: "bool" },
      { wgsl: `${type}_unorder(${type}_order(a))`, type },
    ]);
    [...holds, ["order", (o: number): boolean => o < 0] as const].forEach(([call, f], i) => {
      const expected = column(narrow.rows, (row) => Number(f((x[row] ?? 0) - (y[row] ?? 0))));
      assertSameWords(`${type}_${call}`, order[i] ?? new Uint32Array(), expected, inputs);
    });
    assertSameWords("unorder", order[7] ?? new Uint32Array(), narrow.a, inputs);
  });
}

test("u32 wide product and quotient", async () => {
  const { rows } = narrow;
  const divisors = narrow.b.map((word) => (word | 0x80000000) >>> 0);
  const highs = narrow.a.map((word, row) => word % (divisors[row] ?? 1));
  const lows = narrow.a.map((word, row) => (word ^ (narrow.b[row] ?? 0)) >>> 0);
  const inputs: readonly Input[] = [
    { name: "a", type: "u32", words: highs },
    { name: "b", type: "u32", words: lows },
    { name: "d", type: "u32", words: divisors },
  ];
  const [product, quotient] = await evaluator.evaluate(rows, inputs, [
    { wgsl: "u32_mul_wide(a, b)", type: "vec2<u32>" },
    { wgsl: "u32_div_wide(a, b, d)", type: "vec2<u32>" },
  ]);
  const [products, quotients] = [new BigUint64Array(rows), new BigUint64Array(rows)];
  for (let row = 0; row < rows; row++) {
    const [high, low, d] = [BigInt(highs[row] ?? 0), BigInt(lows[row] ?? 0), BigInt(divisors[row] ?? 1)];
    products[row] = high * low;
    const dividend = (high << 32n) | low;
    quotients[row] = (dividend / d) | ((dividend % d) << 32n);
  }
  assertSameWords("u32_mul_wide", product ?? new Uint32Array(), new Uint32Array(products.buffer), inputs);
  assertSameWords("u32_div_wide", quotient ?? new Uint32Array(), new Uint32Array(quotients.buffer), inputs);
});
