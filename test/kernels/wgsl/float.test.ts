/** f64 and f32 arithmetic, rounding, order and predicates of the WGSL library against JavaScript's IEEE doubles, bit for bit. */

import { after, before, test } from "node:test";
import { assertSameWords, Evaluator, type Input, type Output } from "./harness.ts";
import { column, F32_EDGES, F64_EDGES, type Pairs, pairs32, pairs64 } from "./values.ts";

interface Format {
  readonly type: "f64" | "f32";
  readonly wgslType: "vec2<u32>" | "u32";
  readonly pairs: Pairs;
  /** The operands as numbers. */
  readonly values: (words: Uint32Array) => Float64Array | Float32Array;
  /** The words of numbers rounded to the format, NaN canonical. */
  readonly words: (values: Float64Array) => Uint32Array;
}

const withCanonicalNaN = (values: Float64Array): Uint32Array => {
  const words = new Uint32Array(values.buffer);
  values.forEach((value, row) => {
    if (!Number.isNaN(value)) return;
    words[2 * row] = 0;
    words[2 * row + 1] = 0x7ff80000;
  });
  return words;
};

const withCanonicalNaN32 = (values: Float64Array): Uint32Array => {
  const rounded = new Float32Array(values);
  const words = new Uint32Array(rounded.buffer);
  rounded.forEach((value, row) => {
    if (Number.isNaN(value)) words[row] = 0x7fc00000;
  });
  return words;
};

const FORMATS: readonly Format[] = [
  {
    type: "f64",
    wgslType: "vec2<u32>",
    pairs: pairs64(F64_EDGES, "float", 1),
    values: (words) => new Float64Array(words.buffer),
    words: withCanonicalNaN,
  },
  {
    type: "f32",
    wgslType: "u32",
    pairs: pairs32(F32_EDGES, "float", 2),
    values: (words) => new Float32Array(words.buffer),
    words: withCanonicalNaN32,
  },
];

const halfEven = (x: number): number => {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return x < 0 && Math.round(x) === 0 ? -0 : Math.round(x);
  return floor % 2 === 0 ? (floor === 0 ? 0 * x : floor) : floor + 1 === 0 ? -0 : floor + 1;
};
const halfAway = (x: number): number => {
  const magnitude = Math.abs(x);
  const floor = Math.floor(magnitude);
  const rounded = magnitude - floor >= 0.5 ? floor + 1 : floor;
  return x < 0 || Object.is(x, -0) ? -rounded : rounded;
};

type Reference = (x: number, y: number) => number;

/** Each intermediate of f32 is rounded to f32. */
const arithmetic = (round: (x: number) => number): Readonly<Record<string, Reference>> => ({
  "add(a, b)": (x, y) => x + y,
  "sub(a, b)": (x, y) => x - y,
  "mul(a, b)": (x, y) => x * y,
  "div(a, b)": (x, y) => x / y,
  "floor_div(a, b)": (x, y) => Math.floor(round(x / y)),
  "trunc_div(a, b)": (x, y) => Math.trunc(round(x / y)),
  "rem(a, b)": (x, y) => x - round(y * Math.floor(round(x / y))),
  "sqrt(a)": Math.sqrt,
  "div_literal(a, b)": (x, y) => x * y,
  "floor_div_literal(a, b)": (x, y) => Math.floor(round(x * y)),
  "rem_literal(a, b, a)": (x, y) => x - round(y * Math.floor(round(x * x))),
});

/** A NaN may keep its payload: compared where the operand is a number. */
const roundings: Readonly<Record<string, Reference>> = {
  "floor(a)": Math.floor,
  "ceil(a)": Math.ceil,
  "trunc(a)": Math.trunc,
  "round(a)": halfEven,
  "round_away(a)": halfAway,
  "neg(a)": (x) => -x,
  "abs(a)": Math.abs,
};

/** Whether the first operand is the result; the operand's own bits are. */
const extremes: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  "min(a, b)": (x, y) => x < y,
  "max(a, b)": (x, y) => x > y,
};

const compare: Reference = (x, y) => {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
  return x < y ? -1 : Number(x > y);
};

const predicates: Readonly<Record<string, (x: number, y: number) => boolean>> = {
  "eq(a, b)": (x, y) => compare(x, y) === 0,
  "ne(a, b)": (x, y) => compare(x, y) !== 0,
  "lt(a, b)": (x, y) => compare(x, y) < 0,
  "le(a, b)": (x, y) => compare(x, y) <= 0,
  "gt(a, b)": (x, y) => compare(x, y) > 0,
  "ge(a, b)": (x, y) => compare(x, y) >= 0,
  "is_nan(a)": Number.isNaN,
  "is_finite(a)": Number.isFinite,
  "is_infinite(a)": (x) => Math.abs(x) === Infinity,
};

let evaluator: Evaluator;
before(async () => {
  evaluator = await Evaluator.open();
});
after(() => evaluator.close());

for (const { type, wgslType, pairs, values, words } of FORMATS) {
  const { rows, a, b } = pairs;
  const inputs: readonly Input[] = [
    { name: "a", type: wgslType, words: a },
    { name: "b", type: wgslType, words: b },
  ];
  const [x, y] = [values(a), values(b)];
  const reference = (f: Reference): Float64Array => {
    const result = new Float64Array(rows);
    for (let row = 0; row < rows; row++) result[row] = f(x[row] ?? 0, y[row] ?? 0);
    return result;
  };
  const table = arithmetic(type === "f32" ? Math.fround : (v) => v);
  const isNumber = column(rows, (row) => Number(!Number.isNaN(x[row])));

  for (const some of [Object.entries(table).slice(0, 4), Object.entries(table).slice(4, 8), Object.entries(table).slice(8)]) {
    test(`${type} ${some.map(([call]) => call).join(", ")}`, async () => {
      const outputs = some.map(([call]): Output => ({ wgsl: `${type}_${call}`, type: wgslType }));
      const results = await evaluator.evaluate(rows, inputs, outputs);
      some.forEach(([call, f], i) => {
        assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), words(reference(f)), inputs);
      });
    });
  }

  test(`${type} rounding to integers, sign`, async () => {
    const calls = Object.entries(roundings);
    const results = await evaluator.evaluate(
      rows,
      inputs,
      calls.map(([call]): Output => ({ wgsl: `${type}_${call}`, type: wgslType })),
    );
    calls.forEach(([call, f], i) => {
      assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), words(reference(f)), inputs, isNumber);
    });
  });

  test(`${type} min, max`, async () => {
    const calls = Object.entries(extremes);
    const results = await evaluator.evaluate(
      rows,
      inputs,
      calls.map(([call]): Output => ({ wgsl: `${type}_${call}`, type: wgslType })),
    );
    calls.forEach(([call, isFirst], i) => {
      const width = a.length / rows;
      const expected = column(a.length, (at) => {
        const row = Math.floor(at / width);
        return (isFirst(x[row] ?? 0, y[row] ?? 0) ? a[at] : b[at]) ?? 0;
      });
      assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), expected, inputs);
    });
  });

  test(`${type} comparison in Polars' total order, and predicates`, async () => {
    const calls = Object.entries(predicates);
    const results = await evaluator.evaluate(
      rows,
      inputs,
      calls.map(([call]): Output => ({ wgsl: `${type}_${call}`, type: "bool" })),
    );
    calls.forEach(([call, f], i) => {
      const expected = column(rows, (row) => Number(f(x[row] ?? 0, y[row] ?? 0)));
      assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), expected, inputs);
    });
  });

  test(`${type} order keys sort like the total order and come back`, async () => {
    const less = type === "f64" ? "u64_lt(f64_order(a), f64_order(b))" : "f32_order(a) < f32_order(b)";
    const same = `all(${type}_order(a) == ${type}_order(b))`;
    const outputs: readonly Output[] = [
      { wgsl: less, type: "bool" },
      { wgsl: same, type: "bool" },
      { wgsl: `${type}_unorder(${type}_order(a))`, type: wgslType },
      { wgsl: `${type}_key(a)`, type: wgslType },
    ];
    const [lt, eq, back, key] = await evaluator.evaluate(rows, inputs, outputs);
    const order = reference(compare);
    assertSameWords(
      "less",
      lt ?? a,
      column(rows, (row) => Number((order[row] ?? 0) < 0)),
      inputs,
    );
    assertSameWords(
      "same",
      eq ?? a,
      column(rows, (row) => Number(order[row] === 0)),
      inputs,
    );
    const canonical = words(reference((v) => (v === 0 ? 0 : v)));
    assertSameWords("unorder", back ?? a, canonical, inputs);
    assertSameWords("key", key ?? a, canonical, inputs);
  });
}
