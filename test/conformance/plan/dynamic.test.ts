/** groupByDynamic: windows of fixed length over integers, dates and datetimes, within groups, with their bounds; what stays on CPU polars. */

import { after, test } from "node:test";
import pl, { type DataFrame, type Expr } from "nodejs-polars";
import { random } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;

/** Ascending numbers with gaps and repetitions from before the epoch on, as integers, days and times of several units. */
function series(rows: number): DataFrame {
  const next = random(11);
  let at = -300;
  const numbers = Array.from({ length: rows }, () => {
    at += Math.floor(next() * 3) * Math.floor(next() * 12);
    return at;
  });
  const drawn = <T>(values: readonly T[]): T[] =>
    numbers.map(() => values[Math.floor(next() * values.length)] ?? values[0]).filter((v) => v !== undefined);
  return pl
    .DataFrame([
      pl.Series("i", numbers, pl.Int64),
      pl.Series("g", drawn([3, 1, 2, null, -1]), pl.Int32),
      pl.Series("b", drawn([true, false]), pl.Bool),
      pl.Series("s", drawn(["x", "y"]), pl.String),
      pl.Series(
        "v",
        numbers.map((_, row) => row * 1.5),
        pl.Float64,
      ),
    ])
    .withColumns(
      c("i").cast(pl.Int32).as("i32"),
      c("i").cast(pl.Int32).cast(pl.Date).as("date"),
      c("i").mul(1_800_000).cast(pl.Int64).cast(pl.Datetime("ms")).as("ms"),
      c("i").mul(1_800_000_000).cast(pl.Int64).cast(pl.Datetime("us")).as("us"),
      c("i").mul(1_800_000_000_000).cast(pl.Int64).cast(pl.Datetime("ns", "UTC")).as("ns"),
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

const grouped = (rows: DataFrame, options: Options) => () => {
  const groups: unknown = Reflect.apply(rows.lazy().groupByDynamic, null, [options]);
  if (typeof groups !== "object" || groups === null || !("agg" in groups) || typeof groups.agg !== "function") throw new Error("no groups");
  const lazy: unknown = groups.agg(...aggs());
  if (!pl.LazyDataFrame.isLazyDataFrame(lazy)) throw new Error("not a lazy frame");
  return lazy;
};

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

test("what stays on CPU polars", async () => {
  for (const [options, reason] of [
    [{ indexColumn: "us", every: "1mo" }, /overlap, have gaps or are not of fixed length/],
    [{ indexColumn: "us", every: "1h", period: "2h" }, /overlap/],
    [{ indexColumn: "us", every: "5h" }, /bounds depend on the data/],
    [{ indexColumn: "i", every: "5i", startBy: "datapoint" }, /bounds depend on the data/],
    [{ indexColumn: "i", every: "5i", by: ["s"] }, /within groups of String/],
    [{ indexColumn: "i", every: "5i", closed: "both" }, /bounds depend/],
  ] as const)
    await assertFallsBack(grouped(frame, options), reason, { order: "any", rel: 1e-12 });
});
