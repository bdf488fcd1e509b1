/** Physical plans: which exchanges, trees and broadcasts a query becomes, by the partitions of its inputs and the options. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LazyDataFrame } from "nodejs-polars";
import { type ExecutorOptions, resolveConfig } from "../../../src/config.ts";
import type { SourcePartitions } from "../../../src/executors/context.ts";
import { type Lowered, lowerPlan } from "../../../src/executors/lower/lower.ts";
import { physicalReport } from "../../../src/executors/physical/explain.ts";
import { optimize } from "../../../src/ir/optimize/optimize.ts";
import type { Plan } from "../../../src/ir/plan.ts";
import { postorder } from "../../../src/ir/traversal.ts";
import { pl, planned, text } from "../optimize/planned.ts";

const c = pl.col;
const left = () => pl.DataFrame({ k: [1], v: [2], w: [3] }).lazy();
const right = () => pl.DataFrame({ k: [1], x: [2] }).lazy();

/** The plan over inputs of so many partitions, in the order of the query; `room`: rows of a partition that the device has room for. */
function lowered(
  query: LazyDataFrame,
  partitions: readonly number[],
  options: ExecutorOptions = {},
  room = Number.POSITIVE_INFINITY,
): Lowered {
  const plan = optimize(planned(query));
  const frames = postorder(plan).filter((node) => node.kind === "frame");
  const sources = new Map<Plan, SourcePartitions>(
    frames.map((frame, i) => [
      frame,
      {
        partitions: partitions[i] ?? 1,
        rows: 100 * (partitions[i] ?? 1),
        kept: 1,
        load: () => Promise.reject(new Error("nothing is read")),
      },
    ]),
  );
  const { executorOptions } = resolveConfig({ executorOptions: { groupbyNAry: 4, broadcastJoinLimit: 4, ...options } });
  return lowerPlan(plan, { options: executorOptions, sources, manyGroups: false, rowsOfPartition: () => room });
}

function assertLowers(
  query: LazyDataFrame,
  partitions: readonly number[],
  expected: string,
  options: ExecutorOptions = {},
  room = Number.POSITIVE_INFINITY,
): void {
  assert.equal(physicalReport(lowered(query, partitions, options, room).root).text, text(expected));
}

test("rows that stay where they are", () => {
  assertLowers(
    left().filter(c("v").gt(1)).select("k"),
    [3],
    `
      #1 SELECT <3 partitions> [col("k")]
        #0 DF <3 partitions, ~300 rows> 1 ["k", "v"]
    `,
  );
});

test("a group-by of few groups is a tree of merges", () => {
  assertLowers(
    left().groupBy("k").agg(c("v").sum()),
    [8],
    `
      #4 SELECT <1 partition> [col("k"), col("~agg0").alias("v")]
        #3 AGGREGATE FINISH <1 partition>
          #2 AGGREGATE MERGE <1 partition> 4 AT A TIME
            #1 AGGREGATE PARTIAL <8 partitions>
              #0 DF <8 partitions, ~800 rows> 1 ["k", "v"]
    `,
  );
});

test("of many groups, by `uniqueFraction`, a shuffle", () => {
  assertLowers(
    left().groupBy("k").agg(c("v").sum()),
    [8],
    `
      #7 SELECT <8 partitions> [col("k"), col("~agg0").alias("v")]
        #6 ORIGINAL ORDER <8 partitions>
          #5 SHUFFLE <8 partitions> BY ORIGIN
            #4 AGGREGATE <8 partitions>
              #3 SHUFFLE <8 partitions, by [col("k")]> BY HASH [col("k")]
                #2 ROW ORIGIN <8 partitions>
                  #1 SELECT <8 partitions>
                    #0 DF <8 partitions, ~800 rows> 1 ["k", "v"]
    `,
    { uniqueFraction: { k: 0.5 } },
  );
});

test("of one partition neither", () => {
  assertLowers(
    left().groupBy("k").agg(c("v").sum()),
    [1],
    `
      #2 SELECT <1 partition> [col("k"), col("~agg0").alias("v")]
        #1 AGGREGATE <1 partition>
          #0 DF <1 partition, ~100 rows> 1 ["k", "v"]
    `,
    { uniqueFraction: { k: 0.5 } },
  );
});

test("an aggregate that cannot be merged is shuffled by its keys", () => {
  assertLowers(
    left().groupBy("k").agg(c("v").median()),
    [3],
    `
      #7 SELECT <3 partitions> [col("k"), col("~agg0").alias("v")]
        #6 ORIGINAL ORDER <3 partitions>
          #5 SHUFFLE <3 partitions> BY ORIGIN
            #4 AGGREGATE <3 partitions>
              #3 SHUFFLE <3 partitions, by [col("k")]> BY HASH [col("k")]
                #2 ROW ORIGIN <3 partitions>
                  #1 SELECT <3 partitions>
                    #0 DF <3 partitions, ~300 rows> 1 ["k", "v"]
    `,
  );
});

test("the smaller side of a join is broadcast", () => {
  assertLowers(
    left().join(right(), { on: "k" }),
    [8, 4],
    `
      #3 INNER JOIN <8 partitions> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w", "x"] BROADCAST RIGHT
        #0 DF <8 partitions, ~800 rows> 1 ["k", "v", "w"]
        #2 CONCAT <1 partition, ~400 rows>
          #1 DF <4 partitions, ~400 rows> 2 ["k", "x"]
    `,
  );
});

const inOrder = { on: "k", maintainOrder: "left_right" } as const;

test("the left one too, and its rows are put back into order where one is asked for", () => {
  assertLowers(
    left().join(right(), { on: "k" }),
    [4, 8],
    `
      #3 INNER JOIN <8 partitions> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w", "x"] BROADCAST RIGHT
        #0 DF <8 partitions, ~800 rows> 2 ["k", "x"]
        #2 CONCAT <1 partition, ~400 rows>
          #1 DF <4 partitions, ~400 rows> 1 ["k", "v", "w"]
    `,
  );
  assertLowers(
    left().join(right(), inOrder),
    [4, 8],
    `
      #7 ORIGINAL ORDER <4 partitions>
        #6 SHUFFLE <4 partitions> BY ORIGIN
          #5 INNER JOIN <8 partitions> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w", "x"] BROADCAST RIGHT
            #1 ROW ORIGIN <8 partitions, ~800 rows>
              #0 DF <8 partitions, ~800 rows> 2 ["k", "x"]
            #4 CONCAT <1 partition, ~400 rows>
              #3 ROW ORIGIN <4 partitions, ~400 rows>
                #2 DF <4 partitions, ~400 rows> 1 ["k", "v", "w"]
    `,
  );
});

test("sides above `broadcastJoinLimit` are shuffled", () => {
  assertLowers(
    left().join(right(), { on: "k", how: "left" }),
    [5, 6],
    `
      #7 ORIGINAL ORDER <5 partitions>
        #6 SHUFFLE <5 partitions> BY ORIGIN
          #5 LEFT JOIN <6 partitions, by [col("k")]> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w", "x"]
            #2 SHUFFLE <6 partitions, by [col("k")], ~500 rows> BY HASH [col("k")]
              #1 ROW ORIGIN <5 partitions, ~500 rows>
                #0 DF <5 partitions, ~500 rows> 1 ["k", "v", "w"]
            #4 SHUFFLE <6 partitions, by [col("k")], ~600 rows> BY HASH [col("k")]
              #3 DF <6 partitions, ~600 rows> 2 ["k", "x"]
    `,
  );
});

test("a side that there is no room for is not broadcast, and no partition gets more rows than there is room for", () => {
  assertLowers(
    left().join(right(), { on: "k", how: "semi" }),
    [1, 3],
    `
      #7 ORIGINAL ORDER <2 partitions>
        #6 SHUFFLE <2 partitions> BY ORIGIN
          #5 SEMI JOIN <6 partitions, by [col("k")]> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w"]
            #2 SHUFFLE <6 partitions, by [col("k")], ~100 rows> BY HASH [col("k")]
              #1 ROW ORIGIN <1 partition, ~100 rows>
                #0 DF <1 partition, ~100 rows> 1 ["k", "v", "w"]
            #4 SHUFFLE <6 partitions, by [col("k")], ~300 rows> BY HASH [col("k")]
              #3 DF <3 partitions, ~300 rows> 2 ["k"]
    `,
    {},
    50,
  );
  assertLowers(
    left().join(right(), inOrder),
    [1, 3],
    `
      #6 ORIGINAL ORDER <6 partitions>
        #5 SHUFFLE <6 partitions> BY ORIGIN
          #4 INNER JOIN <3 partitions> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w", "x"] BROADCAST RIGHT
            #1 ROW ORIGIN <3 partitions, ~300 rows>
              #0 DF <3 partitions, ~300 rows> 2 ["k", "x"]
            #3 ROW ORIGIN <1 partition, ~100 rows>
              #2 DF <1 partition, ~100 rows> 1 ["k", "v", "w"]
    `,
    {},
    50,
  );
});

test("a sort goes by ranges whose bounds are sampled; the first rows of a sort by a tree", () => {
  assertLowers(
    left().sort("v"),
    [3],
    `
      #4 SORT <3 partitions, ~300 rows> BY [col("v")]
        #3 SHUFFLE <3 partitions, by ranges, ~300 rows> BY RANGE
          #0 DF <3 partitions, ~300 rows> 1 ["k", "v", "w"]
          #2 SPLIT POINTS <1 partition>
            #1 SAMPLE <3 partitions>
              #0
    `,
  );
  assertLowers(
    left().sort("v").head(5),
    [8],
    `
      #2 SORT MERGE <1 partition, ~5 rows> 4 AT A TIME
        #1 SORT <8 partitions, ~5 rows> BY [col("v")] LIMIT 5
          #0 DF <8 partitions, ~800 rows> 1 ["k", "v", "w"]
    `,
  );
});

test("the first rows stop the partitions behind them", () => {
  assertLowers(
    left().head(5),
    [3],
    `
      #2 CONCAT <1 partition>
        #1 SLICE <3 partitions> offset 0, length 5
          #0 DF <3 partitions, ~300 rows> 1 ["k", "v", "w"]
    `,
  );
});

test("windows are shuffled by what they are over; aggregates over keys are grouped and joined", () => {
  assertLowers(
    left().withColumn(c("v").cumSum().over("k").as("s")),
    [3],
    `
      #6 SELECT <3 partitions, ~300 rows> [col("k"), col("v"), col("w"), col("~f0").alias("s")]
        #5 ORIGINAL ORDER <3 partitions, ~300 rows>
          #4 SHUFFLE <3 partitions, ~300 rows> BY ORIGIN
            #3 WINDOW <3 partitions, ~300 rows> [cum_sum(col("v"), 0).alias("~f0")] BY [col("k")]
              #2 SHUFFLE <3 partitions, by [col("k")], ~300 rows> BY HASH [col("k")]
                #1 ROW ORIGIN <3 partitions, ~300 rows>
                  #0 DF <3 partitions, ~300 rows> 1 ["k", "v", "w"]
    `,
  );
  assertLowers(
    left().withColumn(c("v").sum().over("k").as("s")),
    [3],
    `
      #5 SELECT <3 partitions> [col("k"), col("v"), col("w"), col("~w0.0").alias("s")]
        #4 LEFT JOIN <3 partitions> LEFT ON [col("k")] RIGHT ON [col("~key0")] NULLS EQUAL OUTPUT ["k", "v", "w", "~w0.0"] BROADCAST RIGHT
          #0 DF <3 partitions, ~300 rows> 1 ["k", "v", "w"]
          #3 AGGREGATE FINISH <1 partition>
            #2 AGGREGATE MERGE <1 partition> 4 AT A TIME
              #1 AGGREGATE PARTIAL <3 partitions>
                #0
    `,
  );
});

test("distinct rows are a tree, or a shuffle where they are many", () => {
  assertLowers(
    left().unique({ subset: ["k"], keep: "first", maintainOrder: true }),
    [3],
    `
      #2 UNIQUE MERGE <1 partition> 4 AT A TIME
        #1 UNIQUE <3 partitions> BY ["k"] KEEP first
          #0 DF <3 partitions, ~300 rows> 1 ["k", "v", "w"]
    `,
  );
  assertLowers(
    left().unique({ subset: ["k"], keep: "first", maintainOrder: true }),
    [3],
    `
      #6 ORIGINAL ORDER <3 partitions>
        #5 SHUFFLE <3 partitions> BY ORIGIN
          #4 UNIQUE <3 partitions> BY ["k"] KEEP first
            #3 SHUFFLE <3 partitions, by [col("k")]> BY HASH [col("k")]
              #2 ROW ORIGIN <3 partitions>
                #1 UNIQUE <3 partitions> BY ["k"] KEEP first
                  #0 DF <3 partitions, ~300 rows> 1 ["k", "v", "w"]
    `,
    { uniqueFraction: { k: 0.9 } },
  );
});

test("a subplan that is read twice is one node", () => {
  const shared = left().filter(c("v").gt(1));
  assertLowers(
    pl.concat([shared, shared]),
    [2],
    `
      #2 UNION <4 partitions>
        #1 FILTER <2 partitions> (col("v") > 1:Float64)
          #0 DF <2 partitions, ~200 rows> 1 ["k", "v", "w"]
        #1
    `,
  );
});

test("what takes one partition is named", () => {
  const cumulative = left().withColumn(c("v").cumSum().as("s"));
  assert.deepEqual(lowered(cumulative, [1]).onePartition, []);
  assert.deepEqual(lowered(cumulative, [3]).onePartition, ["WINDOW"]);
  assertLowers(
    cumulative,
    [3],
    `
      #3 SELECT <1 partition, ~300 rows> [col("k"), col("v"), col("w"), col("~f0").alias("s")]
        #2 WINDOW <1 partition, ~300 rows> [cum_sum(col("v"), 0).alias("~f0")]
          #1 CONCAT <1 partition, ~300 rows>
            #0 DF <3 partitions, ~300 rows> 1 ["k", "v", "w"]
    `,
  );
});

test("coroutines choose while they run", () => {
  assertLowers(
    left().groupBy("k").agg(c("v").sum()),
    [3],
    `
      #11 SELECT <3 partitions> [col("k"), col("~agg0").alias("v")]
        #10 CHOICE <3 partitions> AGGREGATE FINISH OR ORIGINAL ORDER
          #0 DF <3 partitions, ~300 rows> 1 ["k", "v"]
          #1 AGGREGATE PARTIAL <3 partitions>
            #0
          #3 AGGREGATE FINISH <1 partition>
            #2 AGGREGATE MERGE <1 partition> 4 AT A TIME
              #1
          #9 ORIGINAL ORDER <3 partitions>
            #8 SHUFFLE <3 partitions> BY ORIGIN
              #7 AGGREGATE <3 partitions>
                #6 SHUFFLE <3 partitions, by [col("k")]> BY HASH [col("k")]
                  #5 ROW ORIGIN <3 partitions>
                    #4 SELECT <3 partitions>
                      #0
    `,
    { engine: "rapidsmpf" },
  );
  assertLowers(
    left().join(right(), { on: "k" }),
    [8, 3],
    `
      #10 CHOICE <8 partitions> INNER JOIN OR ORIGINAL ORDER
        #0 DF <3 partitions, ~300 rows> 2 ["k", "x"]
        #3 INNER JOIN <8 partitions> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w", "x"] BROADCAST RIGHT
          #1 DF <8 partitions, ~800 rows> 1 ["k", "v", "w"]
          #2 CONCAT <1 partition, ~300 rows>
            #0
        #9 ORIGINAL ORDER <8 partitions>
          #8 SHUFFLE <8 partitions> BY ORIGIN
            #7 INNER JOIN <8 partitions, by [col("k")]> LEFT ON [col("k")] RIGHT ON [col("k")] OUTPUT ["k", "v", "w", "x"]
              #5 SHUFFLE <8 partitions, by [col("k")], ~800 rows> BY HASH [col("k")]
                #4 ROW ORIGIN <8 partitions, ~800 rows>
                  #1
              #6 SHUFFLE <8 partitions, by [col("k")], ~300 rows> BY HASH [col("k")]
                #0
    `,
    { engine: "rapidsmpf" },
  );
});
