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

/** Enough texts that it is worth finding out whether the other keys tell the groups apart without them. */
const MANY = 60_000;
const numbers = (name: string, of: (i: number) => number) =>
  pl.Series(
    name,
    Array.from({ length: MANY }, (_, i) => of(i)),
    pl.Int32,
  );
const many = pl.DataFrame({
  id: numbers("id", (i) => i),
  half: numbers("half", (i) => i >> 1),
  few: numbers("few", (i) => i % 50),
  a: pl.Series(
    "a",
    Array.from({ length: MANY }, (_, i) => (i % 1000 === 7 ? null : `name ${(i >> 1) % 15_000}`)),
    pl.String,
  ),
  b: pl.Series(
    "b",
    Array.from({ length: MANY }, (_, i) => `street ${(i * 7919) % 35_000}`),
    pl.String,
  ),
});

test("groups of many texts, which the other keys tell apart, or do not", async () => {
  const twice = () =>
    many
      .lazy()
      .join(pl.DataFrame({ few: numbers("few", (i) => i).head(30), x: numbers("x", (i) => i % 3).head(30) }).lazy(), { on: "few" });
  const doubled = () => pl.concat([twice(), twice().filter(pl.col("few").lt(20))]);
  for (const keys of [
    ["id", "a", "b"],
    ["half", "a"],
    ["few", "a"],
    ["a", "few", "b"],
    ["a", "b"],
  ])
    for (const rows of [twice, doubled])
      await assertGpuEqualsCpu(() => rows().groupBy(keys, true).agg(pl.len().alias("n"), pl.col("x").sum().alias("s")), {
        order: "any",
        partitions: [null, 50_000],
      });
});
