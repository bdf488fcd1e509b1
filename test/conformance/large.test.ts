/** Tables larger than one binding: sorts, joins, distinct and group-bys work in partitions, with a binding so small that little data is large. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { assertGpuEqualsCpu, type ComparisonOptions, closeEngines } from "./harness.ts";

after(closeEngines);

const rows = 20_000;
const small: ComparisonOptions = { engine: { maxBindingBytes: 262_144 }, partitions: [null] };
const unordered: ComparisonOptions = { ...small, order: "any" };

let state = 7;
const random = (): number => {
  state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
  return state / 2 ** 31;
};
const integers = (length: number, below: number, nulls: number) =>
  Array.from({ length }, () => (random() < nulls ? null : Math.floor(random() * below)));

const left = pl.DataFrame({
  a: integers(rows, 5000, 0.05),
  b: Array.from({ length: rows }, () => random() * 10),
  s: Array.from({ length: rows }, () => `s${Math.floor(random() * 30)}`),
  i: Array.from({ length: rows }, (_, i) => i),
});
const right = pl.DataFrame({ a: integers(9000, 6000, 0.02), z: Array.from({ length: 9000 }, (_, i) => i) });

test("filter and projection", () =>
  assertGpuEqualsCpu(
    () =>
      left
        .lazy()
        .filter(pl.col("b").gt(5))
        .select("i", pl.col("a").add(pl.col("b"))),
    small,
  ));

test("sorts over split points, nulls first and last, descending, ties", async () => {
  await assertGpuEqualsCpu(
    () =>
      left.lazy().sort({ by: [pl.col("s"), pl.col("a"), pl.col("i")], descending: [false, true, false], nullsLast: [true, false, true] }),
    small,
  );
  await assertGpuEqualsCpu(() => left.lazy().sort({ by: ["a"], maintainOrder: true }), small);
  await assertGpuEqualsCpu(
    () =>
      left
        .lazy()
        .withColumns(pl.lit(1).as("one"))
        .sort({ by: ["one"], maintainOrder: true }),
    small,
  );
  await assertGpuEqualsCpu(
    () =>
      left
        .lazy()
        .sort({ by: ["s", "i"], descending: [true, false] })
        .head(50),
    small,
  );
});

for (const keep of ["first", "last", "none"] as const)
  test(`unique keeps ${keep}`, () => assertGpuEqualsCpu(() => left.lazy().unique({ subset: ["a"], keep, maintainOrder: true }), small));

test("unique of filtered rows", () =>
  assertGpuEqualsCpu(
    () =>
      left
        .lazy()
        .filter(pl.col("b").gt(3))
        .unique({ subset: ["a"], keep: "first", maintainOrder: true }),
    small,
  ));

for (const how of ["inner", "left", "full", "semi", "anti"] as const)
  test(`${how} join with a build side of several partitions`, () =>
    assertGpuEqualsCpu(() => left.lazy().join(right.lazy(), { on: "a", how }), unordered));

for (const how of ["inner", "left", "full", "semi", "anti"] as const)
  test(`${how} join of filtered sides of which the build side has several partitions without its filter`, () =>
    assertGpuEqualsCpu(
      () =>
        left
          .lazy()
          .filter(pl.col("b").gt(7))
          .join(right.lazy().filter(pl.col("z").lt(2000)), { on: "a", how }),
      unordered,
    ));

test("a join on equal nulls", () =>
  assertGpuEqualsCpu(() => left.lazy().join(right.lazy().head(6000), { on: "a", how: "left", nullsEqual: true }), unordered));

test("few groups over many batches, and more groups than one binding holds, in order of first appearance", async () => {
  await assertGpuEqualsCpu(
    () => left.lazy().groupBy("s").agg(pl.col("a").max(), pl.col("i").count().as("n"), pl.col("a").nUnique().as("u")),
    small,
  );
  await assertGpuEqualsCpu(() => left.lazy().filter(pl.col("b").gt(1)).groupBy("i").agg(pl.col("a").max(), pl.col("b").sum()), small);
});

test("more rows than one sort by group takes", () =>
  assertGpuEqualsCpu(
    () =>
      left
        .lazy()
        .groupBy("s")
        .agg(
          pl.col("b").median().as("median"),
          pl.col("i").sortBy("b").first().as("least"),
          pl.col("b").argMax().as("most"),
          pl.col("i").filter(pl.col("a").gt(4000)).tail(3).as("last"),
        ),
    unordered,
  ));
