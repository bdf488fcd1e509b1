/** Deterministic frames of every dtype that nodejs-polars can make, with the values that go wrong first. */

import pl, { type DataFrame, type DataType, type Series } from "nodejs-polars";

/** Row counts of the fixtures: none, one, few, and enough for many partitions and several words of validity. */
export const ROWS = [0, 1, 7, 203] as const;

/** `some` (default): about every fifth value is null, in its own places for each column. */
export type Nulls = "some" | "none";

const RANGE = {
  i8: [-(2n ** 7n), 2n ** 7n - 1n],
  i16: [-(2n ** 15n), 2n ** 15n - 1n],
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  u8: [0n, 2n ** 8n - 1n],
  u16: [0n, 2n ** 16n - 1n],
  u32: [0n, 2n ** 32n - 1n],
  u64: [0n, 2n ** 64n - 1n],
} as const;

const INTEGER_DTYPES = {
  i8: pl.Int8,
  i16: pl.Int16,
  i32: pl.Int32,
  i64: pl.Int64,
  u8: pl.UInt8,
  u16: pl.UInt16,
  u32: pl.UInt32,
  u64: pl.UInt64,
} as const;

/** Names of the integer columns, which are short for their dtypes. */
export const INTEGERS = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"] as const;
export const FLOATS = ["f32", "f64"] as const;
export const TEMPORALS = ["date", "ms", "us", "ns", "utc", "zoned", "d_ms", "d_us", "d_ns", "time"] as const;

/** Pseudo-random numbers in [0, 1): the same for the same seed on every machine. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Smallest and largest values, their neighbours, values around zero, then values all over the range. */
function integers(name: (typeof INTEGERS)[number], rows: number, next: () => number): string[] {
  const [low, high] = RANGE[name];
  const special = [low, high, 0n, 1n, high - 1n, low + 1n, 2n, 7n, 3n, 10n, -1n, -7n, -3n].filter((v) => v >= low && v <= high);
  return Array.from({ length: rows }, (_, row) => {
    const given = special[row];
    if (given !== undefined) return String(given);
    const small = BigInt(Math.floor(next() * 25)) + (low < 0n ? -12n : 0n);
    const wide = low + ((high - low) * BigInt(Math.floor(next() * 2 ** 30))) / 2n ** 30n + BigInt(Math.floor(next() * 3));
    return String(row % 2 === 0 ? small : wide > high ? high : wide);
  });
}

const FLOAT_TEXT: readonly string[] =
  "1.5 nan -0.0 0.0 inf -inf 5e-324 -1e-45 0.5 -0.5 2.5 -2.5 1.7976931348623157e308 -3.4028234663852886e38 2.2250738585072014e-308 1.1754943508222875e-38 0.1 -0.3 1e16 4503599627370497.5 9007199254740993 -9223372036854775808 18446744073709551615 127.9 -128.9 255.5 4294967295.5 -1.0 1.0 3.0 1e-7 16777217".split(
    " ",
  );

function floats(rows: number, next: () => number): string[] {
  return Array.from({ length: rows }, (_, row) => {
    const given = FLOAT_TEXT[row];
    if (given !== undefined) return given;
    const value = (next() - 0.5) * 10 ** Math.floor(next() * 24 - 6);
    return String(row % 3 === 0 ? Math.round(value) / 2 : value);
  });
}

const TEXTS = [
  "apple",
  "",
  "Bär",
  " padded ",
  "日本語",
  "a",
  "apple pie",
  "2024-02-29",
  "17",
  "-3.5",
  "ÇA VA",
  "👩‍🚀 emoji",
  "a,b,c",
  "zzz",
  "tab\tand\nline",
  "long ".repeat(40),
  "e\u0301",
  "APPLE",
] as const;

/** Day numbers of the years 1 to 9999 and some before, with leap days and turns of the year. */
const DAYS = [
  0, -1, 19782, 11016, -719162, 2932896, -719528, -25509, 18261, 18262, 19358, 19723, -141428, 59, 365, -1000000, 2000000,
] as const;

const days = (rows: number, next: () => number): number[] =>
  Array.from({ length: rows }, (_, row) => DAYS[row] ?? Math.floor((next() - 0.2) * 40000));

/** Ticks of a unit within what it can hold: the days above and a time of day, nanoseconds only from 1678 to 2262. */
function ticks(perSecond: bigint, rows: number, next: () => number): string[] {
  return days(rows, next).map((day) => {
    const held = perSecond === 1_000_000_000n && Math.abs(day) > 100_000 ? day % 100_000 : day;
    const perDay = perSecond * 86400n;
    return String(BigInt(held) * perDay + (perDay * BigInt(Math.floor(next() * 2 ** 30))) / 2n ** 30n + BigInt(Math.floor(next() * 3)));
  });
}

const ofText = (name: string, values: readonly (string | null)[], dtype: DataType): Series =>
  pl
    .Series(name, [...values], pl.String)
    .cast(dtype)
    .alias(name);
const ofTicks = (name: string, values: readonly (string | null)[], dtype: DataType): Series =>
  ofText(name, values, pl.Int64).cast(dtype).alias(name);

/** Puts nulls in: the first value of every other column and about a fifth of the rest. */
class Holes {
  readonly #nulls: Nulls;
  readonly #next = random(99);
  #column = 0;

  constructor(nulls: Nulls) {
    this.#nulls = nulls;
  }

  in<T>(values: readonly T[]): (T | null)[] {
    const skip = this.#column++ % 2;
    return values.map((value, row) => (this.#nulls === "some" && (this.#next() < 0.2 || (row === 4 && skip === 0)) ? null : value));
  }
}

/**
 * One column of each dtype: `i8` .. `u64`, `f32`, `f64`, `bool`, `bool2`, `date`, `ms`, `us`, `ns`, `utc` (us, UTC), `zoned` (ms, Europe/Berlin),
 * `d_ms`, `d_us`, `d_ns`, `time`, `str`, `str2`, `cat`, `dec`, `bin`, `list`, `struct`, `null`, the keys `k` (4 values) and `g` (text), and `row` (its number).
 * Values are as wide as the dtype; `small` and `small2` are Int64 from -12 to 12.
 */
export function everyDtype(rows: number, nulls: Nulls = "some"): DataFrame {
  const next = random(rows + 1);
  const holes = new Holes(nulls);
  const list = Array.from({ length: rows }, (_, row) => row);
  const text = (offset: number) => list.map((row) => TEXTS[(row * 5 + offset) % TEXTS.length] ?? "");
  const small = () => list.map(() => String(Math.floor(next() * 25) - 12));
  const frame = pl.DataFrame([
    ofText("row", list.map(String), pl.Int32),
    ...INTEGERS.map((name) => ofText(name, holes.in(integers(name, rows, next)), INTEGER_DTYPES[name])),
    ofText("f32", holes.in(floats(rows, next)), pl.Float32),
    ofText("f64", holes.in(floats(rows, next)), pl.Float64),
    ofText("small", holes.in(small()), pl.Int64),
    ofText("small2", holes.in(small()), pl.Int64),
    pl.Series("bool", holes.in(list.map((row) => row % 3 === 0)), pl.Bool),
    pl.Series("bool2", holes.in(list.map(() => next() < 0.5)), pl.Bool),
    ofText("date", holes.in(days(rows, next).map(String)), pl.Int32)
      .cast(pl.Date)
      .alias("date"),
    ofTicks("ms", holes.in(ticks(1000n, rows, next)), pl.Datetime("ms")),
    ofTicks("us", holes.in(ticks(1_000_000n, rows, next)), pl.Datetime("us")),
    ofTicks("ns", holes.in(ticks(1_000_000_000n, rows, next)), pl.Datetime("ns")),
    ofTicks("utc", holes.in(ticks(1_000_000n, rows, next)), pl.Datetime("us", "UTC")),
    ofTicks("zoned", holes.in(ticks(1000n, rows, next)), pl.Datetime("ms", "Europe/Berlin")),
    ofTicks("d_ms", holes.in(ticks(1000n, rows, next)), pl.Duration("ms")),
    ofTicks("d_us", holes.in(ticks(1_000_000n, rows, next)), pl.Duration("us")),
    ofTicks("d_ns", holes.in(ticks(1_000_000_000n, rows, next)), pl.Duration("ns")),
    ofTicks("time", holes.in(list.map(() => String((86_400_000_000_000n * BigInt(Math.floor(next() * 2 ** 30))) / 2n ** 30n))), pl.Time),
    pl.Series("str", holes.in(text(0)), pl.String),
    pl.Series("str2", holes.in(text(3)), pl.String),
    pl
      .Series("cat", holes.in(list.map((row) => ["x", "yy", "ä"][row % 3] ?? "")), pl.String)
      .cast(pl.Categorical)
      .alias("cat"),
    ofText("dec", holes.in(list.map((row) => `${(row * 37) % 100}.${row % 10}5`)), pl.Decimal(10, 2)),
    pl.Series("list", holes.in(list.map((row) => "p,,q,r".slice(0, row % 7))), pl.String),
    pl.Series("k", holes.in(list.map((row) => (row * 7) % 4)), pl.Int64),
    pl.Series("g", holes.in(list.map((row) => ["a", "b", ""][(row * 5) % 3] ?? "")), pl.String),
  ]);
  const nested = frame.withColumns(
    pl.col("list").str.split(","),
    pl.lit(null).as("null"),
    pl.struct([pl.col("i32"), pl.col("str")]).as("struct"),
  );
  return pl.SQLContext({ nested: nested.lazy() }).execute("SELECT *, CAST(str AS BLOB) AS bin FROM nested").collectSync();
}

/** The frames of all row counts, and one without nulls. */
export const FIXTURES: readonly { readonly name: string; readonly frame: DataFrame; readonly partition: number }[] = [
  ...ROWS.map((rows) => ({ name: `${rows} rows`, frame: everyDtype(rows), partition: rows > 100 ? 64 : 3 })),
  { name: "40 rows without nulls", frame: everyDtype(40, "none"), partition: 17 },
];
