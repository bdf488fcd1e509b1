/** Frames that are far larger than the device memory limit, cut by it alone: each operation gets as much as there is room for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { GPUEngine } from "../../../src/index.ts";
import { bytesOfQueries } from "../harness.ts";
import { ENGINES } from "./harness.ts";

const c = pl.col;
const LIMIT = 1 << 20;
const ROWS = 50_000;
const FEW = 500;

const series = (name: string, rows: number, of: (row: number) => number) =>
  pl.Series(
    name,
    Array.from({ length: rows }, (_, row) => of(row)),
    pl.Int64,
  );
const large = pl.DataFrame([series("k", ROWS, (row) => (row * 7919) % 1000), series("v", ROWS, (row) => (row * 31) % 25_000)]);
const small = pl.DataFrame([series("k", FEW, (row) => (row * 3) % 1200), series("w", FEW, (row) => row)]);

const ORDERED = { on: "k", maintainOrder: "left_right" } as const;
const both = (how: "inner" | "left" | "semi" | "anti") => small.lazy().join(large.lazy(), { ...ORDERED, how });
const QUERIES: Readonly<Record<string, LazyDataFrame>> = {
  "few rows joined with many": both("inner"),
  "many rows joined with few": large.lazy().join(small.lazy(), ORDERED),
  "few rows, each with many matches": both("left"),
  "few rows that have one of many matches": both("semi"),
  "few rows that have none": both("anti"),
  "a full join": large.lazy().join(small.lazy(), { ...ORDERED, how: "full", suffix: "_r" }),
  "nearly as many groups as rows": large.lazy().groupBy(["v", "k"], true).agg(c("k").sum().as("s"), pl.len().as("n")),
  "groups of what a join of few rows gives": both("inner").groupBy("v", true).agg(c("w").sum().as("s")),
  "distinct rows": large.lazy().unique({ subset: ["v"], keep: "first", maintainOrder: true }),
  "a sort": large.lazy().sort([c("v"), c("k")]),
  "a sort of what a join of few rows gives": both("inner").sort([c("v"), c("w"), c("k")]),
  "a window": large.lazy().withColumn(c("v").cumSum().over("k").as("running")),
};

for (const engine of ENGINES) {
  test(`${engine}: nothing takes more than the limit, and nothing is left to the CPU`, async () => {
    const gpu = new GPUEngine({ raiseOnFail: true, deviceMemoryLimit: LIMIT, executorOptions: { engine, fallbackMode: "silent" } });
    for (const [name, lf] of Object.entries(QUERIES)) {
      assert.equal(frameDifference(await lf.collect(), await lf.collect({ engine: gpu }), {}), null, name);
      const stats = await gpu.deviceStats();
      const { peakBytes = Number.POSITIVE_INFINITY } = stats ?? {};
      assert.ok(peakBytes <= LIMIT, `${name}: ${peakBytes} bytes`);
      assert.equal(bytesOfQueries(stats), 0, name);
    }
    await gpu.close();
  });
}

test("what few rows find among many goes back to parts of where the few rows were", async () => {
  const gpu = new GPUEngine({ deviceMemoryLimit: LIMIT, executorOptions: { engine: "tasks" } });
  const { nodes } = await gpu.physicalPlan(both("inner"));
  const [order] = nodes.filter(({ name }) => name === "ORIGINAL ORDER");
  const sources = nodes.filter(({ name }) => name === "DF").map(({ partitions }) => partitions);
  assert.equal(Math.min(...sources), 1);
  assert.ok(Math.max(...sources) > 5 && (order?.partitions ?? 0) > 5, JSON.stringify({ sources, order }));
  await gpu.close();
});

test("a value of all rows beside each of them is no reason for more partitions", async () => {
  const gpu = new GPUEngine({ executorOptions: { engine: "rapidsmpf" } });
  const mean = large.lazy().select(c("v").mean().as("mean"));
  const above = large
    .lazy()
    .join(mean, { how: "cross" })
    .filter(c("v").gt(c("mean")))
    .groupBy("k", true)
    .agg(pl.len())
    .sort("k");
  const { nodes } = await gpu.physicalPlan(above);
  assert.deepEqual([...new Set(nodes.map(({ partitions }) => partitions))], [1]);
  await gpu.close();
});

test("rows that may be very many are spread over a bounded number of partitions", async () => {
  const gpu = new GPUEngine({ deviceMemoryLimit: 16 * LIMIT, executorOptions: { engine: "tasks", uniqueFraction: { v: 0.9 } } });
  const pairs = large.lazy().join(large.lazy().select(c("k").as("k2")), { how: "cross" });
  const { nodes, tasks } = await gpu.physicalPlan(
    pairs
      .filter(c("k").lt(c("k2")))
      .groupBy("v", true)
      .agg(pl.len())
      .sort("v"),
  );
  const most = Math.max(...nodes.map(({ partitions }) => partitions));
  assert.ok(most > 1 && most <= 256, `${most} partitions`);
  assert.ok(tasks.length < 10_000, `${tasks.length} tasks`);
  await gpu.close();
});
