/** Arithmetic: every integer width with overflow, floor division and remainder with every sign and zero, floats bit by bit. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES, INTEGERS } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;
const named = (exprs: readonly (readonly [string, Expr])[]): Expr[] => exprs.map(([name, expr]) => expr.as(name));
const int64 = (value: number): Expr => pl.lit(value).cast(pl.Int64);

const OPERATORS = {
  "+": (a: Expr, b: Expr) => a.add(b),
  "-": (a: Expr, b: Expr) => a.sub(b),
  "*": (a: Expr, b: Expr) => a.mul(b),
  "/": (a: Expr, b: Expr) => a.div(b),
  "%": (a: Expr, b: Expr) => a.rem(b),
} as const;

test("integers of each width with themselves: overflow wraps", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...named(
          INTEGERS.flatMap((name) => [
            [`${name} + ${name}`, col(name).add(col(name))],
            [`${name} - doubled`, col(name).sub(col(name).add(col(name)))],
            [`${name} * ${name}`, col(name).mul(col(name))],
          ]),
        ),
      ),
    { partitions },
  ));

test("integers with an Int64 literal on either side", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...named(
          INTEGERS.flatMap((name) => [
            [`${name} + -3`, col(name).add(int64(-3))],
            [`${name} * -3`, col(name).mul(int64(-3))],
            [`7 - ${name}`, int64(7).sub(col(name))],
          ]),
        ),
      ),
    { partitions },
  ));

test("remainders of integers take the sign of the divisor and are null for a zero", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          ...named([
            ...(["i8", "u16", "i32", "i64", "u64"] as const).map(
              (name) => [`${name} % doubled`, col(name).rem(col(name).add(col(name)))] as const,
            ),
            ["i8 % -3", col("i8").rem(int64(-3))],
            ["7 % i64", int64(7).rem(col("i64"))],
          ]),
        ),
    { partitions },
  ));

test("a JavaScript number makes integers Float64; a bigint stays an integer", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...named([
          ["i8 + 1", col("i8").add(1)],
          ["i64 * 0.1", col("i64").mul(0.1)],
          ["u64 - 0.5", col("u64").sub(0.5)],
          ["2 * i32", pl.lit(2).mul(col("i32"))],
          ["u64 + 1n", col("u64").add(pl.lit(1n))],
          ["i64 + 5n", col("i64").add(pl.lit(5n))],
        ]),
      ),
    { partitions },
  ));

test("integer operators of SQL: division, remainder, negative and zero divisors", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: frame.lazy() }).execute(
        `SELECT small / small2 AS quotient, small % small2 AS remainder, small + 1 AS next, 2 * small AS twice, small / 0 AS by_zero, small % 0 AS rest,
          small // 3 AS third, -small AS negated, 10 // small2 AS ten, i8 + i64 AS wide, u32 - 7 AS less FROM f`,
      ),
    { partitions },
  ));

test("pairs of different dtypes go to polars' common dtype", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...named(
          (
            [
              ["i8", "u8"],
              ["u32", "i32"],
              ["u64", "i64"],
              ["small", "small2"],
              ["bool", "i32"],
              ["i16", "f32"],
              ["f32", "f64"],
            ] as const
          ).flatMap(([a, b]) => [
            [`${a} + ${b}`, col(a).add(col(b))] as const,
            [`${a} * ${b}`, col(a).mul(col(b))] as const,
            [`${a} % ${b}`, col(a).rem(col(b))] as const,
          ]),
        ),
      ),
    { partitions },
  ));

for (const name of ["f32", "f64"] as const) {
  test(`${name}: every operator with itself and with literals on either side, bit by bit`, () =>
    assertGpuEqualsCpu(
      () =>
        frame
          .lazy()
          .select(
            ...named(
              Object.entries(OPERATORS).flatMap(([operator, apply]) => [
                [`${name} ${operator} shifted`, apply(col(name), col(name).mul(col("small")))] as const,
                [`${name} ${operator} 3`, apply(col(name), pl.lit(3))] as const,
                [`0.1 ${operator} ${name}`, apply(pl.lit(0.1), col(name))] as const,
              ]),
            ),
          ),
      { partitions },
    ));
}

test("neutral literals leave signed zeros as polars' scalar kernels do", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...named([
          ["f64 + 0", col("f64").add(0)],
          ["f64 - 0", col("f64").sub(0)],
          ["0 - f64", pl.lit(0).sub(col("f64"))],
          ["0 + f64", pl.lit(0).add(col("f64"))],
          ["f64 * 1", col("f64").mul(1)],
          ["f64 * -1", col("f64").mul(-1)],
          ["1 / f64", pl.lit(1).div(col("f64"))],
          ["f64 / 0", col("f64").div(0)],
          ["f32 / 7", col("f32").div(7)],
        ]),
      ),
    { partitions },
  ));

for (const { name, frame: sized } of FIXTURES)
  test(`arithmetic over ${name}`, () =>
    assertGpuEqualsCpu(
      () =>
        sized.lazy().select(
          ...named([
            ["sum", col("i64").add(col("small"))],
            ["product", col("u64").mul(col("u64"))],
            ["rest", col("small").rem(col("small2"))],
            ["float", col("f64").add(col("f32"))],
          ]),
        ),
      { partitions },
    ));

test("ticks: points in time and durations of one unit add and subtract", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(
        ...named([
          ["ms + d_ms", col("ms").add(col("d_ms"))],
          ["d_ms + ms", col("d_ms").add(col("ms"))],
          ["ns - d_ns", col("ns").sub(col("d_ns"))],
          ["us - us", col("us").sub(col("us"))],
          ["d_us + d_us", col("d_us").add(col("d_us"))],
          ["d_us - d_us", col("d_us").sub(col("d_us").add(col("d_us")))],
        ]),
      ),
    { partitions },
  ));

test("arithmetic of decimals, texts and mixed units", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("dec").add(col("i32")).as("decimals"),
          col("str").add(col("str2")).as("texts"),
          col("ms").sub(col("us")).as("units"),
          col("i32").and(col("i32")).as("bits"),
        ),
    { partitions },
  ));
