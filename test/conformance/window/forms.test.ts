/** Functions of whole columns that polars computes of another form of the values, and lists where their order counts. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
const frames = [
  { frame: everyDtype(0), partitions: [null] },
  { frame: everyDtype(1), partitions: [null] },
  { frame: everyDtype(40), partitions: [null, 17] },
];

test("what polars computes of another form of the values", async () => {
  for (const { frame, partitions } of frames) {
    const ofThese = (names: readonly string[], make: (e: Expr) => Expr) =>
      assertGpuEqualsCpu(() => frame.lazy().select(names.map((name) => make(c(name)))), { partitions });
    await ofThese(["time", "null"], (e) => e.diff(1, "ignore"));
    await ofThese(["cat", "dec"], (e) => e.peakMax());
    await ofThese(["cat", "dec"], (e) => e.peakMin());
    await ofThese(["time", "cat", "bin", "list", "null"], (e) => e.interpolate());
    await ofThese(["time", "cat"], (e) => e.interpolate("nearest"));
    await ofThese(["dec", "bin"], (e) => e.fillNull("zero"));
    await ofThese(["time", "str"], (e) => e.shiftAndFill(1, 0));
  }
});

test("lists in order", async () => {
  for (const { frame, partitions } of frames) {
    const select = (...exprs: Expr[]) => assertGpuEqualsCpu(() => frame.lazy().select(...exprs), { partitions });
    await select(c("list").sort(), c("list").sort(true, true).as("down"));
    await select(c("list").rank(), c("list").rank("dense", true).as("dense"), c("null").rank().as("null"));
    await select(c("list").isDuplicated(), c("list").isUnique().as("unique"), c("list").isFirstDistinct().as("first"));
    await assertGpuEqualsCpu(() => frame.lazy().select("row", "list").sort(["list", "row"], [true, false]), { partitions });
  }
});

test("equal lists are in polars' own order", async () => {
  await assertFallsBack(() => everyDtype(5).lazy().select(c("list").argSort()), /ArgSort of/);
  await assertFallsBack(() => everyDtype(5).lazy().select(c("list").rank("ordinal")), /Rank of/);
});
