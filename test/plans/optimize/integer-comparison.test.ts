/** Integer comparisons: without the cast they answer what CPU polars answers with it, at every edge of every dtype. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataType, Expr as PolarsExpr } from "nodejs-polars";
import { explain } from "../../../src/ir/explain.ts";
import { call, column, describeExpr, literal, named } from "../../../src/ir/expr.ts";
import { integerComparison } from "../../../src/ir/optimize/integer-comparison.ts";
import { cellOf } from "./expr-interpreter.ts";
import { integerSeries, pl, planned, text } from "./planned.ts";

const COMPARISONS = ["eq", "neq", "lt", "ltEq", "gt", "gtEq"] as const;
const BOUNDS = [
  0,
  -0,
  0.5,
  -0.5,
  1,
  -1,
  127,
  127.5,
  -128,
  -129,
  255,
  256,
  2 ** 31,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53) - 2,
  2 ** 62,
  2 ** 63,
  -(2 ** 63),
  2 ** 64,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

const around = (...centres: readonly bigint[]): readonly bigint[] =>
  centres.flatMap((c) => [-3n, -2n, -1n, 0n, 1n, 2n, 3n].map((d) => c + d));
const within = (least: bigint, most: bigint, values: readonly bigint[]): readonly (bigint | null)[] => [
  ...values.filter((v) => v >= least && v <= most),
  null,
];
const points = around(
  0n,
  127n,
  -128n,
  255n,
  2n ** 31n,
  2n ** 53n,
  -(2n ** 53n),
  2n ** 62n,
  -(2n ** 63n),
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 63n - 512n,
);

const INTEGERS: readonly (readonly [string, DataType, readonly (bigint | null)[]])[] = [
  ["Int8", pl.Int8, within(-128n, 127n, points)],
  ["UInt8", pl.UInt8, within(0n, 255n, points)],
  ["Int32", pl.Int32, within(-(2n ** 31n), 2n ** 31n - 1n, points)],
  ["Int64", pl.Int64, within(-(2n ** 63n), 2n ** 63n - 1n, points)],
  ["UInt64", pl.UInt64, within(0n, 2n ** 64n - 1n, points)],
];

/** Compares the rewritten outputs of a projection, in this process, with those of CPU polars. */
function assertAnswers(name: string, dtype: DataType, values: readonly (bigint | null)[], exprs: readonly PolarsExpr[]): void {
  const frame = pl.DataFrame([name === "d" ? integerSeries(name, values, pl.Int32).cast(dtype) : integerSeries(name, values, dtype)]);
  const query = frame.lazy().select(...exprs.map((e, i) => e.as(`o${i}`)));
  const plan = integerComparison.apply(planned(query));
  assert(plan.kind === "project", explain(plan));
  const wanted = query.collectSync();
  for (const output of plan.exprs) {
    assert.doesNotMatch(describeExpr(output.expr), /cast/);
    const made = values.map((v) => cellOf(output.expr, new Map([[name, v]])));
    assert.deepEqual(made, wanted.getColumn(output.name).toArray(), describeExpr(output.expr));
  }
}

/** Narrow integers turn at few of the bounds. */
const boundsOf = (name: string): readonly number[] =>
  name.endsWith("64") ? BOUNDS : BOUNDS.filter((b) => Math.abs(b) < 2 ** 32 || Number.isNaN(b));

for (const [name, dtype, values] of INTEGERS) {
  test(`${name} compared with numbers`, () => {
    const exprs = boundsOf(name).flatMap((bound) => COMPARISONS.map((c) => pl.col("v")[c](pl.lit(bound))));
    assertAnswers("v", dtype, values, exprs);
  });
  test(`numbers compared with ${name}`, () => {
    const exprs = [0, 1.5, 127, Number.NaN].flatMap((bound) => COMPARISONS.map((c) => pl.lit(bound)[c](pl.col("v"))));
    assertAnswers("v", dtype, values, exprs);
  });
}

test("dates compared with points in time", () => {
  const days = [-1n, 0n, 1n, 19_000n, 2_932_896n, null];
  const bounds = [0, 1, -1, 86_400_000, 86_400_001, 86_399_999, 19_000 * 86_400_000].map((ms) => new Date(ms));
  assertAnswers(
    "d",
    pl.Date,
    days,
    bounds.flatMap((bound) => COMPARISONS.map((c) => pl.col("d")[c](pl.lit(bound)))),
  );
});

test("the bound of a filter is the integer at which the comparison turns", () => {
  const frame = pl.DataFrame([integerSeries("i", [1n], pl.Int64), pl.Series("d", [new Date()], pl.Date)]);
  const query = frame.lazy().filter(
    pl
      .col("i")
      .gt(1.5)
      .and(pl.col("i").eq(2 ** 53))
      .and(pl.col("i").lt(1e30))
      .and(pl.col("d").lt(pl.lit(new Date("1995-03-15T12:00:00Z")))),
  );
  assert.equal(
    explain(integerComparison.apply(planned(query))),
    text(`
      GPU FILTER ((((col("i") >= 2:Int64) & ((col("i") >= 9007199254740992:Int64) & (col("i") < 9007199254740994:Int64))) & (col("i") == col("i"))) & (col("d") < 9205:Date))
        GPU DF 1 ["i", "d"]
    `),
  );
});

test("casts that do not keep the order, and floats, stay", () => {
  const cast = (from: "Int64" | "Float32" | "Date", to: "UInt64" | "Float32" | "Float64" | "us", value: bigint | number) => {
    const dtype = to === "us" ? ({ kind: "Datetime", unit: "us", zone: null } as const) : ({ kind: to } as const);
    return call("lt", [call("cast", [column("v", { kind: from })], dtype), literal(value, dtype)], { kind: "Boolean" });
  };
  for (const expr of [cast("Int64", "UInt64", 5n), cast("Int64", "Float32", 5), cast("Float32", "Float64", 5), cast("Date", "us", 5n)]) {
    const schema = [{ name: "out", dtype: expr.dtype }];
    const plan = integerComparison.apply({
      kind: "project",
      input: { kind: "frame", source: 1, schema: [] },
      exprs: [named("out", expr)],
      schema,
    });
    assert(plan.kind === "project");
    assert.equal(plan.exprs[0]?.expr, expr);
  }
});
