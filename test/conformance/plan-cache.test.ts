/** Plans are remembered by their text: whatever decides the answer must be in it. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { assertGpuEqualsCpu, closeEngines } from "./harness.ts";

after(closeEngines);

const frame = pl.DataFrame({ a: [1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, null] });
const equal = (x: number) => frame.lazy().filter(pl.col("a").eq(pl.lit(x)));

test("queries that differ in a float that JSON cannot hold", async () => {
  for (const x of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) await assertGpuEqualsCpu(() => equal(x));
  await assertGpuEqualsCpu(() => pl.concat([equal(Number.NaN), equal(Number.POSITIVE_INFINITY), equal(Number.NEGATIVE_INFINITY)]));
});

test("the same query over frames with other columns", async () => {
  for (const dtype of [pl.Int64, pl.Float32, pl.Utf8])
    await assertGpuEqualsCpu(() =>
      pl
        .DataFrame({ a: [1, 2, 2, null] })
        .withColumns(pl.col("a").cast(dtype))
        .lazy()
        .groupBy("a")
        .agg(pl.col("a").count().as("n")),
    );
});

test("a frame that was changed in place after a query", async () => {
  const changing = pl.DataFrame({ a: [1, 2, 3] });
  await assertGpuEqualsCpu(() => changing.lazy().select(pl.col("a").sum()));
  changing.extend(pl.DataFrame({ a: [10] }));
  await assertGpuEqualsCpu(() => changing.lazy().select(pl.col("a").sum()));
});
