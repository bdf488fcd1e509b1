/** Rolling functions over a fixed number of rows, and interpolation between values. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, INTEGERS, random, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
const every = everyDtype(50);

/** Numbers that do not cancel out, with and without nulls, and a few rows of what is not finite. */
function numbers(rows: number): pl.DataFrame {
  const next = random(11);
  const values = Array.from({ length: rows }, () => next() * 100);
  const holed = values.map((v) => (next() < 0.3 ? null : v));
  const frame = pl.DataFrame({ full: values, holed, k: values.map((_, i) => (i * 7) % 3) });
  return frame.withColumns(c("full").cast(pl.Int32).alias("i"), c("holed").cast(pl.Float32).alias("f32"));
}

const many = numbers(150);
const frames = [
  { frame: many, partitions: [null, 40] },
  { frame: many.head(6), partitions: [2] },
  { frame: many.head(1) },
  { frame: many.head(0) },
];

async function ofAll(names: readonly string[], make: (e: Expr) => Expr): Promise<void> {
  for (const { frame, partitions = [null] } of frames)
    await assertGpuEqualsCpu(() => frame.lazy().select(names.map((name) => make(c(name)))), { partitions, rel: 1e-12 });
}

const WINDOWS = [
  { windowSize: 3 },
  { windowSize: 4, minPeriods: 1, center: true },
  { windowSize: 5, minPeriods: 2, center: true },
  { windowSize: 200, minPeriods: 1 },
];

test("sums and means", async () => {
  for (const options of WINDOWS) {
    await ofAll(["full", "holed", "i"], (e) => e.rollingSum(options));
    await ofAll(["full", "holed", "i"], (e) => e.rollingMean(options));
  }
  await ofAll(["full", "holed"], (e) => e.rollingSum(3).over("k"));
});

test("extremes", async () => {
  for (const options of WINDOWS) {
    await ofAll(["full", "holed", "i", "f32"], (e) => e.rollingMin(options));
    await ofAll(["full", "holed", "i", "f32"], (e) => e.rollingMax(options));
  }
  const names = [...INTEGERS, ...TEMPORALS, "bool"];
  await assertGpuEqualsCpu(() => every.lazy().select(names.map((name) => c(name).rollingMin({ windowSize: 3, minPeriods: 1 }))));
  await assertGpuEqualsCpu(() => every.lazy().select(names.map((name) => c(name).rollingMax({ windowSize: 2, minPeriods: 2 }))));
});

test("variances and deviations", async () => {
  for (const options of WINDOWS) {
    await ofAll(["full", "holed", "i"], (e) => e.rollingVar(options));
    await ofAll(["full", "holed", "i"], (e) => e.rollingStd(options));
  }
});

test("quantiles and medians, by every method", async () => {
  for (const options of WINDOWS) await ofAll(["full", "holed", "i", "f32"], (e) => e.rollingMedian(options));
  for (const interpolation of ["nearest", "lower", "higher", "midpoint", "linear"] as const)
    await ofAll(["holed", "i"], (e) => e.rollingQuantile({ quantile: 0.3, windowSize: 5, minPeriods: 2, interpolation }));
  await assertGpuEqualsCpu(() => many.lazy().select(c("holed").rollingMedian({ windowSize: 4, minPeriods: 1 }).over("k")), { rel: 1e-12 });
  const odd = pl.DataFrame({ x: [1, null, 3, Number.NaN, 5, -0, 0, Number.POSITIVE_INFINITY, 9, Number.NEGATIVE_INFINITY] });
  for (const interpolation of ["nearest", "lower", "higher", "linear"] as const) {
    const options = { quantile: 0.5, windowSize: 3, minPeriods: 1, interpolation };
    await assertGpuEqualsCpu(() => odd.lazy().select(c("x").rollingQuantile(options)), { anyZero: true });
  }
});

test("of what is no number of itself", async () => {
  const floats = ["date", "us", "d_ms", "time", "str", "dec", "null"];
  for (const frame of [everyDtype(20), everyDtype(1), everyDtype(0)]) {
    const ofThese = (names: readonly string[], make: (e: Expr) => Expr) =>
      assertGpuEqualsCpu(() => frame.lazy().select(names.map((name) => make(c(name)))), { rel: 1e-12 });
    await ofThese([...floats, "ms", "ns", "utc", "zoned"], (e) => e.rollingMedian({ windowSize: 4, minPeriods: 1 }));
    await ofThese(floats, (e) => e.rollingStd({ windowSize: 3, minPeriods: 2 }));
    await ofThese(["str", "dec", "null"], (e) => e.rollingMean({ windowSize: 3, minPeriods: 1 }));
    await ofThese(["bool", ...floats], (e) => e.pctChange());
  }
});

test("NaN and infinities in the window", async () => {
  const odd = pl.DataFrame({ x: [1, null, 3, Number.NaN, 5, 6, 7, Number.POSITIVE_INFINITY, 9, 10, 11, -0, 0] });
  const options = { windowSize: 3, minPeriods: 1 };
  await assertGpuEqualsCpu(() => odd.lazy().select(c("x").rollingMin(options), c("x").rollingMax(options).as("max")), { anyZero: true });
  await assertGpuEqualsCpu(() => odd.lazy().select(c("x").rollingSum(options), c("x").rollingStd(options).as("std")), { rel: 1e-12 });
});

test("sums of every integer dtype", async () => {
  await assertGpuEqualsCpu(() =>
    every.lazy().select([...INTEGERS, "bool"].map((name) => c(name).rollingSum({ windowSize: 3, minPeriods: 0 }))),
  );
});

test("interpolation", async () => {
  await ofAll(["full", "holed", "f32", "i"], (e) => e.interpolate());
  const names = ["i8", "i32", "u8", "f32", "f64", "bool", "str", "date", "us", "d_ms"];
  await assertGpuEqualsCpu(() => every.lazy().select(names.map((name) => c(name).interpolate())));
  await assertGpuEqualsCpu(() => every.lazy().select(["i8", "f64", "us"].map((name) => c(name).interpolate("nearest"))));
  await assertGpuEqualsCpu(() => many.lazy().select(c("holed").interpolate().over("k")));
});

test("what falls back", async () => {
  await assertFallsBack(() => many.lazy().select(c("f32").rollingSum(3)), /RollingSum of Float32/, { rel: 1e-5 });
  await assertFallsBack(() => many.lazy().select(c("full").rollingSum({ windowSize: 2, weights: [1, 2] })), /with weights/);
  await assertFallsBack(() => many.lazy().select(c("full").rollingSkew(3)), /RollingSkew has no kernel/);
  await assertFallsBack(() => every.lazy().select(c("us").rollingMean(3)), /RollingMean of Datetime/);
});
