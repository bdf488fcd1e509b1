/** Group-by: every aggregate over every dtype, keys of every kind, order of groups, expressions inside and around aggregates. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, INTEGERS, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const lazy = () => frame.lazy();
const PARTITIONS = [null, 64] as const;
const CODED = ["str", "cat", "dec", "bin", "list", "null"];
const c = pl.col;

test("counts, first, last and distinct values of every dtype", async () => {
  const names = [...INTEGERS, "f32", "f64", "bool", ...TEMPORALS, "str", "cat", "dec", "bin"];
  const aggregates: readonly ((name: string) => Expr)[] = [
    (n) => c(n).count().as(`${n} count`),
    (n) => c(n).nullCount().as(`${n} nulls`),
    (n) => c(n).first().as(`${n} first`),
    (n) => c(n).last().as(`${n} last`),
  ];
  for (const half of [names.slice(0, 12), names.slice(12)]) {
    await assertGpuEqualsCpu(
      () =>
        lazy()
          .groupBy("k", true)
          .agg(...half.flatMap((n) => aggregates.map((f) => f(n)))),
      { partitions: PARTITIONS },
    );
  }
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy("k", true)
        .agg(...["i8", "f64", "bool", "us", "str", "cat", "dec"].map((n) => c(n).nUnique())),
    { partitions: PARTITIONS },
  );
});

test("lists and structs: first, last, count", () =>
  assertGpuEqualsCpu(() =>
    lazy()
      .groupBy("k", true)
      .agg(c("list").first().as("a"), c("list").last().as("b"), c("struct").first().as("c"), c("list").count().as("d")),
  ));

test("sum, min and max of integers, floats, booleans and points in time", async () => {
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy("k", true)
        .agg(...INTEGERS.flatMap((n) => [c(n).sum().as(`${n} sum`), c(n).min().as(`${n} min`), c(n).max().as(`${n} max`)])),
    { partitions: PARTITIONS },
  );
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy("k", true)
        .agg(
          ...["f32", "f64", "bool", ...TEMPORALS, "str"].flatMap((n) => [c(n).min().as(`${n} min`), c(n).max().as(`${n} max`)]),
          ...["bool", "d_ms", "d_us", "d_ns"].map((n) => c(n).sum().as(`${n} sum`)),
        ),
    { partitions: PARTITIONS, anyZero: true },
  );
});

test("mean, variance and standard deviation", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy("k", true)
        .agg(
          ...["small", "i8", "u16", "bool"].flatMap((n) => [c(n).mean().as(`${n} mean`)]),
          c("small").std().as("s"),
          c("small2").var().as("v"),
          c("small").sum().as("t"),
        ),
    { partitions: PARTITIONS, rel: 1e-12 },
  ));

test("float sums with NaN and infinities, and without", async () => {
  await assertGpuEqualsCpu(() => lazy().groupBy("k", true).agg(c("f64").sum().as("s"), c("f64").mean().as("m")), {
    rel: 1e-12,
    partitions: PARTITIONS,
  });
  await assertGpuEqualsCpu(
    () =>
      lazy().groupBy("k", true).agg(c("small").cast(pl.Float64).div(4).sum().as("s"), c("small").cast(pl.Float64).div(8).mean().as("m")),
    { rel: 1e-12, partitions: PARTITIONS },
  );
});

for (const key of ["i8", "u64", "f32", "f64", "bool", "date", "us", "zoned", "d_ns", "time", "str", "cat", "dec", "bin", "null"]) {
  test(`a key of dtype ${key}, nulls being a group`, () =>
    assertGpuEqualsCpu(() => lazy().groupBy(key, true).agg(pl.len().as("n"), c("row").first().as("first"), c("row").sum().as("rows")), {
      partitions: [64],
      anyZero: true,
    }));
}

test("several keys, computed keys", async () => {
  await assertGpuEqualsCpu(() => lazy().groupBy(["k", "g"], true).agg(c("row").min().as("a"), pl.len().as("n")), {
    partitions: PARTITIONS,
  });
  await assertGpuEqualsCpu(() => lazy().groupBy(["k", "bool", "str"], true).agg(c("row").max().as("a"), c("small").sum().as("s")), {
    partitions: PARTITIONS,
  });
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy([c("small").gt(0).as("positive"), c("str").str.slice(0, 1).as("letter"), c("date").dt.year().modulo(4).as("y")], true)
        .agg(pl.len().as("n")),
    { partitions: PARTITIONS },
  );
});

test("zeros of both signs are one group, NaNs are one group", () => {
  const floats = pl.DataFrame({ x: [0, -0, Number.NaN, 0 / 0, -Number.NaN, 1, -0, null], row: [0, 1, 2, 3, 4, 5, 6, 7] });
  return assertGpuEqualsCpu(() => floats.lazy().groupBy("x", true).agg(pl.len().as("n"), c("row").last().as("last")), { anyZero: true });
});

test("expressions inside and around aggregates", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy("k", true)
        .agg(
          c("small").plus(c("small2")).sum().as("inside"),
          c("small").sum().plus(c("small2").max()).as("around"),
          c("small").max().minus(c("small").min()).mul(2).as("range"),
          c("small").filter(c("bool")).sum().as("filtered"),
          pl.when(c("bool")).then(c("small")).otherwise(pl.lit(0).cast(pl.Int64)).max().as("when"),
          c("str").str.lengths().max().as("letters"),
          c("bool").and(c("bool2")).sum().as("both"),
          pl.len().cast(pl.Float64).div(2).as("half"),
          c("small").isNull().any().as("any"),
          c("small").isNull().all().as("all"),
        ),
    { partitions: PARTITIONS },
  ));

test("groups in any order have the same rows", () =>
  assertGpuEqualsCpu(() => lazy().groupBy(["g", "k"], false).agg(c("row").sum().as("s")), { order: "any", partitions: PARTITIONS }));

test("every row a group, one group, nothing", async () => {
  await assertGpuEqualsCpu(
    () => lazy().groupBy("row", true).agg(c("i64").sum().as("s"), c("str").first().as("f"), c("f64").max().as("m")),
    { partitions: PARTITIONS },
  );
  await assertGpuEqualsCpu(() => lazy().groupBy(pl.lit(1).as("one"), true).agg(c("row").sum().as("s")));
  const none = everyDtype(0);
  await assertGpuEqualsCpu(() =>
    none
      .lazy()
      .groupBy([pl.lit(1).as("one"), pl.lit("x").as("x")], true)
      .agg(c("row").sum().as("s"), c("row").first().as("f"), pl.len().as("n")),
  );
  await assertGpuEqualsCpu(() =>
    none
      .lazy()
      .groupBy(["k", "str"], true)
      .agg(c("i64").sum().as("s"), c("str").first().as("f"), c("cat").last().as("l"), c("f64").nUnique().as("u")),
  );
});

test("groups of nulls only", () => {
  const nulls = pl.DataFrame([
    pl.Series("k", [1, 1, 2, null], pl.Int32),
    pl.Series("v", [null, null, 3, null], pl.Float64),
    pl.Series("b", [null, null, true, null], pl.Bool),
  ]);
  return assertGpuEqualsCpu(() =>
    nulls
      .lazy()
      .groupBy("k", true)
      .agg(
        c("v").sum().as("s"),
        c("v").mean().as("m"),
        c("v").min().as("l"),
        c("v").std().as("d"),
        c("v").nUnique().as("u"),
        c("b").any().as("any"),
        c("b").all().as("all"),
        c("v").count().as("c"),
      ),
  );
});

test("a filter and a projection below, a filter and a sort above", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .filter(c("bool").or(c("small").gt(0)))
        .withColumns(c("small").mul(2).as("twice"))
        .groupBy("k", true)
        .agg(c("twice").sum().as("s"), pl.len().as("n"))
        .filter(c("n").gt(1))
        .sort("s", true, true, true),
    { partitions: PARTITIONS },
  ));

test("aggregates that make lists of distinct values run on CPU polars", () =>
  assertFallsBack(() => lazy().groupBy("k", true).agg(c("small").unique(), c("small").sum().as("s")), /distinct values/, { order: "any" }));

test("the coded columns as keys of one grouping", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy(
          CODED.filter((n) => n !== "list"),
          true,
        )
        .agg(pl.len().as("n")),
    { partitions: [64] },
  ));

test("errors of polars", async () => {
  await assertSameError(() => lazy().groupBy("absent").agg(pl.len()));
  await assertSameError(() => lazy().groupBy("k").agg(c("absent").sum()));
  await assertSameError(() => lazy().groupBy("k").agg(c("small").sum().as("x"), c("small").max().as("x")));
});
