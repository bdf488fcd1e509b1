/** Projection pushdown: only what is read is there. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { predicatePushdown } from "../../../src/ir/optimize/predicate-pushdown.ts";
import { projectionPushdown } from "../../../src/ir/optimize/projection-pushdown.ts";
import { verify } from "../../../src/ir/verify.ts";
import { pl, planned, text } from "./planned.ts";

const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-projection-pushdown-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const [parquet, csv] = [join(folder, "t.parquet"), join(folder, "t.csv")];
const stored = pl.DataFrame({ k: ["a", "b"], v: [0.5, 1.5], u: [1, 2] });
stored.writeParquet(parquet);
stored.writeCSV(csv);
const df = pl.DataFrame({ a: [1, 2, 3], b: [4, 5, 6], c: [7, 8, 9], d: ["x", "y", "z"] });
const other = pl.DataFrame({ a: [1, 2], e: [7, 8], f: [7, 8] });

function optimized(query: Parameters<typeof planned>[0]): string {
  const plan = projectionPushdown.apply(predicatePushdown.apply(planned(query)));
  verify(plan, projectionPushdown.name);
  return explain(plan);
}

test("frames, filters and sorts carry what is read above them, and narrow what is not", () => {
  const query = df.lazy().filter(pl.col("b").gt(1)).sort("c").select("a");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("a")]
        GPU SORT BY [col("c")]
          GPU SELECT [col("a"), col("c")]
            GPU FILTER (col("b") > 1:Float64)
              GPU DF 1 ["a", "b", "c"]
    `),
  );
});

test("computed columns and aggregates that nobody reads go", () => {
  const query = df
    .lazy()
    .withColumns(pl.col("a").add(1).as("x"), pl.col("b").add(1).as("y"))
    .groupBy("d")
    .agg(pl.col("x").sum(), pl.col("y").max())
    .select("x");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("x")]
        GPU SELECT [col("~agg0").alias("x")]
          GPU AGGREGATE [sum(col("x")).alias("~agg0")] BY [col("d")]
            GPU SELECT [col("d"), (col("a") + 1:Float64).alias("x")]
              GPU DF 1 ["a", "d"]
    `),
  );
});

test("joins give and take only what is read", () => {
  const query = df.lazy().join(other.lazy(), { on: "a" }).select("e");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("e")]
        GPU INNER JOIN LEFT ON [col("a")] RIGHT ON [col("a")] OUTPUT ["e"]
          GPU DF 1 ["a"]
          GPU DF 2 ["a", "e"]
    `),
  );
});

test("a semi join takes its keys alone from the right", () => {
  const query = df.lazy().join(other.lazy(), { on: "a", how: "semi" }).select("b");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("b")]
        GPU SEMI JOIN LEFT ON [col("a")] RIGHT ON [col("a")] OUTPUT ["b"]
          GPU DF 1 ["a", "b"]
          GPU DF 2 ["a"]
    `),
  );
});

test("rows are counted without columns", () => {
  const query = df.lazy().select(pl.len().as("n"));
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("~all0").alias("n")]
        GPU AGGREGATE [len().alias("~all0")]
          GPU DF 1 []
    `),
  );
});

test("unions stay alike", () => {
  const query = pl.concat([df.lazy(), df.lazy().filter(pl.col("c").gt(7))]).select("b", "a");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("b"), col("a")]
        GPU UNION
          GPU SELECT [col("a"), col("b")]
            GPU DF 1 ["a", "b", "c"]
          GPU SELECT [col("a"), col("b")]
            GPU FILTER (col("c") > 7:Float64)
              GPU DF 1 ["a", "b", "c"]
    `),
  );
});

test("a row number that nobody reads is not made", () => {
  const query = df.lazy().withRowIndex("row").select("a");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("a")]
        GPU DF 1 ["a"]
    `),
  );
});

test("unique keeps its subset", () => {
  const query = df
    .lazy()
    .unique({ subset: ["a"] })
    .select("b");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("b")]
        GPU UNIQUE BY ["a"] KEEP any
          GPU DF 1 ["a", "b"]
    `),
  );
});

test("CPU nodes get the columns that they ask for", () => {
  const query = df
    .lazy()
    .filter(pl.col("b").gt(1))
    .select(pl.col("a").rollingSkew({ windowSize: 2 }), "b", "c")
    .select("a");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("a")]
        CPU SELECT (RollingSkew has no kernel)
          GPU FILTER (col("b") > 1:Float64)
            GPU DF 1 ["a", "b", "c", "d"]
    `),
  );
});

test("a shared node has what all its readers need, which narrow it", () => {
  const query = (() => {
    const kept = df.lazy().filter(pl.col("b").gt(1));
    return kept.sort("a").select("a").join(kept.sort("c").select("c"), { how: "cross" });
  })();
  assert.equal(
    optimized(query),
    text(`
      GPU CROSS JOIN OUTPUT ["a", "c"]
        GPU SELECT [col("a")]
          GPU SORT BY [col("a")]
            GPU SELECT [col("a")]
              #1 = GPU FILTER (col("b") > 1:Float64)
                GPU DF 1 ["a", "b", "c"]
        GPU SELECT [col("c")]
          GPU SORT BY [col("c")]
            GPU SELECT [col("c")]
              #1
    `),
  );
});

test("scans read the columns that are left; what their predicate reads is not one of them", () => {
  const query = pl.scanParquet(parquet).filter(pl.col("v").gt(1)).select("k");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("k")]
        CPU PARQUET SCAN 1 source; 1/3 COLUMNS ["k"]; SELECTION (col("v") > 1:Float64)
    `),
  );
});

test("window functions that nobody reads are not computed, and neither are their columns", () => {
  const query = df.lazy().withColumns(pl.col("c").cumSum().as("x"), pl.col("b").shift(1).as("y")).select("a", "y");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("a"), col("y")]
        GPU SELECT [col("a"), col("~f1").alias("y")]
          GPU WINDOW [shift(col("b"), 1).alias("~f1")]
            GPU DF 1 ["a", "b"]
    `),
  );
});
