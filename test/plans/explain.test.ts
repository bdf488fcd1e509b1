/** Explain: every node with its place, reasons of CPU nodes, shared subplans once, scans without paths and credentials. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { explain, nodeReports } from "../../src/ir/explain.ts";
import { call, column, literal } from "../../src/ir/expr.ts";
import type { Frame, Plan, Scan } from "../../src/ir/plan.ts";
import { pl, planned, text } from "./optimize/planned.ts";

const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-explain-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const sales = pl.DataFrame({ shop: ["a", "b"], amount: [1, 2], day: [3, 4] });
const shops = pl.DataFrame({ shop: ["a"], city: ["x"] });

test("a query reads as a tree of polars' words", () => {
  const query = sales
    .lazy()
    .filter(pl.col("amount").gt(1))
    .join(shops.lazy(), { on: "shop", how: "left" })
    .groupBy("city")
    .agg(pl.col("amount").sum().as("total"))
    .sort(["total"], [true], [true])
    .head(3);
  assert.equal(
    explain(planned(query)),
    text(`
      GPU SLICE offset 0, length 3
        GPU SORT BY [col("total") DESC NULLS LAST]
          GPU SELECT [col("city"), col("~agg0").alias("total")]
            GPU AGGREGATE [sum(col("amount")).alias("~agg0")] BY [col("city")]
              GPU LEFT JOIN LEFT ON [col("shop")] RIGHT ON [col("shop")] OUTPUT ["shop", "amount", "day", "city"]
                GPU FILTER (col("amount") > 1:Float64)
                  GPU DF 1 ["shop", "amount", "day"]
                GPU DF 2 ["shop", "city"]
    `),
  );
});

test("CPU nodes say why, the nodes below them stay on the GPU", () => {
  const query = sales
    .lazy()
    .filter(pl.col("amount").gt(1))
    .select(pl.col("amount").rollingSkew({ windowSize: 2 }), pl.col("day").rank("random").as("r"))
    .unique({ subset: ["r"] });
  const plan = planned(query);
  assert.equal(
    explain(plan),
    text(`
      GPU UNIQUE BY ["r"] KEEP any
        CPU SELECT (RollingSkew has no kernel; Rank by the method Random)
          GPU FILTER (col("amount") > 1:Float64)
            GPU DF 1 ["shop", "amount", "day"]
    `),
  );
  assert.deepEqual(nodeReports(plan), [
    { name: "UNIQUE", where: "GPU", reason: null },
    { name: "SELECT", where: "CPU", reason: "RollingSkew has no kernel; Rank by the method Random" },
    { name: "FILTER", where: "GPU", reason: null },
    { name: "DF", where: "GPU", reason: null },
  ]);
});

test("a shared subplan is shown and reported once", () => {
  const kept = sales.lazy().filter(pl.col("amount").gt(1));
  const plan = planned(kept.join(kept, { on: "shop" }));
  assert.equal(
    explain(plan),
    text(`
      GPU INNER JOIN LEFT ON [col("shop")] RIGHT ON [col("shop")] OUTPUT ["shop", "amount", "day", "amountright", "dayright"]
        #1 = GPU FILTER (col("amount") > 1:Float64)
          GPU DF 1 ["shop", "amount", "day"]
        #1
    `),
  );
  assert.deepEqual(
    nodeReports(plan).map((r) => r.name),
    ["INNER JOIN", "FILTER", "DF"],
  );
});

test("a scan shows what is pushed into it, but never where it reads", () => {
  const file = join(folder, "secret-name.parquet");
  sales.writeParquet(file);
  const plan = planned(pl.scanParquet(file));
  assert(plan.kind === "scan");
  const [, amount] = plan.schema;
  assert(amount);
  const pushed: Scan = {
    ...plan,
    dsl: plan.dsl.replace('"cloud_options":null', '"cloud_options":{"config":{"Aws":[["SecretAccessKey","hunter2"]]}}'),
    predicate: call("gt", [column("amount", amount.dtype), literal(1, amount.dtype)], { kind: "Boolean" }),
    slice: { offset: 1, length: 2 },
    schema: [amount],
  };
  assert.match(pushed.dsl, /hunter2/);
  assert.equal(
    explain(pushed),
    `CPU PARQUET SCAN 1 source; 1/3 COLUMNS ["amount"]; SELECTION (col("amount") > 1:Float64); SLICE offset 1, length 2`,
  );
  assert.deepEqual(nodeReports(pushed), [{ name: "PARQUET SCAN", where: "CPU", reason: "files are read on the CPU" }]);
});

test("a plan of any depth is explained", () => {
  const schema = [{ name: "a", dtype: { kind: "Boolean" } }] as const;
  const leaf: Frame = { kind: "frame", source: 1, schema };
  let plan: Plan = leaf;
  for (let i = 0; i < 20_000; i++) plan = { kind: "filter", input: plan, predicate: column("a", { kind: "Boolean" }), schema };
  assert.equal(nodeReports(plan).length, 20_001);
});
