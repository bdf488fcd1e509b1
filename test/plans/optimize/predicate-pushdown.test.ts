/** Predicate pushdown: each condition stands where it may stand, as near to the data as possible. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { predicatePushdown } from "../../../src/ir/optimize/predicate-pushdown.ts";
import { verify } from "../../../src/ir/verify.ts";
import { pl, planned, text } from "./planned.ts";

const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-predicate-pushdown-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const [parquet, csv] = [join(folder, "t.parquet"), join(folder, "t.csv")];
const stored = pl.DataFrame({ k: ["a", "b"], v: [0.5, 1.5], u: [1, 2] });
stored.writeParquet(parquet);
stored.writeCSV(csv);
const trades = pl.DataFrame({ id: [1, 2], k: ["a", "b"], v: [0.5, 1.5], n: [1, 2] });
const names = pl.DataFrame({ id: [1, 2], label: ["x", "y"], w: [7, 8] });
const v = () => pl.col("v");
const w = () => pl.col("w");

function optimized(query: Parameters<typeof planned>[0]): string {
  const plan = predicatePushdown.apply(planned(query));
  verify(plan, predicatePushdown.name);
  return explain(plan);
}

test("adjacent filters merge, each condition once", () => {
  const query = trades
    .lazy()
    .filter(v().gt(1))
    .filter(pl.col("n").lt(9).and(v().gt(1)));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER ((col("v") > 1:Float64) & (col("n") < 9:Float64))
        GPU DF 1 ["id", "k", "v", "n"]
    `),
  );
});

test("through a projection by what it computes", () => {
  const query = trades.lazy().select("k", v().mul(2).as("twice")).filter(pl.col("twice").gt(1));
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("k"), (col("v") * 2:Float64).alias("twice")]
        GPU FILTER ((col("v") * 2:Float64) > 1:Float64)
          GPU DF 1 ["id", "k", "v", "n"]
    `),
  );
});

test("through a sort, but not through a slice", () => {
  const query = trades.lazy().head(9).sort("v").filter(v().gt(1));
  assert.equal(
    optimized(query),
    text(`
      GPU SORT BY [col("v")]
        GPU FILTER (col("v") > 1:Float64)
          GPU SLICE offset 0, length 9
            GPU DF 1 ["id", "k", "v", "n"]
    `),
  );
});

test("not through a row index", () => {
  const query = trades.lazy().withRowIndex("row").filter(v().gt(1));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("v") > 1:Float64)
        GPU ROW INDEX "row" FROM 0
          GPU DF 1 ["id", "k", "v", "n"]
    `),
  );
});

test("below an aggregate by its plain keys that are not floats", () => {
  const query = trades
    .lazy()
    .groupBy(["k", "v"])
    .agg(pl.col("n").sum())
    .filter(pl.col("k").eq(pl.lit("a")).and(v().gt(1)).and(pl.col("n").gt(3)));
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("k"), col("v"), col("~agg0").alias("n")]
        GPU FILTER ((col("v") > 1:Float64) & (col("~agg0") > 3:Float64))
          GPU AGGREGATE [sum(col("n")).alias("~agg0")] BY [col("k"), col("v")]
            GPU FILTER lookup(col("k"), {"BinaryExpr":{"left":{"Column":"value"},"op":"Eq","right":{"Literal":{"Scalar":{"String":"a"}}}}}):Boolean
              GPU DF 1 ["id", "k", "v", "n"]
    `),
  );
});

test("below unique by its subset", () => {
  const query = trades
    .lazy()
    .unique({ subset: ["k"], keep: "first", maintainOrder: true })
    .filter(pl.col("k").isNotNull().and(pl.col("n").gt(1)));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("n") > 1:Float64)
        GPU UNIQUE BY ["k"] KEEP first
          GPU FILTER is_not_null(col("k"))
            GPU DF 1 ["id", "k", "v", "n"]
    `),
  );
});

test("into every input of a union", () => {
  const query = pl.concat([trades.lazy().select("v"), trades.lazy().select(pl.col("n").as("v"))]).filter(v().gt(1));
  assert.equal(
    optimized(query),
    text(`
      GPU UNION
        GPU SELECT [col("v")]
          GPU FILTER (col("v") > 1:Float64)
            GPU DF 1 ["id", "k", "v", "n"]
        GPU SELECT [col("n").alias("v")]
          GPU FILTER (col("n") > 1:Float64)
            GPU DF 1 ["id", "k", "v", "n"]
    `),
  );
});

test("to both sides of an inner join", () => {
  const query = trades
    .lazy()
    .join(names.lazy(), { on: "id" })
    .filter(v().gt(1).and(w().gt(2)).and(v().gt(w())).and(pl.col("id").gt(3)));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("v") > col("w"))
        GPU INNER JOIN LEFT ON [col("id")] RIGHT ON [col("id")] OUTPUT ["id", "k", "v", "n", "label", "w"]
          GPU FILTER ((col("v") > 1:Float64) & (col("id") > 3:Float64))
            GPU DF 1 ["id", "k", "v", "n"]
          GPU FILTER (col("w") > 2:Float64)
            GPU DF 2 ["id", "label", "w"]
    `),
  );
});

test("to the left side of a left join alone", () => {
  const query = trades
    .lazy()
    .join(names.lazy(), { on: "id", how: "left" })
    .filter(v().gt(1).and(w().gt(2)));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("w") > 2:Float64)
        GPU LEFT JOIN LEFT ON [col("id")] RIGHT ON [col("id")] OUTPUT ["id", "k", "v", "n", "label", "w"]
          GPU FILTER (col("v") > 1:Float64)
            GPU DF 1 ["id", "k", "v", "n"]
          GPU DF 2 ["id", "label", "w"]
    `),
  );
});

test("to the left side of semi and anti joins", () => {
  const query = trades.lazy().join(names.lazy(), { on: "id", how: "semi" }).join(names.lazy(), { on: "id", how: "anti" }).filter(v().gt(1));
  assert.equal(
    optimized(query),
    text(`
      GPU ANTI JOIN LEFT ON [col("id")] RIGHT ON [col("id")] OUTPUT ["id", "k", "v", "n"]
        GPU SEMI JOIN LEFT ON [col("id")] RIGHT ON [col("id")] OUTPUT ["id", "k", "v", "n"]
          GPU FILTER (col("v") > 1:Float64)
            GPU DF 1 ["id", "k", "v", "n"]
          GPU DF 2 ["id", "label", "w"]
        GPU DF 2 ["id", "label", "w"]
    `),
  );
});

test("not below a full join", () => {
  const query = trades.lazy().join(names.lazy(), { on: "id", how: "full", suffix: "_r" }).filter(v().gt(1));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("v") > 1:Float64)
        GPU FULL JOIN LEFT ON [col("id")] RIGHT ON [col("id")] OUTPUT ["id", "k", "v", "n", "id_r", "label", "w"]
          GPU DF 1 ["id", "k", "v", "n"]
          GPU DF 2 ["id", "label", "w"]
    `),
  );
});

test("not below what CPU polars runs", () => {
  const query = trades
    .lazy()
    .select(v().rollingSkew({ windowSize: 2 }), "n")
    .filter(pl.col("n").gt(1));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("n") > 1:Float64)
        CPU SELECT (RollingSkew has no kernel)
    `),
  );
});

test("a window keeps its own input: the condition goes to the rows alone, the shared node stays shared", () => {
  const query = trades
    .lazy()
    .filter(pl.col("n").gt(0))
    .withColumns(v().sum().over("k").as("s"))
    .filter(pl.col("n").gt(1).and(pl.col("s").gt(5)));
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("id"), col("k"), col("v"), col("n"), col("~w0.0").alias("s")]
        GPU FILTER (col("~w0.0") > 5:Float64)
          GPU LEFT JOIN LEFT ON [col("k")] RIGHT ON [col("~key0")] NULLS EQUAL OUTPUT ["id", "k", "v", "n", "~w0.0"]
            GPU FILTER (col("n") > 1:Float64)
              #1 = GPU FILTER (col("n") > 0:Float64)
                GPU DF 1 ["id", "k", "v", "n"]
            GPU AGGREGATE [sum(col("v")).alias("~w0.0")] BY [col("k").alias("~key0")]
              #1
    `),
  );
});

test("into Parquet scans, exactly, but for what readers do not know", () => {
  const query = pl.scanParquet(parquet).filter(
    v()
      .gt(1)
      .and(pl.col("k").eq(pl.lit("a")))
      .and(v().mul(2).lt(9)),
  );
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER ((col("v") * 2:Float64) < 9:Float64)
        CPU PARQUET SCAN 1 source; 3/3 COLUMNS ["k", "v", "u"]; SELECTION ((col("v") > 1:Float64) & lookup(col("k"), {"BinaryExpr":{"left":{"Column":"value"},"op":"Eq","right":{"Literal":{"Scalar":{"String":"a"}}}}}):Boolean)
    `),
  );
});

test("not into other files, nor into a scan that two readers share", () => {
  const query = pl.concat([
    pl.scanCSV(csv).filter(v().gt(1)),
    pl.scanParquet(parquet).filter(v().gt(1)),
    pl.scanParquet(parquet).filter(v().lt(0)),
  ]);
  assert.equal(
    optimized(query),
    text(`
      GPU UNION
        GPU FILTER (col("v") > 1:Float64)
          CPU CSV SCAN 1 source; 3/3 COLUMNS ["k", "v", "u"]
        GPU FILTER (col("v") > 1:Float64)
          #1 = CPU PARQUET SCAN 1 source; 3/3 COLUMNS ["k", "v", "u"]
        GPU FILTER (col("v") < 0:Float64)
          #1
    `),
  );
});
