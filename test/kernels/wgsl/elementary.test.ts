/** Elementary functions of the WGSL library against CPU polars: a million doubles and all edge values each, at most 2 units of the last place apart. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { Evaluator, type Input } from "./harness.ts";
import { F32_EDGES, F64_EDGES, randomWords } from "./values.ts";

let evaluator: Evaluator;
before(async () => {
  evaluator = await Evaluator.open();
});
after(() => evaluator.close());

const ROWS = { f64: 1_000_000, f32: 300_000 } as const;
type Type = keyof typeof ROWS;
const WGSL = { f64: "vec2<u32>", f32: "u32" } as const;
const DTYPE = { f64: pl.Float64, f32: pl.Float32 } as const;

const next = randomWords(77);
const unit = (): number => (next() + next() / 2 ** 32) / 2 ** 32;
const bits = new Uint32Array(2);
const anyDouble = new Float64Array(bits.buffer);

/** Random bits, then values below 1, up to 40, over 80 octaves and next to 1, of both signs. */
function operand(row: number): number {
  const sign = (next() & 1) === 0 ? 1 : -1;
  switch (row % 5) {
    case 0:
      bits[0] = next();
      bits[1] = next();
      return anyDouble[0] ?? 0;
    case 1:
      return sign * unit();
    case 2:
      return sign * unit() * 40;
    case 3:
      return sign * 2 ** (unit() * 80 - 60);
    default:
      return 1 + sign * 2 ** (-unit() * 52);
  }
}

/** Every edge value alone, then with every other one, then random operands; the second one is often as large as a power needs. */
function operands(type: Type): readonly [Float64Array | Float32Array, Float64Array | Float32Array] {
  const array = type === "f64" ? Float64Array : Float32Array;
  const edges =
    type === "f64" ? new Float64Array(new BigUint64Array(F64_EDGES).buffer) : new Float32Array(new Uint32Array(F32_EDGES).buffer);
  const [a, b] = [new array(ROWS[type]), new array(ROWS[type])];
  for (let row = edges.length ** 2; row < a.length; row++) {
    a[row] = operand(row);
    b[row] = row % 5 === 4 ? unit() * 2 ** (unit() * 50) : operand(row);
  }
  edges.forEach((x, i) => {
    a.fill(x, i * edges.length, (i + 1) * edges.length);
    b.set(edges, i * edges.length);
  });
  return [a, b];
}

const DATA = { f64: operands("f64"), f32: operands("f32") } as const;
const FRAMES = {
  f64: pl.DataFrame({ a: pl.Series("a", DATA.f64[0], pl.Float64), b: pl.Series("b", DATA.f64[1], pl.Float64) }),
  f32: pl.DataFrame({ a: pl.Series("a", DATA.f32[0], pl.Float32), b: pl.Series("b", DATA.f32[1], pl.Float32) }),
} as const;

const [x, y] = [pl.col("a"), pl.col("b")];
/** For each call of the library the expression of polars, or of its SQL. */
const CALLS: Readonly<Record<string, Expr | string>> = {
  "exp(a)": x.exp(),
  "ln(a)": x.log(),
  "log1p(a)": x.log1p(),
  "cbrt(a)": "CBRT(a)",
  "pow(a, b)": "POW(a, b)",
  "sin(a)": x.sin(),
  "cos(a)": x.cos(),
  "tan(a)": x.tan(),
  "cot(a)": "COT(a)",
  "asin(a)": x.arcsin(),
  "acos(a)": x.arccos(),
  "atan(a)": x.arctan(),
  "atan2(a, b)": x.arctan2(y),
  "sinh(a)": x.sinh(),
  "cosh(a)": x.cosh(),
  "tanh(a)": x.tanh(),
  "asinh(a)": x.arcsinh(),
  "acosh(a)": x.arccosh(),
  "atanh(a)": x.arctanh(),
};

function expected(type: Type, of: Expr | string): Float64Array | Float32Array {
  const frame: unknown =
    typeof of === "string"
      ? pl.SQLContext({ f: FRAMES[type].lazy() }).execute(`SELECT ${of} AS o FROM f`, { eager: true })
      : FRAMES[type].select(of.as("o"));
  assert.ok(pl.DataFrame.isDataFrame(frame));
  const values: unknown = frame.getColumn("o").toTypedArray();
  assert.ok(values instanceof Float64Array || values instanceof Float32Array);
  return values.slice();
}

/** Distance in units of the last place; values of which one is NaN, infinite or a zero have to be the same. */
function distance(want: number, got: number, type: Type): number {
  if (Object.is(want, got)) return 0;
  if (!Number.isFinite(want) || !Number.isFinite(got) || Math.sign(want) !== Math.sign(got)) return Number.POSITIVE_INFINITY;
  const [single, double] = [new Float32Array([want, got]), new Float64Array([want, got])];
  const [p = 0n, q = 0n] = type === "f32" ? [...new Uint32Array(single.buffer)].map(BigInt) : [...new BigUint64Array(double.buffer)];
  return Number(p > q ? p - q : q - p);
}

/** Share of values that have to have the same bits, 0.98 for others: glibc's hyperbolic functions and some for f32 are themselves up to 2 units off. */
const LEAST_SAME: Readonly<Record<string, number>> = {
  sinh: 0.8,
  cosh: 0.8,
  tanh: 0.75,
  asinh: 0.9,
  atanh: 0.95,
  log1p: 0.95,
  tan: 0.97,
  cot: 0.97,
  atan2: 0.85,
};

for (const type of ["f64", "f32"] as const)
  for (const [call, of] of Object.entries(CALLS))
    test(`${type}_${call}`, async () => {
      const rows = ROWS[type];
      const [a, b] = DATA[type];
      const inputs: readonly Input[] = [
        { name: "a", type: WGSL[type], words: new Uint32Array(a.buffer) },
        { name: "b", type: WGSL[type], words: new Uint32Array(b.buffer) },
      ];
      const want = expected(type, of);
      // Polars' natural logarithm divides by that of e, which as an f32 is not 1.
      const wgsl = call === "ln(a)" && type === "f32" ? "f32_div(f32_ln(a), 0x3f7fffffu)" : `${type}_${call}`;
      const [words = new Uint32Array()] = await evaluator.evaluate(rows, inputs, [{ wgsl, type: WGSL[type] }]);
      const got = type === "f64" ? new Float64Array(new Uint32Array(words).buffer) : new Float32Array(new Uint32Array(words).buffer);
      assert.equal(String(pl.Series("o", want, DTYPE[type]).dtype), String(DTYPE[type]));
      const far: string[] = [];
      let same = 0;
      for (let row = 0; row < rows; row++) {
        const apart = distance(want[row] ?? 0, got[row] ?? 0, type);
        same += Number(apart === 0);
        if (apart > 2 && far.length < 8) far.push(`a = ${a[row]}, b = ${b[row]}: expected ${want[row]}, got ${got[row]}`);
      }
      assert.deepEqual(far, []);
      const name = call.slice(0, call.indexOf("("));
      assert.ok(same >= rows * (LEAST_SAME[name] ?? 0.98), `only ${same} of ${rows} have the same bits`);
    });

test("results that are exact", async () => {
  const powers = Array.from({ length: 400 }, (_, i) => [(i % 20) - 10, Math.floor(i / 20) - 4]).filter(
    ([a = 0, n = 0]) => Math.abs(a) ** n < 2 ** 53 && (n >= 0 || (a & (a - 1)) === 0),
  );
  const [a, n] = [0, 1].map((side) => new Float64Array(powers.map((pair) => pair[side] ?? 0)));
  assert.ok(a && n);
  const inputs: readonly Input[] = [
    { name: "a", type: "vec2<u32>", words: new Uint32Array(a.buffer) },
    { name: "n", type: "vec2<u32>", words: new Uint32Array(n.buffer) },
  ];
  const calls: Readonly<Record<string, (row: number) => number>> = {
    "f64_pow(a, n)": (row) => (a[row] ?? 0) ** (n[row] ?? 0),
    "f64_cbrt(f64_mul(a, f64_mul(a, a)))": (row) => a[row] ?? 0,
    "f64_pow(f64_mul(a, a), vec2<u32>(0u, 0x3fe00000u))": (row) => Math.abs(a[row] ?? 0),
    "f64_exp(f64_mul(a, vec2<u32>(0u)))": () => 1,
    "f64_cos(f64_mul(a, vec2<u32>(0u)))": () => 1,
    "f64_cosh(f64_mul(a, vec2<u32>(0u)))": () => 1,
    "f64_ln(f64_exp(f64_mul(a, vec2<u32>(0u))))": () => 0,
  };
  for (const [wgsl, of] of Object.entries(calls)) {
    const [words = new Uint32Array()] = await evaluator.evaluate(a.length, inputs, [{ wgsl, type: "vec2<u32>" }]);
    const got = [...new Float64Array(new Uint32Array(words).buffer)];
    assert.deepEqual(
      got,
      got.map((_, row) => of(row)),
      wgsl,
    );
  }
});

test("integer powers wrap", async () => {
  const rows = 100_000;
  const [a, n] = [new Uint32Array(2 * rows), new Uint32Array(rows)];
  for (let row = 0; row < rows; row++) {
    a[2 * row] = next();
    a[2 * row + 1] = row % 2 === 0 ? 0 : next();
    n[row] = row % 3 === 0 ? next() : next() & 63;
  }
  const inputs: readonly Input[] = [
    { name: "a", type: "vec2<u32>", words: a },
    { name: "n", type: "u32", words: n },
  ];
  const [wide = a, narrow = a] = await evaluator.evaluate(rows, inputs, [
    { wgsl: "i64_ipow(a, n)", type: "vec2<u32>" },
    { wgsl: "u32_ipow(a.x, n)", type: "u32" },
  ]);
  const bases = new BigUint64Array(a.buffer);
  const powers = new BigUint64Array(new Uint32Array(wide).buffer);
  for (let row = 0; row < rows; row += 7) {
    let [result, square] = [1n, bases[row] ?? 0n];
    for (let rest = n[row] ?? 0; rest > 0; rest = Math.floor(rest / 2)) {
      if (rest % 2 === 1) result = BigInt.asUintN(64, result * square);
      square = BigInt.asUintN(64, square * square);
    }
    assert.equal(powers[row], result, `${bases[row]} ^ ${n[row]}`);
    assert.equal(narrow[row], Number(BigInt.asUintN(32, result)), `${bases[row]} ^ ${n[row]}, 32 bits`);
  }
});
