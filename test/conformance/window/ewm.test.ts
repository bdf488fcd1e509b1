/** Exponentially weighted means, variances and deviations. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, random } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;

function numbers(rows: number): pl.DataFrame {
  const next = random(23);
  const full = Array.from({ length: rows }, () => next() * 100);
  return pl
    .DataFrame({ full, holed: full.map((v) => (next() < 0.3 ? null : v)), k: full.map((_, i) => (i * 5) % 3) })
    .withColumns(c("full").cast(pl.Int32).alias("i"), c("full").cast(pl.Float32).alias("f32"));
}

const frames = [
  { frame: numbers(3000), partitions: [null, 1100] },
  { frame: numbers(40), partitions: [11] },
  { frame: numbers(1), partitions: [null] },
  { frame: numbers(0), partitions: [null] },
];

test("weights with and without adjustment, over nulls that count and that do not", async () => {
  for (const { frame, partitions } of frames) {
    for (const [adjust, ignoreNulls] of [
      [true, true],
      [true, false],
      [false, true],
    ] as const) {
      const options = { alpha: 0.3, adjust, bias: false, minPeriods: 2, ignoreNulls };
      const ofAll = (make: (e: Expr) => Expr) =>
        assertGpuEqualsCpu(() => frame.lazy().select(["full", "holed", "i"].map((name) => make(c(name)))), { partitions, rel: 1e-12 });
      await ofAll((e) => e.ewmMean(options));
      await ofAll((e) => e.ewmStd(options));
      await ofAll((e) => e.ewmVar({ ...options, bias: true }));
    }
  }
  await assertGpuEqualsCpu(
    () =>
      numbers(40)
        .lazy()
        .select(c("holed").ewmMean({ alpha: 0.05 }).over("k")),
    { rel: 1e-12 },
  );
  await assertGpuEqualsCpu(
    () =>
      numbers(40)
        .lazy()
        .select(c("holed").ewmVar({ alpha: 0.9 }).over("k")),
    { rel: 1e-12 },
  );
});

test("equal values have no variance", async () => {
  const equal = pl.DataFrame({ x: [0.1, 0.1, null, 0.1, 0.1, 0.7], y: [null, null, 3, 3, 3, 3] });
  for (const bias of [true, false])
    await assertGpuEqualsCpu(() => equal.lazy().select(["x", "y"].map((name) => c(name).ewmVar({ alpha: 0.3, bias, minPeriods: 1 }))), {
      rel: 1e-12,
    });
});

test("of what is no number of itself", async () => {
  const names = ["bool", "date", "us", "d_ms", "time", "str", "dec", "null"];
  for (const frame of [everyDtype(20), everyDtype(1), everyDtype(0)])
    await assertGpuEqualsCpu(() => frame.lazy().select(names.map((name) => c(name).ewmStd({ alpha: 0.5 }))), { rel: 1e-12 });
});

test("after an infinity or NaN there is NaN", async () => {
  const odd = pl.DataFrame({ x: [1, Number.POSITIVE_INFINITY, 3, null, 5], y: [1, Number.NaN, 2, 3, 4] });
  for (const adjust of [true, false]) {
    const options = { alpha: 0.5, adjust, minPeriods: 1 };
    await assertGpuEqualsCpu(() => odd.lazy().select(["x", "y"].map((name) => c(name).ewmMean(options))), { rel: 1e-12 });
    await assertGpuEqualsCpu(() => odd.lazy().select(["x", "y"].map((name) => c(name).ewmVar(options))), { rel: 1e-12 });
  }
});

test("what falls back", async () => {
  await assertFallsBack(
    () =>
      numbers(9)
        .lazy()
        .select(c("f32").ewmMean({ alpha: 0.5 })),
    /EwmMean of Float32/,
  );
});
