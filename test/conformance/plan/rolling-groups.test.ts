/** groupByRolling: a window for each row, over integers, dates and datetimes, within groups, also without rows; what stays on CPU polars. */

import { after, test } from "node:test";
import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";
import { ascendingNumbers, windowsOf, withIndexes } from "./index-series.ts";

after(closeEngines);

const c = pl.col;

/** Ascending numbers with gaps and repetitions from before the epoch on, as integers, days and times. */
function series(rows: number): DataFrame {
  const { numbers, drawn } = ascendingNumbers(17, -100, 7, rows);
  return withIndexes(
    pl.DataFrame([
      pl.Series("i", numbers, pl.Int64),
      pl.Series("g", drawn([3, 1, null, -1]), pl.Int32),
      pl.Series("s", drawn(["x", "yy", "a", null]), pl.String),
      pl.Series("v", drawn([1.5, -2.25, null, 0, Number.NaN, 1e9]), pl.Float64),
      pl.Series("n", drawn([1, 2, null, -7]), pl.Int64),
    ]),
  );
}

const frame = series(60);

interface Options {
  readonly indexColumn: string;
  readonly period: string;
  readonly offset?: string;
  readonly by?: readonly string[];
  readonly closed?: string;
}

const aggs = (): Expr[] => [
  pl.len().as("len"),
  c("v").sum().as("sum"),
  c("s").last().as("last"),
  c("n").mean().add(1).as("mean"),
  c("n").nUnique().as("kinds"),
  c("v").min().as("least"),
];

const windows = (rows: DataFrame, options: Options, exprs: readonly Expr[] = aggs()) => windowsOf(rows, "groupByRolling", options, exprs);

const check = (options: Options, rows = frame) => assertGpuEqualsCpu(() => windows(rows, options), { partitions: [null, 17], rel: 1e-12 });

for (const closed of ["left", "right", "both", "none"]) {
  test(`windows closed ${closed}`, async () => {
    for (const by of [[], ["g"]])
      for (const [period, offset] of [
        ["4i", undefined],
        ["4i", "-2i"],
        ["3i", "0i"],
        ["2i", "5i"],
        ["2i", "-30i"],
      ] as const)
        await check({ indexColumn: "i", period, closed, by, ...(offset === undefined ? {} : { offset }) });
    await check({ indexColumn: "date", period: "1w", closed });
    await check({ indexColumn: "ms", period: "5h", closed, by: ["s"] });
  });
}

test("every index", async () => {
  for (const [indexColumn, period] of [
    ["i32", "7i"],
    ["date", "5d"],
    ["date", "2w"],
    ["ms", "90m"],
    ["ns", "1d12h"],
    ["ns", "3h"],
  ] as const)
    await check({ indexColumn, period });
});

test("months", async () => {
  const months = frame.withColumns(
    c("date").cast(pl.Int32).mul(9).cast(pl.Date).as("date"),
    c("ms").cast(pl.Int64).mul(400).cast(pl.Datetime("ms")).as("ms"),
  );
  for (const indexColumn of ["date", "ms"])
    for (const closed of ["left", "right", "both", "none"]) {
      await check({ indexColumn, period: "1mo", closed }, months);
      await check({ indexColumn, period: "1y", offset: "-2mo", closed, by: ["g"] }, months);
    }
});

test("months that do not lead back to where they came from", async () => {
  const days = [
    18_290, 18_291, 18_292, 18_293, 18_318, 18_319, 18_320, 18_321, 18_322, 18_350, 18_351, 18_352, 18_353, 18_381, 18_382, 18_383,
  ];
  const ends = pl
    .DataFrame([pl.Series("date", days, pl.Int32).cast(pl.Date), pl.Series("v", days, pl.Float64)])
    .withColumns(c("date").cast(pl.Datetime("ms")).as("ms"), c("v").cast(pl.String).as("s"), c("v").cast(pl.Int64).as("n"));
  for (const indexColumn of ["date", "ms"])
    for (const [period, offset] of [
      ["1mo", undefined],
      ["1mo1d", undefined],
      ["1q", "-3mo"],
      ["28d", "-1mo"],
      ["1mo", "-28d"],
      ["1mo", "-30d"],
      ["2mo", "-1mo"],
      ["1mo", "1mo"],
    ] as const)
      for (const closed of ["left", "right", "both", "none"])
        await check({ indexColumn, period, closed, ...(offset === undefined ? {} : { offset }) }, ends);
});

test("groups of texts, and of several keys", async () => {
  for (const by of [["s"], ["g", "s"], ["s", "g"]]) await check({ indexColumn: "i", period: "10i", by });
});

test("functions of the rows of each window", async () => {
  const exprs = () => [
    c("v").fillNan(0).diff(1, "ignore").sum().as("diffs"),
    c("n").filter(c("g").gt(0)).sum().as("some"),
    c("i").max().minus(c("i").min()).as("span"),
    c("n").sortBy(c("g")).first().as("one"),
    c("n").implode().as("list"),
    c("n").median().as("median"),
    c("v").fillNan(1).std().as("std"),
    pl.lit(3).as("three"),
  ];
  for (const options of [
    { indexColumn: "i", period: "9i" },
    { indexColumn: "i", period: "9i", by: ["g"] },
    { indexColumn: "i", period: "3i", closed: "left" },
  ])
    await assertGpuEqualsCpu(() => windows(frame, options, exprs()), { partitions: [null, 17], rel: 1e-12 });
});

test("quantiles between infinities", async () => {
  const infinite = frame.withColumns(
    pl
      .when(c("n").gt(1))
      .then(pl.lit(Number.POSITIVE_INFINITY))
      .when(c("n").lt(0))
      .then(pl.lit(Number.NEGATIVE_INFINITY))
      .otherwise(c("v").fillNan(2))
      .as("v"),
  );
  const exprs = () => [
    c("v").median().as("median"),
    c("v").quantile(0.25, "linear").as("linear"),
    c("v").quantile(0.4, "midpoint").as("midpoint"),
  ];
  for (const by of [[], ["g"]]) await assertGpuEqualsCpu(() => windows(infinite, { indexColumn: "i", period: "9i", by }, exprs()));
});

test("nothing, one row", async () => {
  for (const rows of [frame.head(0), frame.head(1)]) {
    await check({ indexColumn: "i", period: "3i" }, rows);
    await check({ indexColumn: "i", period: "3i", closed: "none", by: ["g"] }, rows);
  }
});

test("an index that does not ascend", async () => {
  await assertSameError(() => windows(frame.reverse(), { indexColumn: "i", period: "3i" }));
  await assertSameError(() => windows(frame.reverse(), { indexColumn: "i", period: "3i", by: ["g"] }));
  const sorted = frame.sort(["g", "i"]);
  await check({ indexColumn: "i", period: "3i", by: ["g"] }, sorted);
});

test("what stays on CPU polars", async () => {
  const rows = frame.withColumns(c("s").cast(pl.Categorical).as("cat"), c("ms").cast(pl.Datetime("us", "Europe/Berlin")).as("zoned"));
  await assertFallsBack(() => windows(rows, { indexColumn: "zoned", period: "3h" }), /groupByRolling over Datetime/, { rel: 1e-12 });
  const small = c("v").cast(pl.Float32);
  const single = [small.sum().as("sum"), small.mean().as("mean"), small.std().as("std"), small.median().as("median")];
  await assertFallsBack(
    () => windows(rows, { indexColumn: "i", period: "3i" }, single),
    /sum of Float32.*mean of Float32.*std of Float32.*quantile of Float32/s,
  );
  await assertFallsBack(() => windows(rows, { indexColumn: "ms", period: "1us" }), /a period or an offset that has no GPU form/);
  await assertFallsBack(() => windows(rows, { indexColumn: "i", period: "3i", by: ["cat"] }), /the order of groups by .*Categorical/, {
    rel: 1e-12,
  });
});
