/** Sort: every dtype and order of nulls, several keys, computed keys, stability, and the first rows of a sort. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(40);
const lazy = () => frame.lazy();
const SORTABLE = [
  "i8",
  "i64",
  "u16",
  "u64",
  "f32",
  "f64",
  "bool",
  "date",
  "us",
  "zoned",
  "d_ms",
  "time",
  "str",
  "cat",
  "dec",
  "bin",
  "null",
];

for (const name of SORTABLE) {
  test(`by ${name}, ascending and descending, nulls first and last`, async () => {
    for (const descending of [false, true]) {
      await assertGpuEqualsCpu(() => lazy().select("row", name).sort(pl.col(name), descending, !descending, true), { partitions: [17] });
    }
    await assertGpuEqualsCpu(() => lazy().select("row", name).sort(pl.col(name), false, false, true), { partitions: [null] });
  });
}

test("several keys with flags of their own, ties in row order", async () => {
  const by = [pl.col("k"), pl.col("g"), pl.col("f64")];
  await assertGpuEqualsCpu(() => lazy().sort(by, [true, false, true], [false, true, true], true).select("row", "k", "g", "f64"));
  await assertGpuEqualsCpu(() =>
    lazy()
      .sort([pl.col("bool"), pl.col("k")], [false, true], [true, false], true)
      .select("row", "bool", "k"),
  );
});

test("computed keys, and one key for all flags", async () => {
  await assertGpuEqualsCpu(() =>
    lazy()
      .sort([pl.col("small").abs(), pl.col("str").str.toUpperCase()], true, true, true)
      .select("row", "small", "str"),
  );
});

test("the first and the last rows of a sort", async () => {
  for (const rows of [0, 1, 5, 100]) {
    await assertGpuEqualsCpu(() => lazy().sort("small", false, false, true).head(rows).select("row", "small"));
  }
  await assertGpuEqualsCpu(() =>
    lazy()
      .sort([pl.col("f64"), pl.col("row")], [true, false], [true, true], true)
      .head(7)
      .select("row", "f64"),
  );
  await assertGpuEqualsCpu(() => lazy().sort("small", true, true, true).tail(5).select("row", "small"));
  await assertGpuEqualsCpu(() => lazy().sort("small", true, true, true).slice(3, 6).select("row", "small"));
});

test("a sort without order of ties has the same rows", () =>
  assertGpuEqualsCpu(() => lazy().sort("k").select("k", "row"), { order: "any" }));

test("no rows and one row", async () => {
  for (const rows of [0, 1]) {
    const few = everyDtype(rows);
    await assertGpuEqualsCpu(() => few.lazy().sort([pl.col("f64"), pl.col("str")], [true, false], [true, false], true));
  }
});

test("sorting twice keeps the order of the first sort among equals", () =>
  assertGpuEqualsCpu(() => lazy().sort("small", false, false, true).sort("k", true, true, true).select("row", "small", "k")));

test("lists are sorted, structs by CPU polars", async () => {
  await assertGpuEqualsCpu(() => lazy().sort("list", false, false, true).select("row", "list"));
  await assertFallsBack(() => lazy().sort("struct", false, false, true).select("row"), /a sort by structs/);
});

test("a column that is not there", () => assertSameError(() => lazy().sort("absent")));
