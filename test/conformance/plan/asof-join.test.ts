/** joinAsof: strategies, groups, tolerances, key dtypes, names of the output, empty sides, and keys that do not ascend. */

import { after, test } from "node:test";
import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { random } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertQuietlyEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
const STRATEGIES = ["backward", "forward", "nearest"] as const;

/** Ascending keys with gaps and repetitions, groups with nulls, and a number of the row. */
function side(rows: number, seed: number, name: string): DataFrame {
  const next = random(seed);
  let key = -20;
  const keys = Array.from({ length: rows }, () => {
    key += Math.floor(next() * 4);
    return key;
  });
  const groups = keys.map(() => ["a", "b", "", null][Math.floor(next() * 4)] ?? null);
  return pl.DataFrame([
    pl.Series("k", keys, pl.Int64),
    pl.Series("g", groups, pl.String),
    pl.Series(
      "h",
      keys.map(() => Math.floor(next() * 2)),
      pl.Int8,
    ),
    pl.Series(
      name,
      keys.map((_, i) => i),
      pl.Int32,
    ),
  ]);
}

const left = side(60, 1, "l");
const right = side(45, 2, "r");

interface Options {
  readonly on?: string;
  readonly leftOn?: string;
  readonly rightOn?: string;
  readonly by?: string | readonly string[];
  readonly byLeft?: readonly string[];
  readonly byRight?: readonly string[];
  readonly strategy?: (typeof STRATEGIES)[number];
  readonly tolerance?: number | string;
  readonly allowExactMatches?: boolean;
  readonly coalesce?: boolean;
  readonly checkSortedness?: boolean;
  readonly suffix?: string;
}

function joined(a: LazyDataFrame, b: LazyDataFrame, options: Options): LazyDataFrame {
  const result: unknown = Reflect.apply(a.joinAsof, a, [b, options]);
  if (!pl.LazyDataFrame.isLazyDataFrame(result)) throw new Error("not a lazy frame");
  return result;
}

const check = (options: Options, a = left, b = right) =>
  assertGpuEqualsCpu(() => joined(a.lazy(), b.lazy(), options), { partitions: [null, 7] });

for (const strategy of STRATEGIES) {
  test(strategy, async () => {
    for (const allowExactMatches of [true, false])
      for (const tolerance of [{}, { tolerance: 0 }, { tolerance: 2 }, { tolerance: 3.9 }])
        await check({ on: "k", strategy, allowExactMatches, ...tolerance });
  });

  test(`${strategy} within groups`, async () => {
    await check({ on: "k", by: "g", strategy });
    await check({ on: "k", by: ["g", "h"], strategy, tolerance: 3 });
    await check({ on: "k", byLeft: ["g"], byRight: ["g"], strategy, allowExactMatches: false });
    const sorted = [left, right].map((f) => f.sort(["h", "k"]));
    await check({ on: "k", by: "h", strategy }, sorted[0], sorted[1]);
  });

  test(`${strategy} of every key dtype`, async () => {
    for (const dtype of [pl.Int8, pl.Int32, pl.Float64, pl.Date, pl.Datetime("us"), pl.Duration("ms")]) {
      const [a, b] = [left, right].map((f) => f.withColumns(c("k").cast(pl.Int32).cast(dtype)));
      await check({ on: "k", strategy }, a, b);
    }
    const [a, b] = [left, right].map((f) => f.withColumns(c("k").mul(0.1).as("k")));
    await check({ on: "k", strategy, tolerance: 0.25 }, a, b);
    const [x, y] = [left, right].map((f) => f.filter(c("k").gtEq(0)).withColumns(c("k").cast(pl.UInt64)));
    await check({ on: "k", strategy }, x, y);
    if (strategy !== "nearest") {
      const [p, q] = [left, right].map((f) => f.withColumns(c("k").cast(pl.Float32)));
      await check({ on: "k", strategy }, p, q);
    }
  });

  test(`${strategy} with nothing on either side`, async () => {
    await check({ on: "k", strategy }, left.head(0));
    await check({ on: "k", strategy }, left, right.head(0));
    await check({ on: "k", by: "g", strategy }, left.head(0), right.head(0));
    await check({ on: "k", by: "g", strategy }, left.head(1), right.head(1));
  });
}

test("tolerances of time", async () => {
  const at = (f: DataFrame) => f.withColumns(c("k").mul(3_600_000).cast(pl.Int64).cast(pl.Datetime("ms")));
  for (const tolerance of ["1h", "2h30m", "90s", "1d"]) await check({ on: "k", tolerance }, at(left), at(right));
  const days = (f: DataFrame) => f.withColumns(c("k").cast(pl.Int32).cast(pl.Date));
  for (const tolerance of ["1d", "36h", "1w"]) await check({ on: "k", tolerance, strategy: "nearest" }, days(left), days(right));
  await assertSameError(() => joined(days(left).lazy(), days(right).lazy(), { on: "k", tolerance: "1mo" }));
});

test("names", async () => {
  const other = right.rename({ k: "kk", g: "gg" });
  await check({ leftOn: "k", rightOn: "kk" }, left, other);
  await check({ leftOn: "k", rightOn: "kk", byLeft: ["g"], byRight: ["gg"], suffix: "_z" }, left, other);
  await check({ on: "k", coalesce: false });
  await check({ on: "k", by: "g", coalesce: false, suffix: "_z" });
  await check({ on: "k", coalesce: true });
  await check({ on: "k" }, left, right.withColumns(c("k").cast(pl.Int32)));
});

test("with other nodes around it", async () => {
  await assertGpuEqualsCpu(
    () =>
      joined(left.lazy().filter(c("h").eq(pl.lit(1))), right.lazy().filter(c("r").gt(3)), { on: "k" })
        .filter(c("r").gt(10))
        .groupBy("g")
        .agg(c("r").sum())
        .sort("g"),
    { partitions: [7] },
  );
  await assertGpuEqualsCpu(() => joined(left.lazy(), right.lazy(), { on: "k", strategy: "nearest" }).select("r").slice(3, 9), {});
});

test("keys that do not ascend, or are null or NaN", async () => {
  const lazy = left.lazy();
  await assertSameError(() => joined(lazy.reverse(), right.lazy(), { on: "k" }));
  await assertSameError(() => joined(lazy, right.lazy().reverse(), { on: "k" }));
  await assertQuietlyEqualsCpu(() => joined(left.reverse().lazy(), right.lazy(), { on: "k", checkSortedness: false }));
  const holes = (f: DataFrame) => f.withColumns(pl.when(c("k").lt(-15)).then(pl.lit(null)).otherwise(c("k")).cast(pl.Int64).as("k"));
  await assertQuietlyEqualsCpu(() => joined(holes(left).lazy(), right.lazy(), { on: "k", checkSortedness: false }));
});

test("what stays on CPU polars", async () => {
  const narrow = (f: DataFrame) => f.lazy().withColumns(c("k").cast(pl.Float32));
  await assertFallsBack(() => joined(narrow(left), narrow(right), { on: "k", strategy: "nearest" }), /as-of join by Float32/);
  await assertFallsBack(() => joined(left.sort("g").lazy(), right.sort("g").lazy(), { on: "g" }), /as-of join by String/);
});
