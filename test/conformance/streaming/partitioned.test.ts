/** Nodes over rows that are spread by their keys already: they are not spread again, and the answer and its order stay the same. */

import assert from "node:assert/strict";
import { test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { GPUEngine } from "../../../src/index.ts";
import { ENGINES } from "./harness.ts";

const c = pl.col;
const ROWS = 60;

const keyed = (value: string, rows: number, key: (row: number) => number | null) =>
  pl
    .DataFrame([
      pl.Series(
        "k",
        Array.from({ length: rows }, (_, row) => key(row)),
        pl.Int32,
      ),
      pl.Series(
        value,
        Array.from({ length: rows }, (_, row) => row),
        pl.Int64,
      ),
    ])
    .lazy();
const a = keyed("a", ROWS, (row) => (row % 9 === 0 ? null : (row * 7) % 13));
const b = keyed("b", ROWS, (row) => (row * 5) % 17);
const d = keyed("d", ROWS / 2, (row) => (row * 3) % 11);

/** The types of nodejs-polars know fewer kinds of joins than it has. */
function joined(
  left: LazyDataFrame,
  right: LazyDataFrame,
  how: "inner" | "left" | "right" | "semi" | "anti" | "full" = "left",
): LazyDataFrame {
  const maintainOrder = how === "right" ? "right_left" : "left_right";
  const result: unknown = Reflect.apply(left.join, left, [right, { on: "k", how, maintainOrder }]);
  assert.ok(pl.LazyDataFrame.isLazyDataFrame(result));
  return result;
}

const names = (text: string): number => text.match(/BY HASH/g)?.length ?? 0;
/** Each query with how many times rows are spread by hash. */
const QUERIES: Readonly<Record<string, readonly [LazyDataFrame, number]>> = {
  "joins on one key": [joined(joined(a, b), d), 3],
  "an inner join and a semi join": [joined(joined(a, b, "inner"), d, "semi"), 3],
  "the right side is spread": [joined(d, joined(a, b)), 3],
  "both sides are": [joined(joined(a, d), joined(b, d, "right")), 4],
  "a full join starts anew": [joined(joined(a, b, "full"), d), 4],
  "rows that occur once": [joined(a, b, "inner").unique({ subset: ["k"], keep: "none", maintainOrder: true }), 2],
  "the first of each key, joined": [joined(joined(a, b).unique({ subset: ["k"], keep: "first", maintainOrder: true }), d), 3],
  "the last of each key, joined": [joined(joined(a, b).unique({ subset: ["k"], keep: "last", maintainOrder: true }), d), 3],
  "a window over the key": [joined(a, b).withColumn(c("b").cumSum().over("k").as("running")), 2],
  "other keys are spread again": [joined(a, b).join(d, { leftOn: "b", rightOn: "d", how: "left", maintainOrder: "left_right" }), 4],
};

test("rows are spread as often as they have to be", async () => {
  const gpu = new GPUEngine({ executorOptions: { engine: "tasks", broadcastJoinLimit: 1, maxRowsPerPartition: 7 } });
  const counted: [string, number][] = [];
  for (const [name, [lf]] of Object.entries(QUERIES)) counted.push([name, names((await gpu.physicalPlan(lf)).text)]);
  assert.deepEqual(
    counted,
    Object.entries(QUERIES).map(([name, [, count]]) => [name, count]),
  );
  await gpu.close();
});

for (const engine of ENGINES) {
  for (const maxRowsPerPartition of [4, 7, 25]) {
    test(`${engine}: the same rows in the same order, ${maxRowsPerPartition} of them in a partition`, async () => {
      const gpu = new GPUEngine({ raiseOnFail: true, executorOptions: { engine, broadcastJoinLimit: 1, maxRowsPerPartition } });
      for (const [name, [lf]] of Object.entries(QUERIES))
        assert.equal(frameDifference(await lf.collect(), await lf.collect({ engine: gpu }), {}), null, name);
      await gpu.close();
    });
  }
}

test("a window over the keys of a join in no order of its own goes by the order of its rows", async () => {
  // the smaller table on the left: where any order will do, its rows are looked for
  const small = keyed("s", 120, (row) => (row * 7) % 60);
  const large = keyed("l", 400, (row) => (row * 13) % 60);
  const running = small.join(large, { on: "k" }).withColumns(c("l").cumSum().over("k").as("sum"), c("l").shift(1).over("k").as("before"));
  for (const engine of ENGINES) {
    const gpu = new GPUEngine({ raiseOnFail: true, executorOptions: { engine, broadcastJoinLimit: 1, maxRowsPerPartition: 30 } });
    const rows = (await running.collect({ engine: gpu })).toRecords();
    assert.equal(rows.length, 800);
    const seen = new Map<unknown, { readonly sum: number; readonly last: unknown }>();
    for (const { k, l, sum, before } of rows) {
      const known = seen.get(k) ?? { sum: 0, last: null };
      assert.deepEqual([Number(sum), before], [known.sum + Number(l), known.last], engine);
      seen.set(k, { sum: Number(sum), last: l });
    }
    await gpu.close();
  }
});
