/** Project merge: chains of projections are one, as long as nothing dear is computed twice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { projectMerge } from "../../../src/ir/optimize/project-merge.ts";
import { verify } from "../../../src/ir/verify.ts";
import { pl, planned, text } from "./planned.ts";

const df = pl.DataFrame({ a: [1, 2, 3], b: [4, 5, 6] });
const [a, b] = [pl.col("a"), pl.col("b")];

function optimized(query: Parameters<typeof planned>[0]): string {
  const plan = projectMerge.apply(planned(query));
  verify(plan, projectMerge.name);
  return explain(plan);
}

test("expressions move into the projection above", () => {
  const query = df.lazy().withColumns(a.add(1).as("c")).select(pl.col("c").mul(b).as("d"), "c");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [((col("a") + 1:Float64) * col("b")).alias("d"), (col("a") + 1:Float64).alias("c")]
        GPU DF 1 ["a", "b"]
    `),
  );
});

test("projections that change nothing go", () => {
  const query = df.lazy().select("a", "b").filter(a.gt(1)).select("a", "b");
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("a") > 1:Float64)
        GPU DF 1 ["a", "b"]
    `),
  );
});

test("another order or name is a change", () => {
  const query = df.lazy().select("b", "a").sort("a").rename({ a: "c" });
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("b"), col("a").alias("c")]
        GPU SORT BY [col("a")]
          GPU SELECT [col("b"), col("a")]
            GPU DF 1 ["a", "b"]
    `),
  );
});

test("divisions are not computed twice", () => {
  const query = df
    .lazy()
    .select(a.div(b).as("q"))
    .select(pl.col("q").mul(pl.col("q")).as("s"));
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [(col("q") * col("q")).alias("s")]
        GPU SELECT [(col("a") / col("b")).alias("q")]
          GPU DF 1 ["a", "b"]
    `),
  );
});

test("a shared projection is left to its readers", () => {
  const query = (() => {
    const made = df.lazy().select(a.add(b).as("c"));
    return pl.concat([made.select(pl.col("c").add(1)), made.select(pl.col("c").sub(1))]);
  })();
  assert.equal(
    optimized(query),
    text(`
      GPU UNION
        GPU SELECT [(col("c") + 1:Float64).alias("c")]
          #1 = GPU SELECT [(col("a") + col("b")).alias("c")]
            GPU DF 1 ["a", "b"]
        GPU SELECT [(col("c") - 1:Float64).alias("c")]
          #1
    `),
  );
});
