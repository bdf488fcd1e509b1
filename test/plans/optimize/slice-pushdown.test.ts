/** Slice pushdown: slices become limits of what makes the rows. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { slicePushdown } from "../../../src/ir/optimize/slice-pushdown.ts";
import { verify } from "../../../src/ir/verify.ts";
import { pl, planned, text } from "./planned.ts";

const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-slice-pushdown-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const [parquet, csv] = [join(folder, "t.parquet"), join(folder, "t.csv")];
const stored = pl.DataFrame({ k: ["a", "b"], v: [0.5, 1.5], u: [1, 2] });
stored.writeParquet(parquet);
stored.writeCSV(csv);
const df = pl.DataFrame({ a: [1, 2, 3], b: [4, 5, 6] });
const other = pl.DataFrame({ a: [1, 2], c: [7, 8] });

function optimized(query: Parameters<typeof planned>[0]): string {
  const plan = slicePushdown.apply(planned(query));
  verify(plan, slicePushdown.name);
  return explain(plan);
}

test("a sorted head is the sort's limit, through projections", () => {
  const query = df.lazy().sort("b").select(pl.col("a").add(1)).head(2);
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [(col("a") + 1:Float64).alias("a")]
        GPU SORT BY [col("b")] LIMIT 2
          GPU DF 1 ["a", "b"]
    `),
  );
});

test("an offset stays above the limited sort", () => {
  const query = df.lazy().sort("b").slice(1, 2);
  assert.equal(
    optimized(query),
    text(`
      GPU SLICE offset 1, length 2
        GPU SORT BY [col("b")] LIMIT 3
          GPU DF 1 ["a", "b"]
    `),
  );
});

test("slices of slices are one", () => {
  const query = df.lazy().slice(1, 9).slice(2, 3);
  assert.equal(
    optimized(query),
    text(`
      GPU SLICE offset 3, length 3
        GPU DF 1 ["a", "b"]
    `),
  );
});

test("slices that count from the end stay", () => {
  const query = df.lazy().sort("b").tail(2);
  assert.equal(
    optimized(query),
    text(`
      GPU SLICE offset -2, length 2
        GPU SORT BY [col("b")]
          GPU DF 1 ["a", "b"]
    `),
  );
});

test("into scans of any format", () => {
  const query = pl.scanCSV(csv).select(pl.col("v").add(1)).slice(1, 2);
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [(col("v") + 1:Float64).alias("v")]
        CPU CSV SCAN 1 source; 3/3 COLUMNS ["k", "v", "u"]; SLICE offset 1, length 2
    `),
  );
});

test("not through filters, aggregates and unique", () => {
  const query = df.lazy().filter(pl.col("a").gt(1)).head(2).groupBy("a").agg(pl.col("b").sum()).head(1).unique().head(1);
  assert.equal(
    optimized(query),
    text(`
      GPU SLICE offset 0, length 1
        GPU UNIQUE BY ["a", "b"] KEEP any
          GPU SELECT [col("a"), col("~agg0").alias("b")]
            GPU SLICE offset 0, length 1
              GPU AGGREGATE [sum(col("b")).alias("~agg0")] BY [col("a")]
                GPU SLICE offset 0, length 2
                  GPU FILTER (col("a") > 1:Float64)
                    GPU DF 1 ["a", "b"]
    `),
  );
});

test("inputs of a union are limited by as much as may be needed", () => {
  const query = pl.concat([df.lazy().sort("a"), df.lazy().sort("b")]).slice(1, 2);
  assert.equal(
    optimized(query),
    text(`
      GPU SLICE offset 1, length 2
        GPU UNION
          GPU SORT BY [col("a")] LIMIT 3
            GPU DF 1 ["a", "b"]
          GPU SORT BY [col("b")] LIMIT 3
            GPU DF 1 ["a", "b"]
    `),
  );
});

test("rows of the left side of left and cross joins", () => {
  const query = df.lazy().join(other.lazy(), { on: "a", how: "left" }).head(2);
  assert.equal(
    optimized(query),
    text(`
      GPU SLICE offset 0, length 2
        GPU LEFT JOIN LEFT ON [col("a")] RIGHT ON [col("a")] OUTPUT ["a", "b", "c"]
          GPU SLICE offset 0, length 2
            GPU DF 1 ["a", "b"]
          GPU DF 2 ["a", "c"]
    `),
  );
});

test("not below inner joins", () => {
  const query = df.lazy().join(other.lazy(), { on: "a" }).head(2);
  assert.equal(
    optimized(query),
    text(`
      GPU SLICE offset 0, length 2
        GPU INNER JOIN LEFT ON [col("a")] RIGHT ON [col("a")] OUTPUT ["a", "b", "c"]
          GPU DF 1 ["a", "b"]
          GPU DF 2 ["a", "c"]
    `),
  );
});

test("the numbers of a sliced row index go on", () => {
  const query = df.lazy().withRowIndex("row", 5).slice(1, 1);
  assert.equal(
    optimized(query),
    text(`
      GPU ROW INDEX "row" FROM 6
        GPU SLICE offset 1, length 1
          GPU DF 1 ["a", "b"]
    `),
  );
});

test("a node with another reader is not sliced", () => {
  const query = (() => {
    const sorted = df.lazy().sort("b");
    return pl.concat([sorted.head(1), sorted.tail(1)]);
  })();
  assert.equal(
    optimized(query),
    text(`
      GPU UNION
        GPU SLICE offset 0, length 1
          #1 = GPU SORT BY [col("b")]
            GPU DF 1 ["a", "b"]
        GPU SLICE offset -1, length 1
          #1
    `),
  );
});
