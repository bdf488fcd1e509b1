/** Constant folding: every folded value is the one that CPU polars computes, and only foregone outcomes disappear. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataType, Expr as PolarsExpr } from "nodejs-polars";
import { explain } from "../../../src/ir/explain.ts";
import type { Expr } from "../../../src/ir/expr.ts";
import { call, column, describeExpr, literal, named, substitute } from "../../../src/ir/expr.ts";
import { constantFolding } from "../../../src/ir/optimize/constant-folding.ts";
import type { Plan } from "../../../src/ir/plan.ts";
import { integerSeries, pl, planned, text } from "./planned.ts";

const BOOLEAN = { kind: "Boolean" } as const;
const I32 = { kind: "Int32" } as const;
const [a, b, x] = [column("a", BOOLEAN), column("b", BOOLEAN), column("x", I32)];

/** The expression as it stands in a projection after the rule. */
function folded(expr: Expr): Expr {
  const schema = [...new Set(["a", "b"])].map((name) => ({ name, dtype: BOOLEAN }));
  const input: Plan = { kind: "frame", source: 1, schema: [...schema, { name: "x", dtype: I32 }] };
  const plan = constantFolding.apply({ kind: "project", input, exprs: [named("out", expr)], schema: [{ name: "out", dtype: expr.dtype }] });
  assert(plan.kind === "project" && plan.exprs[0]);
  return plan.exprs[0].expr;
}

const EDGES: Readonly<Record<string, { readonly dtype: DataType; readonly values: readonly (bigint | number | boolean | null)[] }>> = {
  Int8: { dtype: pl.Int8, values: [-128n, -7n, -1n, 0n, 3n, 127n, null] },
  Int32: { dtype: pl.Int32, values: [-(2n ** 31n), -5n, 0n, 2n, 2n ** 31n - 1n, null] },
  Int64: { dtype: pl.Int64, values: [-(2n ** 63n), -3n, 0n, 2n, 2n ** 53n + 1n, 2n ** 63n - 1n, null] },
  UInt8: { dtype: pl.UInt8, values: [0n, 1n, 3n, 255n, null] },
  UInt64: { dtype: pl.UInt64, values: [0n, 7n, 2n ** 64n - 1n, null] },
  Float32: { dtype: pl.Float32, values: [0, -0, 0.1, -2.5, 1e38, 255.5, Number.NaN, Number.NEGATIVE_INFINITY, null] },
  Float64: { dtype: pl.Float64, values: [0, -0, 0.1, -2.5, 3, 1e300, 2 ** 63, -129, Number.NaN, Number.POSITIVE_INFINITY, null] },
  Boolean: { dtype: pl.Bool, values: [true, false, null] },
};

type Values = readonly (bigint | number | boolean | null)[];
const isInteger = (v: Values[number]): v is bigint | null => v === null || typeof v === "bigint";
const series = (name: string, values: Values, dtype: DataType) =>
  values.every(isInteger) ? integerSeries(name, values, dtype) : pl.Series(name, [...values], dtype);

const BINARY = ["add", "sub", "mul", "div", "modulo", "eq", "neq", "lt", "ltEq", "gt", "gtEq"] as const;
const binary = (name: (typeof BINARY)[number]): PolarsExpr => pl.col("a")[name](pl.col("b"));
const casts = (): readonly PolarsExpr[] => Object.values(EDGES).map(({ dtype }) => pl.col("a").cast(dtype));

for (const [name, { dtype, values }] of Object.entries(EDGES)) {
  test(`functions of ${name} literals have the values that polars computes`, () => {
    const pairs = values.flatMap((left) => values.map((right) => [left, right] as const));
    const frame = pl.DataFrame([
      series(
        "a",
        pairs.map(([l]) => l),
        dtype,
      ),
      series(
        "b",
        pairs.map(([, r]) => r),
        dtype,
      ),
    ]);
    const logical = name === "Boolean";
    const exprs = [
      ...(logical ? (["eq", "neq", "lt"] as const) : BINARY).map(binary),
      ...casts(),
      ...(logical ? [pl.col("a").and(pl.col("b")), pl.col("a").or(pl.col("b")), pl.col("a").not()] : [pl.col("a").abs()]),
      ...(name.startsWith("Float") ? [pl.col("a").floor(), pl.col("a").ceil(), pl.col("a").isNan(), pl.col("a").isFinite()] : []),
      pl.col("a").isNull(),
      pl.col("a").fillNull(pl.col("b")),
      pl
        .when(pl.col("a").eq(pl.col("b")))
        .then(pl.col("a"))
        .otherwise(pl.col("b")),
    ].map((e, i) => e.as(`o${i}`));
    const plan = planned(frame.lazy().select(...exprs));
    assert(plan.kind === "project", explain(plan));
    let literals = 0;
    for (const { name: output, expr } of plan.exprs) {
      const integer = /Int/.test(expr.dtype.kind);
      const result = frame
        .lazy()
        .select(...exprs)
        .select(integer ? pl.col(output).cast(pl.String) : pl.col(output))
        .collectSync()
        .getColumn(output)
        .toArray();
      for (const [row, [left, right]] of pairs.entries()) {
        const dtypeOf = plan.input.schema[0]?.dtype ?? BOOLEAN;
        const round = (v: (typeof pairs)[number][0]) => (typeof v === "number" && name === "Float32" ? Math.fround(v) : v);
        const constant = folded(
          substitute(
            expr,
            new Map([
              ["a", literal(round(left), dtypeOf)],
              ["b", literal(round(right), dtypeOf)],
            ]),
          ),
        );
        if (constant.kind !== "literal") continue;
        literals += 1;
        const wanted: unknown = result[row];
        const value = typeof constant.value === "bigint" ? `${constant.value}` : constant.value;
        assert(Object.is(value, wanted), `${describeExpr(expr)} of ${left}, ${right} is ${value}, polars says ${wanted}`);
      }
    }
    assert(literals > pairs.length * exprs.length * 0.7, `${literals} of ${pairs.length * exprs.length} folded`);
  });
}

const yes = literal(true, BOOLEAN);
const no = literal(false, BOOLEAN);
const unknown = literal(null, BOOLEAN);
const i64 = { kind: "Int64" } as const;

const simplified: readonly (readonly [Expr, string])[] = [
  [call("and", [a, yes], BOOLEAN), 'col("a")'],
  [call("and", [no, a], BOOLEAN), "false:Boolean"],
  [call("and", [a, unknown], BOOLEAN), '(col("a") & null:Boolean)'],
  [call("or", [a, no], BOOLEAN), 'col("a")'],
  [call("or", [a, yes], BOOLEAN), "true:Boolean"],
  [call("or", [a, a], BOOLEAN), 'col("a")'],
  [call("xor", [a, unknown], BOOLEAN), "null:Boolean"],
  [call("not", [call("not", [a], BOOLEAN)], BOOLEAN), 'col("a")'],
  [call("not", [call("is_null", [x], BOOLEAN)], BOOLEAN), 'is_not_null(col("x"))'],
  [call("eq", [x, literal(null, I32)], BOOLEAN), "null:Boolean"],
  [call("eq_missing", [x, literal(null, I32)], BOOLEAN), 'is_null(col("x"))'],
  [call("ternary", [unknown, a, b], BOOLEAN), 'col("b")'],
  [call("ternary", [x.kind === "column" ? a : b, b, b], BOOLEAN), 'col("b")'],
  [call("coalesce", [literal(null, I32), x, literal(1n, I32), literal(2n, I32)], I32), 'coalesce(col("x"), 1:Int32)'],
  [call("cast", [call("cast", [x], i64)], I32), 'col("x")'],
  [call("cast", [call("cast", [x], i64)], { kind: "Float64" }), 'col("x").cast(Float64)'],
  [call("cast", [call("cast", [x], { kind: "Float32" })], i64), 'col("x").cast(Float32).cast(Int64)'],
  [call("cast", [call("cast", [x], { kind: "Int8" })], I32), 'col("x").cast(Int8).cast(Int32)'],
  [call("floor_div", [x, literal(0n, I32)], I32), '(col("x") // 0:Int32)'],
];
for (const [expr, wanted] of simplified) {
  test(`${describeExpr(expr)} is ${wanted}`, () => assert.equal(describeExpr(folded(expr)), wanted));
}

test("a filter that keeps everything disappears", () => {
  const frame = pl.DataFrame({ v: [1] });
  const plan = planned(
    frame
      .lazy()
      .filter(pl.lit(true))
      .filter(pl.col("v").gt(pl.lit(1).add(pl.lit(2)))),
  );
  assert.equal(
    explain(constantFolding.apply(plan)),
    text(`
      GPU FILTER (col("v") > 3:Float64)
        GPU DF 1 ["v"]
    `),
  );
});
