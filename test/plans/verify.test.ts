/** Verification: every translated plan passes, and each broken rule of the IR is found and named. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ensureData, scanTables } from "../../bench/pdsh/generate.ts";
import { queries } from "../../bench/pdsh/queries/index.ts";
import type { DType } from "../../src/ir/dtype.ts";
import type { Expr } from "../../src/ir/expr.ts";
import { aggregate, call, column, literal, lookup, named } from "../../src/ir/expr.ts";
import type { Frame, Join, Plan } from "../../src/ir/plan.ts";
import type { Schema } from "../../src/ir/schema.ts";
import { verify } from "../../src/ir/verify.ts";
import { pl, planned } from "./optimize/planned.ts";
import { planCases } from "./plan-cases.ts";

const { cases, dispose } = planCases(pl);
after(dispose);

test("every translated plan passes", () => {
  for (const { name, make } of cases) assert.doesNotThrow(() => verify(planned(make())), name);
});

test("the PDS-H plans pass", async () => {
  await ensureData(0.01, () => {});
  const tables = scanTables(0.01);
  assert.equal(queries.size, 22);
  for (const [number, query] of queries) assert.doesNotThrow(() => verify(planned(query(tables))), `Q${number}`);
});

const I64: DType = { kind: "Int64" };
const F64: DType = { kind: "Float64" };
const BOOL: DType = { kind: "Boolean" };
const TEXT: DType = { kind: "String" };
const schema: Schema = [
  { name: "i", dtype: I64 },
  { name: "x", dtype: F64 },
  { name: "s", dtype: TEXT },
];
const frame: Frame = { kind: "frame", source: 1, schema };
const i = column("i", I64);
const x = column("x", F64);
const select = (expr: Expr, dtype = expr.dtype): Plan => ({
  kind: "project",
  input: frame,
  exprs: [named("out", expr)],
  schema: [{ name: "out", dtype }],
});
const selfJoin: Join = {
  kind: "join",
  left: frame,
  right: frame,
  leftOn: [i],
  rightOn: [i],
  how: "inner",
  nullsEqual: false,
  ordered: true,
  output: [{ name: "i", from: "left", left: "i", right: null }],
  schema: [{ name: "i", dtype: I64 }],
};

const aggregatedTo = (expr: Expr): Plan => ({
  kind: "aggregate",
  input: frame,
  keys: [],
  aggregates: [named("out", expr)],
  schema: [{ name: "out", dtype: I64 }],
});

const broken: Readonly<Record<string, readonly [Plan, RegExp]>> = {
  "a column that is not there": [select(column("y", F64)), /project node.*"y".*no such column/],
  "a column of another dtype": [select(column("i", F64)), /is Int64, not Float64/],
  "a predicate that is not Boolean": [{ kind: "filter", input: frame, predicate: i, schema }, /filter node.*is Int64/],
  "an aggregate in a projection": [select(aggregate("sum", i, I64)), /outside of an Aggregate/],
  "no aggregate in an aggregate": [aggregatedTo(i), /is not an aggregate/],
  "an aggregate in an aggregate": [aggregatedTo(aggregate("sum", aggregate("sum", i, I64), I64)), /outside of an Aggregate/],
  "a sum of some rows": [aggregatedTo(aggregate("sum", i, I64, { where: call("eq", [i, i], BOOL) })), /sum of some rows/],
  "rows chosen by a number": [aggregatedTo(aggregate("first", i, I64, { where: i })), /chosen by Int64/],
  "a count in an order": [
    aggregatedTo(aggregate("n_unique", i, I64, { by: [{ expr: i, descending: false, nullsLast: false }] })),
    /n_unique in an order/,
  ],
  "a quantile of nothing": [aggregatedTo(aggregate("quantile", i, I64)), /a fraction and a method/],
  "arithmetic on two dtypes": [select(call("add", [i, x], I64)), /Int64 and Float64|an argument/],
  "a comparison of two dtypes": [select(call("lt", [i, x], BOOL)), /Int64 and Float64/],
  "a comparison that is not Boolean": [select(call("lt", [i, i], I64)), /result is Int64/],
  "a cast that the device lacks": [select(call("cast", [column("s", TEXT)], I64)), /no cast to Int64/],
  "logic on numbers": [select(call("and", [i, i], BOOL)), /an argument is Int64/],
  "division of integers": [select(call("div", [i, i], I64)), /an argument is Int64/],
  "too few arguments": [select(call("ternary", [column("i", I64)], I64)), /1 arguments instead of 3/],
  "a literal of another kind": [select(literal(1, I64)), /not one of Int64/],
  "a literal out of range": [select(literal(128n, { kind: "Int8" })), /not one of Int8/],
  "a lookup over numbers": [select(lookup("{}", i, BOOL)), /lookup over Int64/],
  "a schema that is not computed": [select(i, F64), /"out" Float64.*is stated.*"out" Int64.*is computed/],
  "a filter that drops a column": [
    { kind: "filter", input: frame, predicate: literal(true, BOOL), schema: [{ name: "i", dtype: I64 }] },
    /is stated/,
  ],
  "keys of two dtypes": [{ ...selfJoin, rightOn: [x] }, /different dtypes/],
  "an inner join without keys": [{ ...selfJoin, leftOn: [], rightOn: [] }, /inner join with 0 keys/],
  "a semi join with right columns": [
    { ...selfJoin, how: "semi", output: [{ name: "i", from: "right", left: null, right: "i" }] },
    /column of the right side/,
  ],
  "an output without a source": [
    { ...selfJoin, output: [{ name: "i", from: "left", left: "x", right: null }] },
    /no source of dtype Int64/,
  ],
  "an output that names both sides": [
    { ...selfJoin, output: [{ name: "i", from: "left", left: "i", right: "i" }] },
    /names the wrong sides/,
  ],
  "union of two schemas": [{ kind: "union", inputs: [frame, select(i)], schema }, /is stated/],
  "a name twice": [{ ...frame, schema: [...schema, { name: "i", dtype: F64 }] }, /"i" occurs twice/],
  "a row index of another dtype": [
    { kind: "row_index", input: frame, name: "row", offset: 0, schema: [{ name: "row", dtype: I64 }, ...schema] },
    /row_index node.*is stated/,
  ],
  "distinct over a missing column": [{ kind: "distinct", input: frame, subset: ["y"], keep: "any", schema }, /no column "y"/],
};

for (const [name, [plan, message]] of Object.entries(broken)) {
  test(`${name} is found`, () => {
    assert.throws(() => verify(plan, "a rule"), { name: "InternalError", message });
    assert.throws(() => verify({ kind: "hconcat", inputs: [plan], lengths: "pad", schema: plan.schema }), { name: "InternalError" });
  });
}
