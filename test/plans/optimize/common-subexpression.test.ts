/** Common subexpressions: what is dear is computed once for all expressions of a node, what is cheap stays where it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { optimize } from "../../../src/ir/optimize/optimize.ts";
import { pl, planned, text } from "./planned.ts";

const df = pl.DataFrame({ a: [1, 2, 3], b: [4, 5, 6] });
const [a, b] = [pl.col("a"), pl.col("b")];
const optimized = (query: Parameters<typeof planned>[0]): string =>
  explain(optimize(planned(query), { verifyEach: true })).replaceAll("\u0001", "~");

test("a quotient that two outputs hold is computed once", () => {
  assert.equal(
    optimized(df.lazy().select(a.div(b).add(1).as("x"), a.div(b).mul(2).as("y"), b)),
    text(`
      GPU SELECT [(col("~cse0") + 1:Float64).alias("x"), (col("~cse0") * 2:Float64).alias("y"), col("b")]
        GPU SELECT [col("b"), (col("a") / col("b")).alias("~cse0")]
          GPU DF 1 ["a", "b"]
    `),
  );
});

test("so is one that aggregates share, and one inside of a larger one", () => {
  assert.equal(
    optimized(df.lazy().select(a.div(b).sum().as("s"), a.div(b).div(a).mean().as("m"), a.div(b).div(a).max().as("n"))),
    text(`
      GPU SELECT [col("~all0").alias("s"), col("~all1").alias("m"), col("~all2").alias("n")]
        GPU AGGREGATE [sum(col("~cse0")).alias("~all0"), mean(col("~cse1")).alias("~all1"), max(col("~cse1")).alias("~all2")]
          GPU SELECT [col("~cse0"), (col("~cse0") / col("a")).alias("~cse1")]
            GPU SELECT [col("a"), (col("a") / col("b")).alias("~cse0")]
              GPU DF 1 ["a", "b"]
    `),
  );
});

test("what is computed for a sort goes again", () => {
  assert.equal(
    optimized(df.lazy().sort([a.div(b), a.div(b).mul(-1)])),
    text(`
      GPU SELECT [col("a"), col("b")]
        GPU SORT BY [col("~cse0"), neg(col("~cse0"))]
          GPU SELECT [col("a"), col("b"), (col("a") / col("b")).alias("~cse0")]
            GPU DF 1 ["a", "b"]
    `),
  );
});

test("cheap expressions and those of one output alone stay", () => {
  assert.equal(
    optimized(df.lazy().select(a.add(b).mul(2).as("x"), a.add(b).mul(3).as("y"), a.div(b).mul(a.div(b)).as("z"))),
    text(`
      GPU SELECT [((col("a") + col("b")) * 2:Float64).alias("x"), ((col("a") + col("b")) * 3:Float64).alias("y"), ((col("a") / col("b")) * (col("a") / col("b"))).alias("z")]
        GPU DF 1 ["a", "b"]
    `),
  );
});
