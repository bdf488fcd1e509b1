/** Slice, head and tail: offsets from both ends, over the borders of partitions, beyond the rows. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(40).select("row", "bool", "i64", "str", "f32", "list");
const lazy = () => frame.lazy();
const PARTITIONS = [null, 1, 3] as const;

test("offsets and lengths from both ends", async () => {
  const pairs = [
    [0, 0],
    [0, 5],
    [2, 3],
    [31, 2],
    [39, 1],
    [38, 9],
    [40, 3],
    [50, 3],
    [0, 1000],
    [-1, 1],
    [-5, 2],
    [-5, 100],
    [-40, 3],
    [-41, 3],
    [-100, 70],
  ] as const;
  for (const [offset, length] of pairs) {
    await assertGpuEqualsCpu(() => lazy().slice(offset, length), { partitions: PARTITIONS });
  }
});

test("head, tail and limit", async () => {
  for (const rows of [0, 1, 33, 40, 99]) {
    await assertGpuEqualsCpu(() => pl.concat([lazy().head(rows), lazy().tail(rows), lazy().limit(rows)]), { partitions: PARTITIONS });
  }
});

test("slices of slices, and below and above a filter", async () => {
  await assertGpuEqualsCpu(() => lazy().slice(3, 30).slice(-20, 15).head(9).tail(4), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => lazy().slice(5, 20).filter(pl.col("bool").isNotNull()).slice(2, 9), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .filter(pl.col("i64").gt(pl.lit(0).cast(pl.Int64)))
        .tail(5),
    { partitions: PARTITIONS },
  );
});

test("of nothing", async () => {
  const none = everyDtype(0).select("row", "str");
  for (const [offset, length] of [
    [0, 5],
    [-3, 2],
    [4, 4],
  ] as const)
    await assertGpuEqualsCpu(() => none.lazy().slice(offset, length));
});
