/** Select, withColumns, filter, rename, drop, row index, fillNan, dropNulls: nodes that work row by row. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(40);
const lazy = () => frame.lazy();
const few = () => frame.lazy().select("row", "small", "bool", "bool2", "str");
const c = pl.col;
const PARTITIONS = [null, 17] as const;

test("every dtype passes through unchanged", async () => {
  for (const { frame: fixture, partition } of FIXTURES) await assertGpuEqualsCpu(() => fixture.lazy(), { partitions: [null, partition] });
});

test("columns chosen, repeated under other names, put in another order", () =>
  assertGpuEqualsCpu(
    () =>
      lazy().select("str", "row", c("row").as("again"), c("i64"), c("i8").nullCount().as("n")).select("again", "n", "str", "row", "i64"),
    { partitions: PARTITIONS },
  ));

test("columns replaced by expressions of themselves and of one another", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .select("row", "small", "small2")
        .withColumns(c("small").plus(c("small2")).as("small"), c("small").minus(c("small2")).as("small2"))
        .withColumns(c("small").mul(c("small2")).as("product"), pl.lit("text").as("constant"), pl.lit(null).cast(pl.Int64).as("nothing")),
    { partitions: PARTITIONS },
  ));

test("filters: nulls are dropped, several filters, nothing stays, everything stays", async () => {
  await assertGpuEqualsCpu(() => few().filter(c("bool")), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => few().filter(c("small").gt(0)).filter(c("bool2").not()).filter(c("str").isNotNull()), {
    partitions: PARTITIONS,
  });
  await assertGpuEqualsCpu(() => few().filter(c("row").lt(0)), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => few().filter(c("row").gtEq(0)), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(
    () =>
      few()
        .filter(pl.lit(true))
        .filter(c("small").eq(c("small").max())),
    { partitions: PARTITIONS },
  );
});

test("rename, swapping names too; drop", async () => {
  await assertGpuEqualsCpu(() => lazy().rename({ row: "i64", i64: "row", str: "text" }).select("row", "i64", "text"), {
    partitions: PARTITIONS,
  });
  await assertGpuEqualsCpu(() => lazy().drop("str", "list").withColumnRenamed("row", "number"), { partitions: [3] });
});

test("row index: from an offset, above filters and slices, over partitions", async () => {
  await assertGpuEqualsCpu(() => lazy().select("str").withRowIndex("index", 5), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => lazy().select("bool", "row").filter(c("bool")).withRowIndex().slice(2, 5), { partitions: PARTITIONS });
});

test("fillNan and dropNulls", async () => {
  await assertGpuEqualsCpu(() => lazy().select("f32", "f64", "i8").fillNan(2.5), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => lazy().select("row", "i8", "str", "bool").dropNulls(), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => lazy().select("row", "i8", "list", "bool").dropNulls("list"), { partitions: PARTITIONS });
});

test("a frame without columns", async () => {
  await assertGpuEqualsCpu(() => lazy().select("row").drop("row"));
  await assertGpuEqualsCpu(() => lazy().select("row").drop("row").select(pl.len().as("n")));
  await assertGpuEqualsCpu(() => lazy().select("row").drop("row").groupBy(pl.lit(1).as("one")).agg(pl.len().as("n")));
  await assertGpuEqualsCpu(() => lazy().select("row").drop("row").withRowIndex("n"));
  await assertFallsBack(() => lazy().select("row").drop("row").withColumns(pl.lit(1).as("one")), /frame without columns/);
  await assertGpuEqualsCpu(() => lazy().filter(c("small").gt(0)).select(pl.len().as("n")), { partitions: PARTITIONS });
});

test("errors of polars", async () => {
  await assertSameError(() => lazy().select("absent"));
  await assertSameError(() => lazy().select(c("row"), c("i64").as("row")));
  await assertSameError(() => lazy().filter(c("row")));
  await assertSameError(() => lazy().drop("absent"));
  await assertSameError(() => lazy().rename({ absent: "x" }));
  await assertSameError(() => lazy().select(c("str").plus(c("row"))));
});
