/** The long sums that running and rolling sums of f64 are added up in, against JavaScript's doubles and BigInt. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertSameWords, Evaluator, type Input } from "./harness.ts";
import { F64_EDGES, pairs64, randomWords } from "./values.ts";

let evaluator: Evaluator;
before(async () => {
  evaluator = await Evaluator.open();
});
after(() => evaluator.close());

const wordsOf = (values: Float64Array): Uint32Array =>
  new Uint32Array(
    BigUint64Array.from(new BigUint64Array(values.buffer), (bits, row) => (Number.isNaN(values[row]) ? 0x7ff8n << 48n : bits)).buffer,
  );

const FUNCTIONS = `
fn plus(a: vec2<u32>, b: vec2<u32>) -> F64Sum { return f64_sum_add(f64_sum_of(a), f64_sum_of(b)); }
fn minus(s: F64Sum, a: vec2<u32>) -> F64Sum { return f64_sum_add(s, f64_sum_of(f64_neg(a))); }`;

test("sums of two doubles are rounded once, and zero is positive", async () => {
  const { rows, a, b } = pairs64(F64_EDGES, "float", 31);
  const inputs: readonly Input[] = [
    { name: "a", type: "vec2<u32>", words: a },
    { name: "b", type: "vec2<u32>", words: b },
  ];
  const [one, two] = await evaluator.evaluate(
    rows,
    inputs,
    [
      { wgsl: "f64_sum_round(f64_sum_of(a))", type: "vec2<u32>" },
      { wgsl: "f64_sum_round(plus(a, b))", type: "vec2<u32>" },
    ],
    FUNCTIONS,
  );
  const [x, y] = [new Float64Array(a.buffer), new Float64Array(b.buffer)];
  assertSameWords("one", one ?? a, wordsOf(x.map((value) => value + 0)), inputs);
  assertSameWords("two", two ?? a, wordsOf(x.map((value, row) => value + (y[row] ?? 0) + 0)), inputs);
});

test("what cancels out leaves nothing behind", async () => {
  const rows = 200_000;
  const next = randomWords(32);
  const columns = Array.from({ length: 3 }, () => new Uint32Array(2 * rows));
  for (let row = 0; row < rows; row++) {
    const highest = next() % 2047;
    columns.forEach((words, i) => {
      const exponent = Math.max(0, highest - (i === 0 ? 0 : next() % 40));
      words[2 * row] = next();
      words[2 * row + 1] = ((next() & 0x800fffff) | (exponent << 20)) >>> 0;
    });
  }
  const inputs = columns.map((words, i): Input => ({ name: ["a", "b", "c"][i] ?? "", type: "vec2<u32>", words }));
  const [c, b, zero] = await evaluator.evaluate(
    rows,
    inputs,
    [
      { wgsl: "f64_sum_round(minus(minus(f64_sum_add(plus(a, b), f64_sum_of(c)), a), b))", type: "vec2<u32>" },
      { wgsl: "f64_sum_round(f64_sum_add(minus(f64_sum_of(b), a), f64_sum_of(a)))", type: "vec2<u32>" },
      { wgsl: "minus(minus(plus(a, b), b), a).k", type: "u32" },
    ],
    FUNCTIONS,
  );
  // Three of the largest magnitudes can leave the range of f64 on the way.
  const inside = Uint32Array.from({ length: rows }, (_, row) => Number((((columns[0]?.[2 * row + 1] ?? 0) >>> 20) & 0x7ff) < 2045));
  assertSameWords("c", c ?? new Uint32Array(), columns[2] ?? new Uint32Array(), inputs, inside);
  assertSameWords("b", b ?? new Uint32Array(), columns[1] ?? new Uint32Array(), inputs, inside);
  assertSameWords("zero", zero ?? new Uint32Array(), new Uint32Array(rows), inputs, inside);
});

test("what is too small for a sum leaves no trace, and what is not no larger one", async () => {
  const rows = 200_000;
  const next = randomWords(33);
  const columns = Array.from({ length: 3 }, () => new Uint32Array(2 * rows));
  for (let row = 0; row < rows; row++) {
    const highest = 130 + (next() % 1900);
    [highest, next() % highest, next() % highest].forEach((exponent, i) => {
      const words = columns[i];
      if (words === undefined) return;
      words[2 * row] = next();
      words[2 * row + 1] = ((next() & 0x800fffff) | (exponent << 20)) >>> 0;
    });
  }
  const inputs = columns.map((words, i): Input => ({ name: ["a", "b", "c"][i] ?? "", type: "vec2<u32>", words }));
  const [left = new Uint32Array(), twice = new Uint32Array()] = await evaluator.evaluate(
    rows,
    inputs,
    [
      { wgsl: "f64_sum_round(minus(plus(a, b), a))", type: "vec2<u32>" },
      { wgsl: "f64_sum_round(minus(minus(f64_sum_add(f64_sum_add(f64_sum_of(a), f64_sum_of(b)), plus(a, c)), a), a))", type: "vec2<u32>" },
    ],
    FUNCTIONS,
  );
  const [a, b, c, one, two] = [...columns, left, twice].map((words) => new Float64Array(words.buffer));
  for (let row = 0; row < rows; row++) {
    const [x = 0, y = 0, z = 0] = [a?.[row], b?.[row], c?.[row]];
    const most = 2 * (Math.abs(y) + Math.abs(z));
    const kept = Math.abs(one?.[row] ?? 0);
    assert.ok(kept <= 2 * Math.abs(y), `${x} + ${y} - ${x} = ${one?.[row]}`);
    assert.ok(kept > 0 || Math.abs(y / x) < 2 ** -90, `${x} + ${y} - ${x} = 0`);
    assert.ok(Math.abs(two?.[row] ?? 0) <= most, `${x} + ${y} + (${x} + ${z}) - 2 * ${x} = ${two?.[row]}`);
  }
});
