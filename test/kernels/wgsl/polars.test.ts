/** The WGSL library where Polars, not IEEE-754, decides: remainders, extremes, rounding, roots and casts, against CPU polars. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pl from "nodejs-polars";
import { roundMultiplier } from "../../../src/gpu/wgsl/round.ts";
import { assertSameWords, Evaluator, type Input, type Output } from "./harness.ts";
import { F32_EDGES, F64_EDGES, pairs32, pairs64, W32_EDGES, W64_EDGES } from "./values.ts";

let evaluator: Evaluator;
before(async () => {
  evaluator = await Evaluator.open();
});
after(() => evaluator.close());

/** The rows that are taken of the pairs: all crossed edges and some random ones. */
const head = (words: Uint32Array, rows: number, width: number): Uint32Array => words.slice(0, rows * width);

const crossed64 = F64_EDGES.length ** 2 + 20_000;
const crossed32 = F32_EDGES.length ** 2 + 20_000;
const f64Pairs = pairs64(F64_EDGES, "float", 31);
const f32Pairs = pairs32(F32_EDGES, "float", 32);
const i64Pairs = pairs64(W64_EDGES, "integer", 33);
const i32Pairs = pairs32(W32_EDGES, "integer", 34);

const TYPES = {
  f64: { rows: crossed64, wgsl: "vec2<u32>", dtype: pl.Float64, a: head(f64Pairs.a, crossed64, 2), b: head(f64Pairs.b, crossed64, 2) },
  f32: { rows: crossed32, wgsl: "u32", dtype: pl.Float32, a: head(f32Pairs.a, crossed32, 1), b: head(f32Pairs.b, crossed32, 1) },
  i64: { rows: 20_000, wgsl: "vec2<u32>", dtype: pl.Int64, a: head(i64Pairs.a, 20_000, 2), b: head(i64Pairs.b, 20_000, 2) },
  u64: { rows: 20_000, wgsl: "vec2<u32>", dtype: pl.UInt64, a: head(i64Pairs.a, 20_000, 2), b: head(i64Pairs.b, 20_000, 2) },
  i32: { rows: 20_000, wgsl: "i32", dtype: pl.Int32, a: head(i32Pairs.a, 20_000, 1), b: head(i32Pairs.b, 20_000, 1) },
  u32: { rows: 20_000, wgsl: "u32", dtype: pl.UInt32, a: head(i32Pairs.a, 20_000, 1), b: head(i32Pairs.b, 20_000, 1) },
} as const;

type Type = keyof typeof TYPES;

const ARRAYS = {
  f64: Float64Array,
  f32: Float32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  i32: Int32Array,
  u32: Uint32Array,
} as const;

const series = (name: string, type: Type, words: Uint32Array): pl.Series =>
  pl.Series(name, new ARRAYS[type](words.slice().buffer), TYPES[type].dtype);

const frameOf = (type: Type): pl.DataFrame => pl.DataFrame({ a: series("a", type, TYPES[type].a), b: series("b", type, TYPES[type].b) });

const inputsOf = (type: Type): readonly Input[] => [
  { name: "a", type: TYPES[type].wgsl, words: TYPES[type].a },
  { name: "b", type: TYPES[type].wgsl, words: TYPES[type].b },
];

/** The words of a column without nulls, NaN canonical; 8 and 16 bit integers widened. */
const wordsOf = (frame: pl.DataFrame, name: string): Uint32Array => {
  const values: unknown = frame.getColumn(name).toTypedArray();
  if (values instanceof Float64Array) {
    const words = new Uint32Array(values.slice().buffer);
    values.forEach((value, row) => {
      if (!Number.isNaN(value)) return;
      words[2 * row] = 0;
      words[2 * row + 1] = 0x7ff80000;
    });
    return words;
  }
  if (values instanceof Float32Array) {
    const words = new Uint32Array(values.slice().buffer);
    values.forEach((value, row) => {
      if (Number.isNaN(value)) words[row] = 0x7fc00000;
    });
    return words;
  }
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) return new Uint32Array(values.slice().buffer);
  if (values instanceof Int8Array || values instanceof Int16Array || values instanceof Int32Array)
    return new Uint32Array(Int32Array.from(values).buffer);
  if (values instanceof Uint8Array || values instanceof Uint16Array || values instanceof Uint32Array) return Uint32Array.from(values);
  return assert.fail(`${name}: a typed array is expected`);
};

/** With the canonical NaN for every NaN, as in `wordsOf`. */
const canonical = (type: Type, wgsl: string): string => (type === "f64" || type === "f32" ? `canonical_${type}(${wgsl})` : wgsl);

const FUNCTIONS = `
fn canonical_f64(a: vec2<u32>) -> vec2<u32> { return select(a, F64_NAN, f64_is_nan(a)); }
fn canonical_f32(a: u32) -> u32 { return select(a, F32_NAN, f32_is_nan(a)); }`;

const literal = 3.7;
const bitsOf = (value: number): string => {
  const [low, high] = new Uint32Array(new Float64Array([value]).buffer);
  return `vec2<u32>(${low}u, ${high}u)`;
};

const [a, b] = [pl.col("a"), pl.col("b")];

/** For each call of the library the expression of Polars that it stands for. */
const FLOAT_CALLS: Readonly<Record<string, pl.Expr>> = {
  "add(a, b)": a.plus(b),
  "sub(a, b)": a.minus(b),
  "mul(a, b)": a.mul(b),
  "div(a, b)": a.div(b),
  "rem(a, b)": a.modulo(b),
  "min(a, b)": pl.minHorizontal([a, b]),
  "max(a, b)": pl.maxHorizontal([a, b]),
  "floor(a)": a.floor(),
  "ceil(a)": a.ceil(),
  "round(a)": a.round(0),
};

const check = async (type: Type, calls: Readonly<Record<string, pl.Expr>>): Promise<void> => {
  const names = Object.keys(calls);
  const { rows, wgsl } = TYPES[type];
  const expected = frameOf(type).select(...Object.values(calls).map((expr, i) => expr.alias(`${i}`)));
  for (let from = 0; from < names.length; from += 4) {
    const some = names.slice(from, from + 4);
    const outputs = some.map((call): Output => ({ wgsl: canonical(type, `${type}_${call}`), type: wgsl }));
    const results = await evaluator.evaluate(rows, inputsOf(type), outputs, FUNCTIONS);
    some.forEach((call, i) => {
      assertSameWords(`${type}_${call}`, results[i] ?? new Uint32Array(), wordsOf(expected, `${from + i}`), inputsOf(type));
    });
  }
};

test("f64 arithmetic, remainder, extremes, rounding", () => check("f64", FLOAT_CALLS));
test("f32 arithmetic, remainder, extremes, rounding", () => check("f32", FLOAT_CALLS));

test("f64 divided by a literal", () => {
  const inverse = bitsOf(1 / literal);
  return check("f64", {
    [`div_literal(a, ${inverse})`]: a.div(literal),
    [`rem_literal(a, ${bitsOf(literal)}, ${inverse})`]: a.modulo(literal),
  });
});

test("sqrt", async () => {
  for (const type of ["f64", "f32"] as const) {
    const context = pl.SQLContext({ data: frameOf(type).lazy() });
    const frame: unknown = context.execute("SELECT SQRT(a) AS root FROM data", { eager: true });
    assert.ok(pl.DataFrame.isDataFrame(frame));
    const [root] = await evaluator.evaluate(TYPES[type].rows, inputsOf(type), [{ wgsl: `${type}_sqrt(a)`, type: TYPES[type].wgsl }]);
    assertSameWords(`${type}_sqrt`, root ?? new Uint32Array(), wordsOf(frame, "root"), inputsOf(type));
  }
});

for (const type of ["i64", "u64", "i32", "u32"] as const) {
  test(`${type} floor division and remainder`, async () => {
    const { rows, wgsl } = TYPES[type];
    const context = pl.SQLContext({ data: frameOf(type).lazy() });
    const frame: unknown = context.execute("SELECT a // b AS quotient, a % b AS remainder FROM data", { eager: true });
    assert.ok(pl.DataFrame.isDataFrame(frame));
    const filled = frame.select(
      pl.col("remainder").fillNull("zero"),
      pl.col("remainder").isNotNull().cast(pl.UInt32).alias("hasRemainder"),
      // SQL's quotient is an Int64: null where a u64 is beyond it.
      pl.col("quotient").isNotNull().cast(pl.UInt32).alias("hasQuotient"),
      pl.col("quotient").fillNull("zero").cast(TYPES[type].dtype),
    );
    const [hasQuotient, hasRemainder] = [wordsOf(filled, "hasQuotient"), wordsOf(filled, "hasRemainder")];
    const [quotient, remainder] = await evaluator.evaluate(rows, inputsOf(type), [
      { wgsl: `${type}_floor_div(a, b)`, type: wgsl },
      { wgsl: `${type}_rem(a, b)`, type: wgsl },
    ]);
    assertSameWords(`${type}_floor_div`, quotient ?? new Uint32Array(), wordsOf(filled, "quotient"), inputsOf(type), hasQuotient);
    assertSameWords(`${type}_rem`, remainder ?? new Uint32Array(), wordsOf(filled, "remainder"), inputsOf(type), hasRemainder);
  });
}

test("rounding to decimals", async () => {
  const decimals = [1, 2, 3, 7, 15, 22, 23, 24, 50, 120, 200, 299];
  for (const type of ["f64", "f32"] as const) {
    const width = type === "f64" ? 2 : 1;
    const pairs = type === "f64" ? f64Pairs : f32Pairs;
    const rows = 4_000;
    // Every edge, random bits, and values of few digits, where decimals matter.
    const edges = type === "f64" ? F64_EDGES.length : F32_EDGES.length;
    const words = pairs.a.slice(-rows * width);
    words.set(pairs.b.subarray(0, edges * width));
    const decimal = Array.from({ length: 2_000 }, (_, i) => (i * 7919 - 5_000_000) / 2 ** (i % 11) / 10 ** (i % 9));
    words.set(new Uint32Array(type === "f64" ? new Float64Array(decimal).buffer : new Float32Array(decimal).buffer), edges * width);
    const frame = pl.DataFrame({ a: series("a", type, words) });
    for (const digits of decimals) {
      const inputs: readonly Input[] = [{ name: "a", type: TYPES[type].wgsl, words }];
      const m: Input = {
        name: "m",
        type: "vec2<u32>",
        words: new Uint32Array(new Float64Array(rows).fill(roundMultiplier(digits)).buffer),
      };
      const call = canonical(type, `${type}_round_decimals(a, m)`);
      const [rounded] = await evaluator.evaluate(rows, [...inputs, m], [{ wgsl: call, type: TYPES[type].wgsl }], FUNCTIONS);
      const expected = wordsOf(frame.select(pl.col("a").round(digits)), "a");
      assertSameWords(`${type} rounded to ${digits} decimals`, rounded ?? new Uint32Array(), expected, inputs);
    }
  }
});

const TARGETS = {
  i8: { dtype: pl.Int8, wgsl: "i32" },
  i16: { dtype: pl.Int16, wgsl: "i32" },
  i32: { dtype: pl.Int32, wgsl: "i32" },
  i64: { dtype: pl.Int64, wgsl: "vec2<u32>" },
  u8: { dtype: pl.UInt8, wgsl: "u32" },
  u16: { dtype: pl.UInt16, wgsl: "u32" },
  u32: { dtype: pl.UInt32, wgsl: "u32" },
  u64: { dtype: pl.UInt64, wgsl: "vec2<u32>" },
  f32: { dtype: pl.Float32, wgsl: "u32" },
  f64: { dtype: pl.Float64, wgsl: "vec2<u32>" },
  bool: { dtype: pl.Bool, wgsl: "bool" },
} as const;

for (const type of ["f64", "f32", "i64", "u64", "i32", "u32"] as const) {
  test(`casts of ${type}`, async () => {
    const { rows } = TYPES[type];
    const frame = frameOf(type);
    const targets = Object.entries(TARGETS);
    for (let from = 0; from < targets.length; from += 4) {
      const some = targets.slice(from, from + 4);
      const results = await evaluator.evaluate(
        rows,
        inputsOf(type),
        some.flatMap(([name, target]): Output[] => {
          const cast = `${type}_to_${name}(b)`;
          return [
            { wgsl: name === "f32" || name === "f64" ? canonical(name, cast) : cast, type: target.wgsl },
            { wgsl: `${type}_fits_${name}(b)`, type: "bool" },
          ];
        }),
        FUNCTIONS,
      );
      some.forEach(([name, { dtype }], i) => {
        const cast = b.cast(dtype, false);
        const value = name === "bool" ? cast.cast(pl.UInt32) : cast;
        const expected = frame.select(value.fillNull("zero").alias("value"), value.isNotNull().cast(pl.UInt32).alias("valid"));
        const valid = wordsOf(expected, "valid");
        assertSameWords(`${type}_fits_${name}`, results[2 * i + 1] ?? valid, valid, inputsOf(type));
        assertSameWords(`${type}_to_${name}`, results[2 * i] ?? valid, wordsOf(expected, "value"), inputsOf(type), valid);
      });
    }
  });
}
