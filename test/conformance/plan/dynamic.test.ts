/** groupByDynamic: windows over integers, dates and datetimes, within groups of every key, with their bounds; what stays on CPU polars. */

import { after, test } from "node:test";
import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";
import { ascendingNumbers, windowsOf, withIndexes } from "./index-series.ts";

after(closeEngines);

const c = pl.col;

/** Ascending numbers with gaps and repetitions from before the epoch on, as integers, days and times of several units. */
function series(rows: number): DataFrame {
  const { numbers, drawn } = ascendingNumbers(11, -300, 12, rows);
  return withIndexes(
    pl.DataFrame([
      pl.Series("i", numbers, pl.Int64),
      pl.Series("g", drawn([3, 1, 2, null, -1]), pl.Int32),
      pl.Series("b", drawn([true, false]), pl.Bool),
      pl.Series("s", drawn(["x", "y"]), pl.String),
      pl.Series(
        "v",
        numbers.map((_, row) => row * 1.5),
        pl.Float64,
      ),
    ]),
  );
}

const frame = series(80);

interface Options {
  readonly indexColumn: string;
  readonly every: string;
  readonly period?: string;
  readonly offset?: string;
  readonly by?: readonly string[];
  readonly closed?: string;
  readonly label?: string;
  readonly startBy?: string;
  readonly includeBoundaries?: boolean;
}

const aggs = (): Expr[] => [pl.len().as("n"), c("v").sum().as("sum"), c("s").last().as("last"), c("v").mean().add(1).as("mean")];

const windows = (rows: DataFrame, options: Options, exprs: readonly Expr[]) => windowsOf(rows, "groupByDynamic", options, exprs);

const grouped = (rows: DataFrame, options: Options) => () => windows(rows, options, aggs());

const check = (options: Options, rows = frame) => assertGpuEqualsCpu(grouped(rows, options), { partitions: [null, 17], rel: 1e-12 });

test("integers", async () => {
  for (const indexColumn of ["i", "i32"]) for (const every of ["1i", "3i", "100i"]) await check({ indexColumn, every, startBy: "window" });
  await check({ indexColumn: "i", every: "7i", offset: "2i", closed: "right" });
  await check({ indexColumn: "i", every: "7i", offset: "-2i", label: "right", includeBoundaries: true });
  await check({ indexColumn: "i", every: "7i", label: "datapoint" });
  await check({ indexColumn: "i", every: "7i", offset: "3i", startBy: "window" });
  await check({ indexColumn: "i32", every: "14i" });
});

test("dates", async () => {
  for (const startBy of ["window", "monday"]) for (const every of ["1d", "1w"]) await check({ indexColumn: "date", every, startBy });
  await check({ indexColumn: "date", every: "3d", startBy: "window", includeBoundaries: true });
  await check({ indexColumn: "date", every: "2w", startBy: "window", label: "right" });
  await check({ indexColumn: "date", every: "1w", offset: "1d", closed: "right" });
  await check({ indexColumn: "date", every: "1w", offset: "-2d" });
});

for (const indexColumn of ["ms", "us", "ns"]) {
  test(`datetimes in ${indexColumn}`, async () => {
    for (const every of ["1h", "45m", "1d", "1w"]) await check({ indexColumn, every, startBy: "window" });
    for (const every of ["2h", "30m", "1d"]) await check({ indexColumn, every });
    await check({ indexColumn, every: "6h", offset: "90m", includeBoundaries: true, closed: "right", label: "right" });
    await check({ indexColumn, every: "1d", offset: "-5h", startBy: "window", label: "datapoint" });
  });
}

test("within groups", async () => {
  await check({ indexColumn: "i", every: "20i", by: ["g"], startBy: "window" });
  await check({ indexColumn: "us", every: "6h", by: ["b", "g"], includeBoundaries: true });
  const sorted = frame.sort(["g", "i"]);
  await check({ indexColumn: "i", every: "20i", by: ["g"], startBy: "window" }, sorted);
});

test("nothing, one row", async () => {
  for (const rows of [frame.head(0), frame.head(1)]) {
    await check({ indexColumn: "us", every: "6h" }, rows);
    await check({ indexColumn: "i", every: "6i", by: ["g"], startBy: "window" }, rows);
  }
});

test("an index that does not ascend", async () => {
  await assertSameError(grouped(frame.reverse(), { indexColumn: "i", every: "3i" }));
  await assertSameError(grouped(frame.reverse(), { indexColumn: "i", every: "3i", by: ["g"] }));
});

test("windows that overlap, have gaps, hold both ends or none", async () => {
  for (const closed of ["left", "right", "both", "none"]) {
    for (const [every, period, offset] of [
      ["2i", "5i", "0i"],
      ["5i", "2i", "1i"],
      ["4i", "4i", "-1i"],
      ["3i", "7i", "8i"],
      ["10i", "25i", "-40i"],
    ] as const)
      for (const by of [[], ["g"]])
        await check({ indexColumn: "i", every, period, offset, closed, by, includeBoundaries: true, startBy: "window" });
    await check({ indexColumn: "us", every: "5h", period: "12h", offset: "-1h", closed, by: ["b", "g"] });
    await check({ indexColumn: "date", every: "3d", period: "1w", closed, label: "right", startBy: "window" });
  }
  await check({ indexColumn: "i", every: "2i", period: "9i", label: "datapoint", startBy: "datapoint" });
});

test("windows that begin with the data", async () => {
  for (const startBy of ["datapoint", "monday"])
    for (const by of [[], ["g"]])
      for (const offset of ["0h", "-7h", "13h"]) {
        await check({ indexColumn: "us", every: "5h", offset, startBy, by });
        await check({ indexColumn: "ms", every: "9h", period: "20h", offset, startBy, by, includeBoundaries: true });
      }
  await check({ indexColumn: "i", every: "5i", startBy: "datapoint" });
  await check({ indexColumn: "date", every: "5d", startBy: "datapoint", by: ["g"] });
});

test("windows of months", async () => {
  const months = series(80).withColumns(
    c("date").cast(pl.Int32).mul(13).cast(pl.Date).as("date"),
    c("us").cast(pl.Int64).mul(500).cast(pl.Datetime("us")).as("us"),
  );
  for (const indexColumn of ["date", "us"])
    for (const every of ["1mo", "1q", "1y", "5mo"])
      for (const closed of ["left", "right"])
        await check({ indexColumn, every, closed, startBy: "window", includeBoundaries: true, by: ["b"] }, months);
  await check({ indexColumn: "date", every: "1mo", startBy: "window", label: "right" }, months);
  await check({ indexColumn: "us", every: "1mo", startBy: "window", label: "datapoint" }, months);
});

test("groups of every key", async () => {
  const long = (n: number): string => "q".repeat(n);
  const texts = [
    "zeta",
    "al",
    "alp",
    "b",
    "",
    null,
    "ä",
    "Z",
    "é",
    long(253),
    long(254),
    long(256),
    long(257),
    long(300),
    long(511),
    long(512),
  ];
  const rows = frame.withColumns(
    pl.Series(
      "text",
      Array.from({ length: frame.height }, (_, i) => texts[(i * 7) % texts.length] ?? null),
      pl.String,
    ),
    pl.Series(
      "x",
      Array.from({ length: frame.height }, (_, i) => [1.5, -0, 0, Number.NaN, Number.NEGATIVE_INFINITY, null, -3][(i * 5) % 7] ?? null),
      pl.Float64,
    ),
    c("g").mul(100).cast(pl.Decimal(10, 2)).as("dec"),
    c("g").cast(pl.Int64).cast(pl.Datetime("us")).as("at"),
  );
  for (const by of [["text"], ["x"], ["dec"], ["at"], ["g", "text"], ["text", "b", "x"]]) {
    await check({ indexColumn: "i", every: "20i", startBy: "window", by }, rows);
    await check({ indexColumn: "i", every: "20i", period: "50i", startBy: "window", by }, rows);
  }
});

test("windows over expressions, and functions of the rows of each", async () => {
  const made = (options: Options) => () =>
    windows(frame, options, [
      c("v").diff(1, "ignore").sum().as("diffs"),
      c("v").filter(c("b")).sum().as("some"),
      c("i").max().minus(c("i").min()).as("span"),
      c("v").sortBy(c("g")).first().as("one"),
      c("s").nUnique().as("kinds"),
    ]);
  for (const options of [
    { indexColumn: "i", every: "9i" },
    { indexColumn: "i", every: "9i", period: "20i", by: ["b"], startBy: "window" },
  ])
    await assertGpuEqualsCpu(made(options), { partitions: [null, 17], rel: 1e-12 });
});

test("extremes of floats stay on CPU polars where windows overlap", async () => {
  const least = (options: Options) => () => windows(frame, options, [c("v").min().as("least"), c("v").max().as("most")]);
  await assertFallsBack(least({ indexColumn: "i", every: "5i", period: "9i" }), /min of floats over windows that overlap/);
  await assertGpuEqualsCpu(least({ indexColumn: "i", every: "5i", period: "3i", startBy: "window" }));
});

test("what stays on CPU polars", async () => {
  for (const [options, reason] of [
    [{ indexColumn: "us", every: "1mo", period: "2mo" }, /windows of months that begin elsewhere, overlap/],
    [{ indexColumn: "us", every: "1mo" }, /windows of months that begin elsewhere/],
    [{ indexColumn: "i", every: "1i", period: "100i" }, /rows that are in up to 100 windows/],
    [{ indexColumn: "i", every: "5i", by: ["cat"] }, /the order of groups by .*Categorical/],
  ] as const)
    await assertFallsBack(grouped(frame.withColumns(c("s").cast(pl.Categorical).as("cat")), options), reason, { order: "any", rel: 1e-12 });
});
