/** Aggregates inside select and withColumns, windows over one and several keys, distinct values of a column. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES, FLOATS, INTEGERS, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { GPUEngine } from "../../../src/index.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const finite = frame.filter(pl.col("f64").isFinite().and(pl.col("f32").isFinite())).select(pl.all(), pl.col("small").mul(0.37).as("x"));
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;
const each = (names: readonly string[], aggregates: Readonly<Record<string, (e: Expr) => Expr>>): Expr[] =>
  names.flatMap((name) => Object.entries(aggregates).map(([fn, of]) => of(col(name)).as(`${fn}(${name})`)));

const COUNTS = { count: (e: Expr) => e.count(), nullCount: (e: Expr) => e.nullCount(), nUnique: (e: Expr) => e.nUnique() } as const;
const ENDS = { first: (e: Expr) => e.first(), last: (e: Expr) => e.last() } as const;
const EXTREMES = { min: (e: Expr) => e.min(), max: (e: Expr) => e.max() } as const;
const MOMENTS = { mean: (e: Expr) => e.mean(), std: (e: Expr) => e.std(), var: (e: Expr) => e.var() } as const;

test("sums and extremes of integers, booleans and durations", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(...each([...INTEGERS, "bool", "d_us"], { sum: (e) => e.sum() }), ...each([...INTEGERS, "bool", "str"], EXTREMES)),
    { partitions },
  ));

test("extremes of points in time and of floats with NaN", () =>
  assertGpuEqualsCpu(() => frame.lazy().select(...each([...TEMPORALS, ...FLOATS], EXTREMES)), { partitions, anyZero: true }));

test("counts of every kind of column", () =>
  assertGpuEqualsCpu(
    () => frame.lazy().select(pl.len().as("len"), ...each(["i8", "u64", "f64", "bool", "date", "str", "cat", "g"], COUNTS)),
    {
      partitions,
    },
  ));

test("first and last value of every kind of column", () =>
  assertGpuEqualsCpu(
    () => frame.lazy().select(...each(["i8", "u64", "f32", "f64", "bool", "ms", "str", "cat", "dec", "list", "struct"], ENDS)),
    {
      partitions,
    },
  ));

test("moments and sums of floats", () =>
  assertGpuEqualsCpu(() => finite.lazy().select(...each(["x", "small", "i32", "u8", "bool"], MOMENTS), col("x").sum().as("sum")), {
    partitions,
    rel: 1e-12,
  }));

test("aggregates beside rows are repeated for each row", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .withColumns(
          col("small").sub(col("small").min()).as("above"),
          col("small").sum().as("total"),
          col("i64").max().as("largest"),
          pl.len().as("rows"),
          col("small").eq(col("small").max()).as("is_max"),
          col("str").max().as("last_text"),
        ),
    { partitions },
  ));

test("windows over one key, several keys, keys with nulls, and computed keys", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("row"),
          col("small").sum().over("k").as("by k"),
          col("small").count().over("g").as("by g"),
          col("i64").max().over("k", "g").as("by both"),
          col("small").sub(col("small").min().over("bool")).as("above min of bool"),
          pl.len().over("g").as("rows of g"),
          col("str").nUnique().over("k").as("texts"),
          col("small").first().over("g").as("first"),
        ),
    { partitions },
  ));

test("mean over a key", () =>
  assertGpuEqualsCpu(() => finite.lazy().select(col("x").mean().over("g").as("m"), col("x").std().over("k").as("s")), {
    partitions,
    rel: 1e-12,
  }));

test("a filter inside an aggregate, and all / any", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("small").filter(col("bool")).sum().as("where"),
          col("i64").filter(col("small").gt(0)).max().as("max where"),
          col("bool").any().as("any"),
          col("bool").all().as("all"),
          col("small").gt(100).any().as("none"),
        ),
    { partitions },
  ));

test("distinct values of a column", async () => {
  for (const name of ["small", "g", "bool", "f64", "date"])
    await assertGpuEqualsCpu(() => frame.lazy().select(col(name).unique()), { partitions, order: "any", anyZero: true });
});

for (const { name, frame: sized } of FIXTURES)
  test(`aggregates over ${name}`, () =>
    assertGpuEqualsCpu(
      () =>
        sized
          .lazy()
          .select(
            pl.len().as("len"),
            col("i64").sum().as("sum"),
            col("small").mean().as("mean"),
            col("small").std().as("std"),
            col("u32").min().as("min"),
            col("str").first().as("first"),
            col("bool").any().as("any"),
            col("str").nUnique().as("texts"),
          ),
      { partitions, rel: 1e-12 },
    ));

test("f32 sums of groups are the exact ones rounded once, which CPU polars' own, added up in f32, are not", async () => {
  const values = [-2.5, 10_000_000_272_564_224, 2 ** 64, 2 ** 32, -40_056_484];
  const halves = values.reduce((sum, value) => sum + BigInt(2 * value), 0n);
  const rounded = Math.fround(Number(halves) / 2);
  const sums = () =>
    pl
      .DataFrame({ g: values.map(() => "g"), x: pl.Series("x", values, pl.Float32) })
      .lazy()
      .groupBy("g")
      .agg(col("x").sum());
  const engine = new GPUEngine({ raiseOnFail: true });
  const [ours, theirs] = [(await sums().collect({ engine })).getColumn("x").get(0), (await sums().collect()).getColumn("x").get(0)];
  await engine.close();
  assert.equal(ours, rounded);
  assert.ok(Math.abs(theirs / rounded - 1) < values.length * 2 ** -24 && theirs !== rounded);
});

test("aggregates without a kernel fall back", async () => {
  await assertFallsBack(() => frame.lazy().select(col("dec").sum()), /sum of /);
});
