/** Comparisons and membership: every dtype, nulls, NaN, literals that the dtype cannot hold. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";

import { everyDtype, FIXTURES, FLOATS, INTEGERS, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;

const COMPARISONS = {
  "=": (a: Expr, b: Expr) => a.eq(b),
  "!=": (a: Expr, b: Expr) => a.neq(b),
  "<": (a: Expr, b: Expr) => a.lt(b),
  "<=": (a: Expr, b: Expr) => a.ltEq(b),
  ">": (a: Expr, b: Expr) => a.gt(b),
  ">=": (a: Expr, b: Expr) => a.gtEq(b),
} as const;

/** All six comparisons of each pair. */
const compared = (pairs: readonly (readonly [string, Expr, string, Expr])[]): Expr[] =>
  pairs.flatMap(([a, left, b, right]) =>
    Object.entries(COMPARISONS).map(([sign, compare]) => compare(left, right).as(`${a} ${sign} ${b}`)),
  );

/** The column in reverse order is another column of the same dtype. */
const reversed = frame.reverse().rename(Object.fromEntries(frame.columns.map((name) => [name, `${name}'`])));
const pairs = pl.DataFrame([...frame.getColumns(), ...reversed.getColumns()]);

test("numbers of one dtype, NaN and nulls included", () =>
  assertGpuEqualsCpu(
    () => pairs.lazy().select(...compared([...INTEGERS, ...FLOATS].map((name) => [name, col(name), `${name}'`, col(`${name}'`)] as const))),
    { partitions },
  ));

test("points in time, durations, booleans and text of one dtype", () =>
  assertGpuEqualsCpu(
    () =>
      pairs
        .lazy()
        .select(...compared([...TEMPORALS, "bool", "str", "bin"].map((name) => [name, col(name), `${name}'`, col(`${name}'`)] as const))),
    { partitions },
  ));

test("numbers of different dtypes", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...compared([
          ["u64", col("u64"), "i64", col("i64")],
          ["f64", col("f64"), "f32", col("f32")],
          ["i64", col("i64"), "f64", col("f64")],
          ["i32", col("i32"), "f32", col("f32")],
          ["date", col("date"), "us", col("us")],
          ["us", col("us"), "ns", col("ns")],
          ["null", col("null"), "i32", col("i32")],
        ]),
      ),
    { partitions },
  ));

test("literals, also ones that the column's dtype cannot hold", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...compared([
          ["i8", col("i8"), "3", pl.lit(3)],
          ["u8", col("u8"), "2.5", pl.lit(2.5)],
          ["u64", col("u64"), "-1", pl.lit(-1)],
          ["u64", col("u64"), "max", pl.lit(18446744073709551615n)],
          ["i64", col("i64"), "2^63", pl.lit(9223372036854775808n)],
          ["f64", col("f64"), "NaN", pl.lit(Number.NaN)],
          ["f32", col("f32"), "0.1", pl.lit(0.1)],
          ["str", col("str"), "apple", pl.lit("apple")],
          ["i32", col("i32"), "null", pl.lit(null)],
          ["ms", col("ms"), "2024", pl.lit(new Date(Date.UTC(2024, 1, 29)))],
        ]),
      ),
    { partitions },
  ));

test("equality where null equals null", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: pairs.lazy() }).execute(
        `SELECT i64 IS NOT DISTINCT FROM small AS i, f64 IS NOT DISTINCT FROM "f64'" AS f, str IS DISTINCT FROM "str'" AS s,
          bool IS NOT DISTINCT FROM bool2 AS b, u8 IS DISTINCT FROM "u8'" AS u FROM f`,
      ),
    { partitions },
  ));

test("membership in lists and ranges", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("small").isIn([1, -3, 7]).as("small"),
          col("f64").isIn([1.5, Number.NaN, 0]).as("f64"),
          col("str").isIn(["apple", "", "日本語"]).as("str"),
          col("u8").isIn([255, 0]).as("u8"),
          col("small").isIn([]).as("none"),
          col("str").isIn(["nowhere"]).as("nowhere"),
        ),
    { partitions },
  ));

test("BETWEEN and IN of SQL", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: frame.lazy() }).execute(
        `SELECT small BETWEEN -3 AND 4 AS inside, small NOT BETWEEN small2 AND 5 AS outside, small IN (1, 2, 3) AS listed,
          str NOT IN ('apple', 'a') AS unlisted, date BETWEEN DATE '1900-01-01' AND DATE '2024-02-29' AS days FROM f`,
      ),
    { partitions },
  ));

for (const { name, frame: sized } of FIXTURES)
  test(`comparisons over ${name}`, () =>
    assertGpuEqualsCpu(
      () =>
        sized
          .lazy()
          .select(
            col("i64").lt(col("small")).as("less"),
            col("f64").eq(col("f32")).as("equal"),
            col("str").gt(col("str2")).as("after"),
            col("small").isIn([1, 2]).as("listed"),
          ),
      { partitions },
    ));

test("comparisons that have no kernel are looked up", async () => {
  const check = (make: () => Expr) => assertGpuEqualsCpu(() => frame.lazy().select(make()), { partitions });
  await check(() => col("dec").lt(col("i32")).as("x"));
  await check(() => col("list").eq(col("list")).as("x"));
  await check(() => col("cat").eq(col("str")).as("x"));
  await check(() => col("str").isIn(col("list")));
  await check(() => pl.minHorizontal([col("str"), col("str2")]));
});
