import assert from "node:assert/strict";
import { test } from "node:test";
import type { DType } from "../../src/ir/dtype.ts";
import { call, column, type Expr, literal } from "../../src/ir/expr.ts";
import { selectivity, type ValueRange } from "../../src/ir/selectivity.ts";

const I64: DType = { kind: "Int64" };
const F64: DType = { kind: "Float64" };
const BOOL: DType = { kind: "Boolean" };
const RANGES: Readonly<Record<string, ValueRange>> = { i: { min: 1, max: 100 }, f: { min: 0, max: 0.1 }, one: { min: 7, max: 7 } };

const i = column("i", I64);
const f = column("f", F64);
const is = (fn: "lt" | "le" | "gt" | "ge" | "eq" | "ne" | "and" | "or", a: Expr, b: Expr): Expr => call(fn, [a, b], BOOL);
const of = (predicate: Expr): number => selectivity(predicate, (name) => RANGES[name] ?? null);
const near = (actual: number, expected: number): void =>
  assert.ok(Math.abs(actual - expected) < 0.02, `${actual} is not about ${expected}`);

test("comparisons with numbers by the range of the column, either way round", () => {
  near(of(is("le", i, literal(25n, I64))), 0.25);
  near(of(is("ge", literal(25n, I64), i)), 0.25);
  near(of(is("gt", f, literal(0.06, F64))), 0.4);
  near(of(is("eq", i, literal(3n, I64))), 1 / 16);
});

test("two bounds of one column are one interval; columns are independent", () => {
  const interval = is("and", is("ge", i, literal(41n, I64)), is("le", i, literal(60n, I64)));
  near(of(interval), 0.2);
  near(of(is("and", interval, is("le", f, literal(0.05, F64)))), 0.1);
  near(of(is("or", interval, is("le", f, literal(0.05, F64)))), 0.7);
  near(of(call("not", [interval], BOOL)), 0.8);
});

test("never nothing and never more than all, whatever is known", () => {
  const least = of(is("gt", i, literal(1000n, I64)));
  assert.ok(least > 0 && least < 0.1);
  assert.equal(of(is("or", is("ge", i, literal(1n, I64)), is("le", i, literal(100n, I64)))), 1);
  assert.equal(of(is("ge", column("one", I64), literal(7n, I64))), 1);
  for (const predicate of [is("lt", i, column("other", I64)), is("eq", column("other", I64), literal(1n, I64)), literal(true, BOOL)]) {
    const share = of(predicate);
    assert.ok(share > 0 && share < 1, `${share}`);
  }
});
