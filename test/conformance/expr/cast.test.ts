/** The cast matrix: every pair of dtypes that the device casts, out-of-range values and all; the rest falls back or is polars' error. */

import { after, test } from "node:test";
import pl, { type DataType, type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES, FLOATS, INTEGERS } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;

const DTYPES = {
  i8: pl.Int8,
  i16: pl.Int16,
  i32: pl.Int32,
  i64: pl.Int64,
  u8: pl.UInt8,
  u16: pl.UInt16,
  u32: pl.UInt32,
  u64: pl.UInt64,
  f32: pl.Float32,
  f64: pl.Float64,
  bool: pl.Bool,
  date: pl.Date,
  ms: pl.Datetime("ms"),
  us: pl.Datetime("us"),
  ns: pl.Datetime("ns"),
  utc: pl.Datetime("us", "UTC"),
  zoned: pl.Datetime("ms", "Europe/Berlin"),
  d_ms: pl.Duration("ms"),
  d_us: pl.Duration("us"),
  d_ns: pl.Duration("ns"),
  time: pl.Time,
  str: pl.String,
} as const satisfies Record<string, DataType>;
type Name = keyof typeof DTYPES;

const casts = (from: readonly (Name | "cat" | "dec" | "null")[], to: readonly Name[]): Expr[] =>
  from.flatMap((a) => to.filter((b) => b !== a).map((b) => col(a).cast(DTYPES[b]).as(`${a} as ${b}`)));

const DATETIMES = ["ms", "us", "ns"] as const;
const DURATIONS = ["d_ms", "d_us", "d_ns"] as const;

test("integers to integers and booleans: null where they do not fit", () =>
  assertGpuEqualsCpu(() => frame.lazy().select(...casts(INTEGERS, [...INTEGERS, "bool"])), { partitions }));

test("integers and booleans to floats", () =>
  assertGpuEqualsCpu(() => frame.lazy().select(...casts([...INTEGERS, "bool"], FLOATS), ...casts(["bool"], INTEGERS)), { partitions }));

test("floats to everything numeric: NaN, infinities and fractions", () =>
  assertGpuEqualsCpu(() => frame.lazy().select(...casts(FLOATS, [...FLOATS, ...INTEGERS, "bool"])), { partitions }));

test("numbers to points in time and durations, and back", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          ...casts(["i32", "u64", "f64"], ["date", "ms", "zoned", "d_ns"]),
          ...casts(["date", "ms", "utc", "zoned", "d_us", "time"], ["i32", "i64", "u64", "f64"]),
        ),
    { partitions },
  ));

test("between units: points in time floor, durations truncate, what overflows is null", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(...casts([...DATETIMES, "date"], [...DATETIMES, "date"]), ...casts(DURATIONS, DURATIONS), ...casts(["utc"], ["date"])),
    { partitions },
  ));

test("a column of nulls, and text and decimals by lookup", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          ...casts(["null"], ["i8", "f64", "ms", "str"]),
          ...casts(["str", "dec"], ["i32", "f64", "u8"]),
          ...casts(["cat", "dec"], ["str"]),
        ),
    { partitions },
  ));

for (const { name, frame: sized } of FIXTURES)
  test(`casts over ${name}`, () =>
    assertGpuEqualsCpu(() => sized.lazy().select(...casts(["i64"], ["i8", "f32"]), ...casts(["f64"], ["u8"]), ...casts(["us"], ["ns"])), {
      partitions,
    }));

test("strict casts run, and fail as polars does", async () => {
  await assertGpuEqualsCpu(
    () => frame.lazy().select(col("i8").cast(pl.Int64, true).as("wide"), col("u32").cast(pl.Float64, true).as("float")),
    {
      partitions,
    },
  );
  await assertGpuEqualsCpu(() => frame.lazy().select(col("small").cast(pl.Int8, true)), { partitions });
  await assertSameError(() => frame.lazy().select(col("i64").cast(pl.Int8, true)));
});

test("every other pair is looked up", async () => {
  const without: readonly (readonly [Name, Name])[] = [
    ["i8", "str"],
    ["f64", "str"],
    ["bool", "str"],
    ["date", "str"],
    ["time", "str"],
    ["i64", "time"],
    ["bool", "date"],
    ["bool", "d_ms"],
    ["ms", "time"],
    ["ms", "zoned"],
    ["zoned", "ms"],
    ["zoned", "date"],
    ["utc", "us"],
    ["time", "d_ns"],
  ];
  for (const [from, to] of without) await assertGpuEqualsCpu(() => frame.lazy().select(col(from).cast(DTYPES[to])), { partitions });
});

test("casts that polars rejects are rejected with its message", async () => {
  await assertSameError(() => frame.lazy().select(col("date").cast(pl.Bool)));
  await assertSameError(() => frame.lazy().select(col("d_ms").cast(pl.Date)));
  await assertSameError(() => frame.lazy().select(col("time").cast(pl.Datetime("ms"))));
});
