/** Window functions in each other, in aggregates, in filters, under keys and orders. */

import { after, test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { everyDtype, ROWS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
/** Each frame with the partitions that it is tested in: few rows in many, many rows in some. */
const frames = ROWS.map((rows) => ({ frame: everyDtype(rows), partitions: rows > 7 ? [null, 70] : [3] }));

async function ofAll(query: (lf: LazyDataFrame) => LazyDataFrame, options = {}): Promise<void> {
  for (const { frame, partitions } of frames) await assertGpuEqualsCpu(() => query(frame.lazy()), { partitions, ...options });
}

test("functions of functions", async () => {
  await ofAll((lf) => lf.select(c("small").rank("ordinal").cumSum().as("a"), c("small").shift(1).cumMax().as("b")));
  await ofAll((lf) => lf.select(c("small").sub(c("small").shift(1).cumSum()).as("a"), c("small").add(1).shift(1).as("b")));
  await ofAll((lf) => lf.select(c("small").cumSum().over("k").shift(1).as("a")));
});

test("aggregates of functions and functions of what aggregates give", async () => {
  await ofAll((lf) => lf.select(c("small").shift(1).sum().as("s"), c("small").cumSum().max().as("m")));
  await ofAll((lf) => lf.select(c("small"), c("small").diff(1, "ignore").max().as("m")));
  await ofAll((lf) => lf.select(c("small").sub(c("small").min()).cumSum().as("s")));
  await ofAll((lf) => lf.select(c("small").sub(c("small").min()).sum().as("s"), c("small").max().as("m")));
  await ofAll((lf) => lf.select(c("small").sum().over("k").max().as("m")));
});

test("in the aggregates of groups", async () => {
  await ofAll((lf) => lf.groupBy("k").agg(c("small").shift(1).sum().as("s"), c("small").diff(1, "ignore").max().as("d")));
  await ofAll((lf) => lf.groupBy("g").agg(c("small").sub(c("small").min()).sum().as("s"), c("small").cumSum().last().as("l")));
});

test("in filters and added columns", async () => {
  await ofAll((lf) => lf.filter(c("small").gt(c("small").shift(1))));
  await ofAll((lf) => lf.filter(c("g").isFirstDistinct()).withColumns(c("i32").cumMax().as("m"), c("i32").shift(1)));
  await ofAll((lf) => lf.withColumns(c("small").cumCount().as("n")).filter(c("n").gt(2)).select("row", "n"));
});

test("rows of each group as they are", async () => {
  await ofAll((lf) => lf.select(c("small").add(1).over("k").as("a"), c("str").over("g").as("b")));
});

test("keys that are computed, or null, or constant", async () => {
  await ofAll((lf) => lf.select(c("small").cumSum().over(c("small").gt(0)).as("a"), c("i32").shift(1).over("f64").as("b")));
  await ofAll((lf) => lf.select(c("small").reverse().over(pl.lit(1)).as("a")));
});

test("OVER in SQL, with an order", async (t) => {
  const queries = [
    "SELECT row, ROW_NUMBER() OVER (PARTITION BY k ORDER BY row) AS n FROM t",
    "SELECT row, RANK() OVER (PARTITION BY k ORDER BY small2) AS n, DENSE_RANK() OVER (ORDER BY small2) AS d FROM t",
    "SELECT row, LAG(small) OVER (PARTITION BY k ORDER BY row DESC) AS n FROM t",
    "SELECT row, FIRST_VALUE(small) OVER (PARTITION BY k ORDER BY row DESC) AS n FROM t",
    "SELECT row, SUM(small) OVER (PARTITION BY k ORDER BY row) AS n FROM t",
    "SELECT row, SUM(small) OVER () AS n FROM t",
  ];
  for (const query of queries) {
    await t.test(query, async () => {
      for (const { frame, partitions } of frames) {
        const make = () => pl.SQLContext({ t: frame.lazy() }).execute(query) as unknown as LazyDataFrame;
        await assertGpuEqualsCpu(make, { partitions });
      }
    });
  }
});

test("what falls back", async () => {
  const frame = everyDtype(20);
  await assertFallsBack(() => frame.lazy().select(c("small").sum().cumSum().as("a")), /of one value/);
});
