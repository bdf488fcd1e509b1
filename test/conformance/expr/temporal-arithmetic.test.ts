/** Dates, datetimes and durations of mixed units: sums, differences and multiples, up to what their ticks hold. */

import { after, test } from "node:test";
import pl, { type DataType, type Series } from "nodejs-polars";
import { FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const col = pl.col;
const kernels = true;
const POINTS = ["date", "ms", "us", "ns"] as const;
const DURATIONS = ["d_ms", "d_us", "d_ns"] as const;

/** Ticks from -2^63 to 2^63 - 1, their neighbours, and whole days with a tick more or less. */
const MOST = 2n ** 63n - 1n;
const TICKS: readonly bigint[] = [
  ...[0n, 1n, -1n, 999n, -999n, 1000n, -1001n, 1_000_001n, -1_000_001n],
  ...[MOST, -MOST - 1n, MOST / 1000n, MOST / 1000n + 1n, -(MOST / 1_000_000n) - 1n],
  ...[86_400_000n, -86_400_001n, 86_400_000_000n, -86_400_000_001n, 86_400_000_000_000n, -86_399_999_999_999n],
];
const DAYS: readonly bigint[] = [0n, -1n, 1n, 19000n, 106_751n, 106_752n, -106_752n, 2n ** 31n - 1n, -(2n ** 31n), 200_000_000n];

const ofTicks = (name: string, values: readonly bigint[], dtype: DataType): Series =>
  pl
    .Series(
      name,
      values.map((v, i) => (i % 11 === 10 ? null : String(v))),
      pl.String,
    )
    .cast(pl.Int64)
    .cast(dtype)
    .alias(name);

/** Every pair of ticks, as each dtype: `ms` .. `ns` and `d_ms` .. `d_ns`, and dates. */
function extremes() {
  const pairs = TICKS.flatMap((a) => TICKS.map((b) => [a, b] as const));
  const [left, right] = [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
  const days = pairs.map((_, i) => DAYS[i % DAYS.length] ?? 0n);
  return pl.DataFrame([
    ofTicks("date", days, pl.Int32).cast(pl.Date).alias("date"),
    ofTicks("date2", days.toReversed(), pl.Int32).cast(pl.Date).alias("date2"),
    ...(["ms", "us", "ns"] as const).flatMap((unit) => [
      ofTicks(unit, left, pl.Datetime(unit)),
      ofTicks(`${unit}2`, right, pl.Datetime(unit)),
      ofTicks(`d_${unit}`, right, pl.Duration(unit)),
      ofTicks(`d_${unit}2`, left, pl.Duration(unit)),
    ]),
    pl.Series(
      "factor",
      pairs.map((_, i) => [1.5, -1, 0, Number.NaN, 1e300, null, 2 ** 53 + 2, -0.25][i % 8] ?? null),
      pl.Float64,
    ),
    pl.Series(
      "times",
      pairs.map((_, i) => (i % 7 === 6 ? null : i - 200)),
      pl.Int64,
    ),
  ]);
}

test("differences and sums of points in time and durations", async (t) => {
  const frames = [
    { name: "extremes", frame: extremes(), partition: 100, second: "2" },
    ...FIXTURES.slice(3, 4).map((f) => ({ ...f, second: "" })),
  ];
  for (const { name, frame, partition, second } of frames)
    await t.test(name, async () => {
      const check = (exprs: readonly pl.Expr[], all = true) =>
        assertGpuEqualsCpu(() => frame.lazy().select(...exprs), { partitions: [partition], kernels: all });
      for (const a of POINTS) {
        await check(
          POINTS.map((b) =>
            col(a)
              .sub(col(`${b}${second}`))
              .as(b),
          ),
        );
        await check(DURATIONS.flatMap((d) => [col(a).add(col(d)).as(`+${d}`), col(a).sub(col(d)).as(`-${d}`)]));
        await check(
          DURATIONS.map((d) => col(d).add(col(a)).as(`${d}+`)),
          a !== "date",
        );
      }
      for (const a of DURATIONS)
        await check(
          DURATIONS.flatMap((b) => [
            col(a)
              .add(col(`${b}${second}`))
              .as(`+${b}`),
            col(a)
              .sub(col(`${b}${second}`))
              .as(`-${b}`),
          ]),
        );
    });
});

test("multiples and sizes of durations", async () => {
  const frame = extremes();
  for (const d of DURATIONS) {
    await assertGpuEqualsCpu(
      () =>
        frame
          .lazy()
          .select(
            col(d).mul(col("factor")).as("float"),
            col(d).mul(col("times")).as("integer"),
            col(d).mul(1).as("one"),
            col(d).mul(-1).as("negative"),
            col(d).mul(1.5).as("constant"),
            col(d).abs().as("abs"),
          ),
      { partitions: [null, 100], kernels },
    );
  }
});

test("timestamps, and dates of datetimes beyond all dates", async () => {
  const frame = extremes();
  await assertGpuEqualsCpu(
    () => frame.lazy().select(...(["date", "ms", "us", "ns"] as const).map((name) => col(name).dt.timestamp().as(name))),
    { partitions: [null, 100], kernels },
  );
  await assertGpuEqualsCpu(() => frame.lazy().select(...(["ms", "us", "ns"] as const).map((name) => col(name).cast(pl.Date).as(name))), {
    partitions: [null, 100],
    kernels,
  });
  for (const { frame: fixture, partition } of FIXTURES)
    await assertGpuEqualsCpu(() => fixture.lazy().select(col("zoned").dt.timestamp(), col("utc").dt.timestamp()), {
      partitions: [null, partition],
      kernels,
    });
});

test("what has no meaning is rejected as polars does", async () => {
  const frame = extremes();
  await assertSameError(() => frame.lazy().select(col("ms").add(col("us")).as("x")));
  await assertSameError(() => frame.lazy().select(col("d_ms").sub(col("ms")).as("x")));
});
