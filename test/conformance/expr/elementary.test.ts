/** Elementary functions: powers, logarithms, circular and hyperbolic functions of every dtype that polars takes, within 2 units of the last place. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES, FLOATS, INTEGERS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const options = { partitions: [64], ulps: 2 };
const col = pl.col;

const UNARY: Readonly<Record<string, (e: Expr) => Expr>> = {
  exp: (e) => e.exp(),
  log: (e) => e.log(),
  "log 2": (e) => e.log(2),
  "log 10": (e) => e.log(10),
  log1p: (e) => e.log1p(),
  sin: (e) => e.sin(),
  cos: (e) => e.cos(),
  tan: (e) => e.tan(),
  arcsin: (e) => e.arcsin(),
  arccos: (e) => e.arccos(),
  arctan: (e) => e.arctan(),
  sinh: (e) => e.sinh(),
  cosh: (e) => e.cosh(),
  tanh: (e) => e.tanh(),
  arcsinh: (e) => e.arcsinh(),
  arccosh: (e) => e.arccosh(),
  arctanh: (e) => e.arctanh(),
  degrees: (e) => e.degrees(),
  radians: (e) => e.radians(),
};

/** The floats of the fixture, then the same moved to where the functions have their interesting values. */
const floats = pl.concat(
  [(e: Expr) => e, (e: Expr) => e.div(1e20).clip(-1, 1), (e: Expr) => e.clip(-50, 50)].map((of) =>
    frame.select(
      ...FLOATS.map((n) =>
        of(col(n))
          .cast(n === "f32" ? pl.Float32 : pl.Float64)
          .as(n),
      ),
      col("small"),
    ),
  ),
);

for (const [fn, of] of Object.entries(UNARY))
  test(`${fn} of floats`, () => assertGpuEqualsCpu(() => floats.lazy().select(...FLOATS.map((n) => of(col(n)).as(n))), options));

test("every integer dtype", () =>
  assertGpuEqualsCpu(
    () => frame.lazy().select(...INTEGERS.map((n) => col(n).degrees().as(n)), col("u8").exp().as("e"), col("i64").log1p().as("l")),
    options,
  ));

test("exp and log of booleans and points in time", () =>
  assertGpuEqualsCpu(
    () =>
      frame.lazy().select(...["bool", "date", "time"].map((n) => col(n).exp().as(n)), ...["ms", "d_us"].map((n) => col(n).log(10).as(n))),
    options,
  ));

test("arctan2 of every quadrant and of special values", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("f64").arctan2(col("f32")).as("a"),
          col("f32").arctan2(col("f64")).as("b"),
          col("small").arctan2(col("small2")).as("c"),
          col("f64").arctan2(col("small")).as("d"),
          col("small").arctan2(pl.lit(-0.0)).as("e"),
        ),
    options,
  ));

test("constant powers of floats", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          ...[-1, 0, 0.5, 1, 2, 3, 9].flatMap((n) => FLOATS.map((name) => col(name).pow(n).as(`${name} ^ ${n}`))),
          ...[2, 10, 11.25].map((n) => col("small").pow(n).as(`small ^ ${n}`)),
        ),
    options,
  ));

const sql = (exprs: string) => () => pl.SQLContext({ f: frame.lazy() }).execute(`SELECT ${exprs} FROM f`);

test("POW, LOG, CBRT and COT in SQL", async () => {
  await assertGpuEqualsCpu(sql("POW(f64, f32) AS p, POW(f32, f64) AS p32, POW(small, f64) AS ip, POW(2.5, f64) AS base"), options);
  await assertGpuEqualsCpu(sql("LOG(f64, f32) AS l, LOG(f32, small) AS l32, LOG(small, 3) AS l3, LOG10(f32) AS l10"), options);
  await assertGpuEqualsCpu(sql("CBRT(f64) AS c, CBRT(f32) AS c32, CBRT(small) AS ci, COT(f64) AS cot, COT(f32) AS cot32"), options);
  await assertGpuEqualsCpu(sql("SIND(small) AS sd, ASIND(f64) AS ad, ATAN2D(small, small2) AS a2d"), options);
});

test("integer powers wrap and keep the dtype of the base", async () => {
  const partitions = [64];
  for (const k of [0, 2, 10, 11, 63])
    await assertGpuEqualsCpu(sql(INTEGERS.map((n) => `POW(${n}, ${k}) AS ${n}`).join(", ")), { partitions });
  await assertGpuEqualsCpu(sql(INTEGERS.map((n) => `POW(${n}, u8) AS ${n}`).join(", ")), { partitions });
  await assertGpuEqualsCpu(sql("POW(i64, u32) AS wide, POW(i8, u16) AS narrow, POW(3, u8) AS three"), { partitions });
});

for (const { name, frame: sized } of FIXTURES)
  test(`elementary functions over ${name}`, () =>
    assertGpuEqualsCpu(
      () =>
        sized
          .lazy()
          .select(col("f64").exp().as("e"), col("f32").sin().as("s"), col("f64").pow(3).as("p"), col("small").arctan2(col("f64")).as("a")),
      { ulps: 2 },
    ));

test("in filters, groups and aggregates", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .filter(col("f64").tanh().gt(0.5))
        .groupBy("k", true)
        .agg(col("small").sin().max().as("m"), col("small").sum().pow(2).as("s"), col("small2").max().exp().as("e")),
    options,
  ));

test("powers of integers by a signed column are looked up", () => assertGpuEqualsCpu(sql("POW(i64, ABS(small)) AS p"), options));

test("powers by an aggregate fall back, and those of integers by negative constants are an error", async () => {
  await assertFallsBack(sql("POW(f64, MAX(small)) AS p"), /Pow by an aggregate/);
  await assertSameError(sql("POW(i64, -1) AS p"));
});
