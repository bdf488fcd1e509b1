/** Medians and quantiles: every method, every dtype that has an order of numbers, whole frames and groups, nulls and NaN. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES, FLOATS, INTEGERS, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const partitions = [64];
const c = pl.col;
const METHODS = ["nearest", "lower", "higher", "midpoint", "linear"] as const;
const NUMBERS = [...INTEGERS, ...FLOATS, "small"] as const;

const methods = (names: readonly string[], fraction: number): Expr[] =>
  names.flatMap((n) => METHODS.map((m) => c(n).quantile(fraction, m).as(`${n} ${m}`)));

test("medians of numbers, booleans and points in time", () =>
  assertGpuEqualsCpu(() => frame.lazy().select(...[...NUMBERS, "bool", ...TEMPORALS].map((n) => c(n).median())), {
    partitions,
    anyZero: true,
  }));

test("every method over numbers and points in time", async () => {
  for (const half of [NUMBERS.slice(0, 6), NUMBERS.slice(6)])
    await assertGpuEqualsCpu(() => frame.lazy().select(...methods(half, 0.3)), { partitions, anyZero: true });
  await assertGpuEqualsCpu(() => frame.lazy().select(...methods(["us", "date", "d_ms", "time", "zoned"], 0.77)), { partitions });
});

test("in groups, over windows and beside rows", async () => {
  await assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .groupBy("k", true)
        .agg(...["small", "f32", "f64", "us", "bool", "date"].map((n) => c(n).median()), ...methods(["i8", "u64", "date"], 0.25)),
    { partitions, anyZero: true },
  );
  await assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          c("small").sub(c("small").median().over("g")).as("from median"),
          c("row").quantile(0.9).as("rows"),
          c("i16").gt(c("i16").median()),
        ),
    { partitions },
  );
});

test("of few rows, and of the ends", async () => {
  for (const { frame: sized } of FIXTURES.filter((f) => f.name !== "203 rows"))
    await assertGpuEqualsCpu(
      () =>
        sized
          .lazy()
          .select(
            c("i64").median().as("m"),
            ...[0, 0.5, 1].flatMap((q) => METHODS.map((m) => c("small").quantile(q, m).as(`${m} ${q}`))),
            c("f32").quantile(0.1, "linear").as("f"),
          ),
      { anyZero: true },
    );
});

test("of the rows that a filter keeps, inside and below", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .filter(c("small2").gt(-5))
        .select(
          c("small").filter(c("bool")).median().as("a"),
          c("f64").dropNans().quantile(0.4, "linear").as("b"),
          c("i32").dropNulls().median().as("c"),
        ),
    { partitions },
  ));

test("what polars has no quantile of stays with it", async () => {
  await assertSameError(() => frame.lazy().select(c("str").median()));
  await assertFallsBack(() => frame.lazy().select(c("small").quantile(pl.col("small2").max().div(100)).as("q")), /not a constant/);
});
