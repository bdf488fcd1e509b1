/** Parts of points in time, over the years 1 to 9999 and before, in every unit. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;

const DATE_PARTS = {
  year: (e: Expr) => e.dt.year(),
  month: (e: Expr) => e.dt.month(),
  day: (e: Expr) => e.dt.day(),
  week: (e: Expr) => e.dt.week(),
  weekday: (e: Expr) => e.dt.weekday(),
  ordinalDay: (e: Expr) => e.dt.ordinalDay(),
} as const;
const TIME_PARTS = {
  hour: (e: Expr) => e.dt.hour(),
  minute: (e: Expr) => e.dt.minute(),
  second: (e: Expr) => e.dt.second(),
  nanosecond: (e: Expr) => e.dt.nanosecond(),
} as const;

const partsOf = (names: readonly string[], parts: Readonly<Record<string, (e: Expr) => Expr>>): Expr[] =>
  names.flatMap((name) => Object.entries(parts).map(([part, of]) => of(col(name)).as(`${part}(${name})`)));

test("parts of the date", () =>
  assertGpuEqualsCpu(() => frame.lazy().select(...partsOf(["date", "ms", "us", "ns", "utc"], DATE_PARTS)), { partitions }));

test("parts of the time of day", () =>
  assertGpuEqualsCpu(() => frame.lazy().select(...partsOf(["ms", "us", "ns", "utc", "time"], TIME_PARTS)), { partitions }));

test("every day of ten years around turns of centuries", () => {
  const starts = [-25567, 10957, -135140, 47482, -719162].map((start) => Array.from({ length: 3653 }, (_, i) => String(start + i)));
  const days = pl.DataFrame([pl.Series("date", starts.flat(), pl.String).cast(pl.Int32).cast(pl.Date).alias("date")]);
  return assertGpuEqualsCpu(() => days.lazy().select(...partsOf(["date"], DATE_PARTS)), { partitions });
});

test("EXTRACT of SQL: quarter, ISO year and the rest", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: frame.lazy() }).execute(
        `SELECT EXTRACT(quarter FROM date) AS q, EXTRACT(isoyear FROM us) AS iso, EXTRACT(week FROM ms) AS w, EXTRACT(doy FROM ns) AS doy,
          EXTRACT(isodow FROM date) AS dow, EXTRACT(nanosecond FROM time) AS nanos, EXTRACT(hour FROM utc) AS h FROM f`,
      ),
    { partitions },
  ));

for (const { name, frame: sized } of FIXTURES.slice(0, 3))
  test(`parts over ${name}`, () =>
    assertGpuEqualsCpu(() => sized.lazy().select(...partsOf(["date"], DATE_PARTS), ...partsOf(["us"], TIME_PARTS)), {
      partitions,
    }));

test("parts that need a time zone, and other temporal functions, are looked up", async () => {
  for (const make of [
    () => col("zoned").dt.hour(),
    () => col("us").dt.truncate("1d"),
    () => col("us").dt.strftime("%Y"),
    () => col("us").dt.timestamp(),
  ])
    await assertGpuEqualsCpu(() => frame.lazy().select(make()), { partitions });
});
