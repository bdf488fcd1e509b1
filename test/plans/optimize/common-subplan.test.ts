/** Common subplans: equal nodes are one, nearly equal ones are not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { commonSubplan } from "../../../src/ir/optimize/common-subplan.ts";
import type { Plan } from "../../../src/ir/plan.ts";
import { verify } from "../../../src/ir/verify.ts";
import { pl, planned, text } from "./planned.ts";

const df = pl.DataFrame({ a: [1, 2, 3], b: [4, 5, 6] });
const a = pl.col("a");

function optimized(query: Parameters<typeof planned>[0]): string {
  const plan = commonSubplan.apply(planned(query));
  verify(plan, commonSubplan.name);
  return explain(plan);
}

test("a window's aggregate and its rows have one input", () => {
  const query = df.lazy().filter(a.gt(1)).withColumns(pl.col("b").sum().over("a").as("s"), pl.col("b").max().as("m"));
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("a"), col("b"), col("~w0.0").alias("s"), col("~all0").alias("m")]
        GPU LEFT JOIN LEFT ON [col("a")] RIGHT ON [col("~key0")] NULLS EQUAL OUTPUT ["a", "b", "~all0", "~w0.0"]
          GPU CROSS JOIN OUTPUT ["a", "b", "~all0"]
            #1 = GPU FILTER (col("a") > 1:Float64)
              GPU DF 1 ["a", "b"]
            GPU AGGREGATE [max(col("b")).alias("~all0")]
              #1
          GPU AGGREGATE [sum(col("b")).alias("~w0.0")] BY [col("a").alias("~key0")]
            #1
    `),
  );
});

test("queries written differently may be the same plan", () => {
  const query = pl.concat([df.lazy().filter(a.gt(1).as("x")), df.lazy().filter(a.gt(1)), df.lazy().filter(a.gt(1).as("y"))]);
  assert.equal(
    optimized(query),
    text(`
      GPU UNION
        #1 = GPU FILTER (col("a") > 1:Float64)
          GPU DF 1 ["a", "b"]
        #1
        #1
    `),
  );
});

test("plans that differ in a literal are two", () => {
  const query = pl.concat([df.lazy().filter(a.gt(1)), df.lazy().filter(a.gt(2)), df.lazy().filter(a.gt(1))]);
  assert.equal(
    optimized(query),
    text(`
      GPU UNION
        #1 = GPU FILTER (col("a") > 1:Float64)
          GPU DF 1 ["a", "b"]
        GPU FILTER (col("a") > 2:Float64)
          GPU DF 1 ["a", "b"]
        #1
    `),
  );
});

test("everything that decides a node's rows tells it from others", () => {
  const plan = planned(df.lazy().join(df.lazy().sort("b"), { on: "a" }));
  assert(plan.kind === "join" && plan.right.kind === "sort");
  const { right } = plan;
  const variants: readonly Plan[] = [
    plan,
    { ...plan, nullsEqual: true },
    { ...plan, how: "left" },
    { ...plan, right: { ...right, limit: 1 } },
    { ...plan, right: { ...right, by: right.by.map((key) => ({ ...key, nullsLast: !key.nullsLast })) } },
    { ...plan, right: { kind: "slice", input: right.input, offset: 1, length: null, schema: right.schema } },
    { ...plan, right: { kind: "distinct", input: right.input, subset: ["a"], keep: "last", schema: right.schema } },
    { ...plan, right: { kind: "distinct", input: right.input, subset: ["a"], keep: "first", schema: right.schema } },
  ];
  const union: Plan = { kind: "union", inputs: variants, schema: plan.schema };
  const merged = commonSubplan.apply(union);
  assert(merged.kind === "union");
  assert.equal(new Set(merged.inputs).size, variants.length);
});
