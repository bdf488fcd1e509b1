/** Aggregates of filtered, sorted and distinct rows, aggregates inside aggregates, positions of extremes, moments and bounds. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES, INTEGERS, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const partitions = [64];
const c = pl.col;
const tidy = frame.select(
  "k",
  "g",
  "row",
  "bool",
  "small",
  "small2",
  c("small").mul(0.37).as("x"),
  c("small2").div(3).add(c("row")).as("y"),
);

/** In the whole frame, in groups, and over windows. */
async function everywhere(
  make: () => readonly Expr[],
  options: { readonly rel?: number; readonly anyZero?: boolean; readonly of?: typeof frame } = {},
) {
  const { of = frame, ...rest } = options;
  const exprs = make();
  const over = exprs.map((e) => e.over("g"));
  await assertGpuEqualsCpu(() => of.lazy().select(...exprs), { partitions, ...rest });
  await assertGpuEqualsCpu(
    () =>
      of
        .lazy()
        .groupBy("k", true)
        .agg(...exprs),
    { partitions, ...rest },
  );
  await assertGpuEqualsCpu(() => of.lazy().select(...over), { partitions, ...rest });
}

test("rows that a filter keeps", () =>
  everywhere(
    () => {
      const kept = (name: string) => c(name).filter(c("small2").gt(2));
      return [
        ...["small", "str", "f64", "us"].flatMap((n) => [
          kept(n).first().as(`${n} first`),
          kept(n).last().as(`${n} last`),
          kept(n).count().as(`${n} count`),
        ]),
        kept("small").nUnique().as("distinct"),
        kept("small").nullCount().as("nulls"),
        kept("bool").any().as("any"),
        kept("i64").max().as("max"),
      ];
    },
    { anyZero: true },
  ));

test("rows without nulls or NaN, and distinct rows", () =>
  everywhere(
    () => [
      c("small").dropNulls().first().as("a"),
      c("str").dropNulls().nullCount().as("b"),
      c("f64").dropNans().count().as("c"),
      c("f64").dropNans().nullCount().as("d"),
      c("f64").dropNans().max().as("e"),
      c("str").unique().count().as("f"),
      c("small").unique().nUnique().as("g"),
      c("small").dropNulls().nUnique().as("h"),
      c("g").dropNulls().last().as("i"),
    ],
    { anyZero: true },
  ));

test("the first and last of sorted rows", () =>
  everywhere(() => [
    c("small").sortBy("row").first().as("a"),
    c("str").sortBy(c("i64"), true).first().as("b"),
    c("row").sortBy(["small", "row"], [true, false]).last().as("c"),
    c("i32").sort().first().as("d"),
    c("i32").sort({ descending: true, nullsLast: true }).first().as("e"),
    c("str").sort().last().as("f"),
    c("row")
      .sortBy([c("str"), c("row")])
      .first()
      .as("g"),
    c("us").dropNulls().sort().first().as("h"),
  ]));

test("where the extremes stand", async () => {
  const names = [...INTEGERS, "f32", "f64", "bool", "dec", ...TEMPORALS];
  for (const part of [names.slice(0, 10), names.slice(10)])
    await everywhere(() => part.flatMap((n) => [c(n).argMin().as(`${n} min`), c(n).argMax().as(`${n} max`)]));
  await everywhere(() => [c("str").argMin().as("text"), c("small").filter(c("bool")).argMax().as("kept")]);
});

test("any and all with nulls that decide", () =>
  everywhere(() => [
    c("bool").any(false).as("any"),
    c("bool").all(false).as("all"),
    c("small").gt(100).any(false).as("none"),
    c("small").isNotNull().all(false).as("every"),
    c("small").gt(-100).all(false).as("but nulls"),
  ]));

test("aggregates inside aggregates are those of the group", () =>
  everywhere(
    () => [
      c("small").sub(c("small").min()).sum().as("a"),
      c("x").sub(c("x").mean()).abs().max().as("b"),
      c("small")
        .filter(c("small").gt(c("small").mean()))
        .count()
        .as("c"),
      c("row")
        .filter(c("small").eq(c("small").max()))
        .first()
        .as("d"),
      c("row")
        .sortBy([
          c("small")
            .sub(c("small").max().sub(c("small").min()))
            .abs(),
          c("row"),
        ])
        .first()
        .as("e"),
    ],
    { of: tidy, rel: 1e-12 },
  ));

test("skewness and kurtosis", () =>
  everywhere(
    () => [c("x").skew().as("a"), c("small").skew(false).as("b"), c("y").kurtosis().as("c"), c("small").kurtosis(false, false).as("d")],
    { of: tidy, rel: 1e-12 },
  ));

test("covariance and correlation", () =>
  everywhere(() => [pl.cov("x", "y").as("cov"), pl.pearsonCorr("small", "row").as("corr")], {
    of: tidy,
    rel: 1e-12,
  }));

test("bounds of dtypes", () =>
  everywhere(() =>
    [...INTEGERS, "f32", "f64", "date", "us"].flatMap((n) => [c(n).lowerBound().as(`${n} l`), c(n).upperBound().as(`${n} u`)]),
  ));

test("extremes of coded values", () =>
  everywhere(() => ["str", "cat", "dec", "bin"].flatMap((n) => [c(n).min().as(`${n} l`), c(n).max().as(`${n} u`)])));

for (const { name, frame: sized } of FIXTURES.filter((f) => f.frame.height < 100))
  test(`over ${name}`, () =>
    assertGpuEqualsCpu(
      () =>
        sized
          .lazy()
          .select(
            c("small").filter(c("bool")).first().as("a"),
            c("str").sortBy("row").last().as("b"),
            c("f64").argMax().as("c"),
            c("small").skew().as("d"),
            c("small").kurtosis(true, false).as("e"),
            pl.cov("small", "small2").as("f"),
            c("bool").any(false).as("g"),
            c("str").unique().count().as("h"),
            c("cat").max().as("i"),
            c("small").sub(c("small").mean()).max().as("j"),
          ),
      { partitions: [null, 3], rel: 1e-12 },
    ));

test("what the device cannot do as polars does", async () => {
  await assertFallsBack(() => frame.lazy().select(c("str").argMax()), /ArgMax of String/);
  await assertFallsBack(() => frame.lazy().select(c("small").unique().sum()), /of distinct values/);
});
