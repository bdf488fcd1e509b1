/** dt.truncate, dt.round and intervals by constant durations: dates and points in time of every unit, before and after 1970. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const partitions = [64];
const col = pl.col;
const POINTS = ["ms", "us", "ns", "utc"] as const;

const starts = [-25567, 10957, -135140, 47482, -719162];
const every = starts.flatMap((start) => Array.from({ length: 400 }, (_, i) => String(start + i)));
/** Days around turns of centuries, with times of day. */
const days = pl.DataFrame([pl.Series("date", every, pl.String).cast(pl.Int32).cast(pl.Date).alias("date")]).withColumns(
  col("date")
    .cast(pl.Datetime("us"))
    .add(col("date").cast(pl.Int64).mul(7_654_321_987).modulo(86_400_000_000).cast(pl.Duration("us")))
    .as("us"),
);

const FIXED = ["1d", "10d", "1w", "2w", "36h", "7h", "15m", "90s"];
const MONTHS = ["1mo", "5mo", "1q", "7mo", "1y", "7y"];

const both = (name: string, by: string): readonly Expr[] => [
  col(name).dt.truncate(by).as(`${name} ${by}`),
  col(name).dt.round(by).as(`${name} ~ ${by}`),
];

for (const by of [...FIXED, ...MONTHS])
  test(`truncate and round to ${by}`, async () => {
    await assertGpuEqualsCpu(() => frame.lazy().select(...["date", ...POINTS].flatMap((name) => both(name, by))), { partitions });
    await assertGpuEqualsCpu(() => days.lazy().select(...["date", "us"].flatMap((name) => both(name, by))), { partitions: [700] });
  });

test("parts of a tick and sums of units", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          ...POINTS.flatMap((name) => ["1d12h", "3us", "1500us"].map((by) => col(name).dt.truncate(by).as(`${name} ${by}`))),
          col("ns").dt.round("3us").as("ns ~"),
          col("us").dt.truncate("1ns").as("whole"),
        ),
    { partitions },
  ));

for (const { name, frame: sized } of FIXTURES)
  test(`truncate and round over ${name}`, () =>
    assertGpuEqualsCpu(() => sized.lazy().select(...both("date", "1mo"), ...both("us", "1w"), ...both("ns", "6h"))));

const INTERVALS = [
  "1 month",
  "-1 month",
  "13 months",
  "1 year 2 months 3 days",
  "-1 quarter",
  "2 weeks",
  "-90 minutes",
  "3 days 5 hours",
  "-7 microseconds",
];
const shifted = (names: readonly string[], interval: string): string =>
  names.map((n) => `${n} ${interval.startsWith("-") ? "-" : "+"} INTERVAL '${interval.replace("-", "")}' AS ${n}`).join(", ");

for (const interval of INTERVALS)
  test(`plus an interval of ${interval}`, async () => {
    const sql = (data: typeof frame, names: readonly string[]) => () =>
      pl.SQLContext({ f: data.lazy() }).execute(`SELECT ${shifted(names, interval)} FROM f`);
    await assertGpuEqualsCpu(sql(frame, ["date", ...POINTS]), { partitions });
    await assertGpuEqualsCpu(sql(days, ["date", "us"]), { partitions: [700] });
  });
