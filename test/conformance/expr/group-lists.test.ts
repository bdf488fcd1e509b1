/** Lists of the rows of groups: bare columns and expressions in a group-by, implode, and slices, filters and orders of them. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype, FIXTURES, INTEGERS, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const partitions = [null, 64];
const c = pl.col;

test("columns of every dtype in a group-by", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .groupBy("k", true)
        .agg(
          ...[...INTEGERS, "f32", "f64", "bool", ...TEMPORALS, "str", "cat", "list", "struct"].map((n) => c(n)),
          c("row").sum().as("sum"),
        ),
    { partitions },
  ));

test("expressions, filters, orders and slices of groups", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .groupBy("k", true)
        .agg(
          c("small").mul(2).as("doubled"),
          c("small").sub(c("small").min()).as("above"),
          c("row").filter(c("small").gt(11)).as("few"),
          c("str").dropNulls().as("present"),
          c("small").sort().as("sorted"),
          c("row").sortBy(["small", "row"], [true, false]).as("by small"),
          c("row").head(2).as("head"),
          c("row").tail(3).as("tail"),
          c("row").slice(-5, 2).as("slice"),
          c("row").sort(true).head(2).as("last two"),
          c("row").cumSum().as("running"),
          c("small").shift(1).as("before"),
        ),
    { partitions },
  ));

test("implode of whole columns, over windows, and beside rows", async () => {
  await assertGpuEqualsCpu(() => frame.lazy().select(c("small").implode(), c("str").implode().as("text"), pl.len().as("n")), {
    partitions,
  });
  await assertGpuEqualsCpu(() => frame.lazy().select(c("row"), c("small").implode().over("k").as("all")), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().filter(c("small").gt(3)).select(c("f64").implode(), c("row").sum().as("sum")), {
    partitions,
  });
});

test("the first and last rows of groups", async () => {
  await assertGpuEqualsCpu(() => frame.lazy().select("k", "row", "str").groupBy("k", true).head(3), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().select("k", "row", "str").groupBy("k", true).tail(2), { partitions });
});

for (const { name, frame: sized } of FIXTURES.filter((f) => f.frame.height < 100))
  test(`over ${name}`, async () => {
    await assertGpuEqualsCpu(
      () =>
        sized
          .lazy()
          .groupBy("g", true)
          .agg(c("small"), c("str").filter(c("bool")).as("kept")),
      { partitions: [null, 3] },
    );
    await assertGpuEqualsCpu(() => sized.lazy().select(c("small").implode()), { partitions: [null, 3] });
  });

test("lists that are not the rows of groups in an order stay with polars", async () => {
  await assertFallsBack(() => frame.lazy().groupBy("k", true).agg(c("small").unique()), /distinct values/, { order: "any" });
});
