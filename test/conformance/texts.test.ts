/** Texts that hardly repeat, whose codes are row numbers until they have to be compared: grouped, joined, put together, sorted. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { assertGpuEqualsCpu, closeEngines } from "./harness.ts";

after(closeEngines);

const ROWS = 900;
/** Some of a few hundred rows again, some null, some empty, texts of one form that differ at their ends. */
const text = (i: number, step: number): string | null =>
  i % 41 === 0 ? null : i % 97 === 0 ? "" : `text ${((i % 700) * step) % 7919} of some length ü`;
const frame = (step: number, shift: number) =>
  pl.DataFrame({
    row: pl.Series(
      "row",
      Array.from({ length: ROWS }, (_, i) => i),
      pl.Int64,
    ),
    a: pl.Series(
      "a",
      Array.from({ length: ROWS }, (_, i) => text(i + shift, step)),
      pl.String,
    ),
    b: pl.Series(
      "b",
      Array.from({ length: ROWS }, (_, i) => text(2 * i + shift, 31)),
      pl.String,
    ),
  });
const left = frame(17, 0);
const right = frame(17, 300);
const partitions = [null, 100, 7 * ROWS];

test("groups by several of them", async () => {
  await assertGpuEqualsCpu(() => left.lazy().groupBy(["a", "b"], true).agg(pl.len().alias("n"), pl.col("row").sum().alias("s")), {
    partitions,
  });
  await assertGpuEqualsCpu(() => left.lazy().groupBy("a", true).agg(pl.col("b").min().alias("least"), pl.col("b").nUnique().alias("n")), {
    partitions,
  });
  await assertGpuEqualsCpu(() => left.lazy().unique({ subset: ["a", "b"], keep: "first", maintainOrder: true }), { partitions });
});

test("joins", async () => {
  for (const how of ["inner", "left", "semi", "anti"] as const)
    await assertGpuEqualsCpu(() => left.lazy().join(right.lazy(), { on: "a", how }).sort(["row", "b"]), { partitions, order: "any" });
  await assertGpuEqualsCpu(() => left.lazy().join(right.lazy(), { on: ["a", "b"], how: "full" }), { partitions, order: "any" });
});

test("put together, compared, and sorted afterwards", async () => {
  const both = () => pl.concat([left.lazy(), right.lazy()]);
  await assertGpuEqualsCpu(() => both().groupBy("a", true).agg(pl.col("row").max().alias("m")).sort("a"), { partitions });
  await assertGpuEqualsCpu(() => both().sort(["b", "a", "row"]), { partitions });
  await assertGpuEqualsCpu(
    () => left.lazy().select("row", pl.col("a").eq(pl.col("b")).alias("same"), pl.col("a").lt(pl.col("b")).alias("less")),
    {
      partitions,
    },
  );
  await assertGpuEqualsCpu(
    () => left.lazy().withColumns(pl.col("row").sum().over("a", "b").alias("w"), pl.col("a").rank("dense").alias("r")),
    {
      partitions,
    },
  );
});
