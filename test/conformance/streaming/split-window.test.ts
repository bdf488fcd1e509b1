/** Window functions without partition keys over many partitions: none is collapsed, and the answers are those of one partition. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type Expr, type LazyDataFrame } from "nodejs-polars";
import { everyDtype, INTEGERS } from "../../../src/conformance/fixture.ts";
import { frameDifference, type Tolerance } from "../../../src/fallback/frame-difference.ts";
import { GPUEngine } from "../../../src/index.ts";
import { ENGINES } from "./harness.ts";

const c = pl.col;
const ROWS = 23;

const every = everyDtype(ROWS);
const moved = every.columns.filter((name) => name !== "null");
const plain = moved.filter((name) => !["list", "struct", "dec"].includes(name));
const summed = [...INTEGERS, "d_us"];
const compared = [...INTEGERS, "f32", "f64", "bool", "date", "us", "time"];

/** Expressions of nodejs-polars take longer to make than small queries take to run: once for all frames. */
interface Case extends Tolerance {
  readonly exprs: readonly Expr[];
}

const of = (names: readonly string[], make: (e: Expr) => Expr, tolerance: Tolerance = {}): Case => ({
  exprs: names.map((name) => make(c(name))),
  ...tolerance,
});

/** The functions by how far they look. */
const CASES: Readonly<Record<string, Case>> = {
  "rows before": of(moved, (e) => e.shift(1)),
  "rows behind": of(moved, (e) => e.shift(-2)),
  "rows further away than a partition is long": of(["i64", "str", "f64"], (e) => e.shift(11)),
  "rows that there are none of": of(["i64", "str", "f64"], (e) => e.shift(-1000)),
  differences: of(["i32", "f64", "us"], (e) => e.diff(1, "ignore")),
  changes: of(["small", "f64"], (e) => e.pctChange(2)),
  "filled in at the ends": of(["i32", "str"], (e) => e.shiftAndFill(2, 7)),
  peaks: of(["i32", "f64"], (e) => e.peakMax()),
  "limited fills": of(plain, (e) => e.forwardFill(2)),
  "limited fills from the end": of(plain, (e) => e.backwardFill(9)),
  fills: of(moved, (e) => e.forwardFill()),
  "fills from the end": of(moved, (e) => e.backwardFill()),
  sums: of(summed, (e) => e.cumSum()),
  "sums from the end": of(summed, (e) => e.cumSum(true)),
  products: of(INTEGERS, (e) => e.cumProd()),
  "products from the end": of(INTEGERS, (e) => e.cumProd(true)),
  "least values": of(compared, (e) => e.cumMin()),
  "greatest values": of(compared, (e) => e.cumMax()),
  "least values from the end": of(compared, (e) => e.cumMin(true)),
  "greatest values from the end": of(compared, (e) => e.cumMax(true)),
  counts: of([...moved, "null"], (e) => e.cumCount()),
  "counts from the end": of([...moved, "null"], (e) => e.cumCount(true)),
  "rolling sums": of(["small", "i32"], (e) => e.rollingSum({ windowSize: 4, minPeriods: 1 })),
  "rolling sums of floats": of(["small"], (e) => e.div(3).rollingSum({ windowSize: 9, minPeriods: 2, center: true }), { rel: 1e-12 }),
  "rolling extremes": of(["i8", "us", "f32"], (e) => e.rollingMax({ windowSize: 10, minPeriods: 1, center: true }), { anyZero: true }),
  "rolling means": of(["small"], (e) => e.rollingMean({ windowSize: 3 }), { rel: 1e-12 }),
  "rolling deviations": of(["small"], (e) => e.rollingStd({ windowSize: 5, minPeriods: 2 }), { rel: 1e-12 }),
  "rolling medians": of(["small"], (e) => e.rollingMedian({ windowSize: 50, minPeriods: 1 }), { rel: 1e-12 }),
  interpolation: of(["i8", "f64", "us"], (e) => e.interpolate(), { rel: 1e-12 }),
  "many ways at once": {
    exprs: [
      c("str").shift(1),
      c("i32").cumSum(),
      c("i64").cumMax(true),
      c("us").forwardFill(3),
      c("g").backwardFill(),
      c("f64").cumCount(),
    ],
  },
};

/** Frames of no rows, of one, of some, of some between rows that a filter drops, and of those that a filter drops altogether. */
const FRAMES: Readonly<Record<string, LazyDataFrame>> = {
  "no rows": everyDtype(0).lazy(),
  "one row": everyDtype(1).lazy(),
  rows: every.lazy(),
  "rows between empty partitions": every.lazy().filter(c("row").gt(6).and(c("row").lt(9)).or(c("row").eq(16))),
  "empty partitions": every.lazy().filter(c("row").gt(ROWS)),
};

/** Both streaming engines, which refuse what they would have to collapse. */
function engineOf(engine: (typeof ENGINES)[number], maxRowsPerPartition: number): GPUEngine {
  return new GPUEngine({ raiseOnFail: true, executorOptions: { engine, maxRowsPerPartition, fallbackMode: "raise" } });
}

const WHOLE = new GPUEngine({ raiseOnFail: true, executor: "in-memory" });
const SPLIT = ENGINES.flatMap((engine) => [1, 3, 7].map((rows) => ({ what: `${engine}, ${rows}`, gpu: engineOf(engine, rows) })));
after(async () => {
  for (const gpu of [WHOLE, ...SPLIT.map((split) => split.gpu)]) await gpu.close();
});

const named = ({ exprs }: Case): readonly Expr[] => exprs.map((e, i) => e.as(`${i}`));

for (const [name, tested] of Object.entries(CASES)) {
  test(name, async () => {
    const exprs = named(tested);
    for (const [rows, frame] of Object.entries(FRAMES)) {
      const lf = frame.withColumns(exprs);
      const together = await lf.collect({ engine: WHOLE });
      assert.equal(frameDifference(await lf.collect(), together, tested), null, rows);
      for (const { what, gpu } of SPLIT) {
        assert.equal(frameDifference(together, await lf.collect({ engine: gpu }), {}), null, `${rows}, ${what} in a partition`);
        assert.equal((await gpu.deviceStats())?.allocatedBytes ?? 0, 0, `${rows}, ${what} in a partition: device memory stays in use`);
      }
    }
  });
}

test("the windows stay in their partitions", async () => {
  const gpu = engineOf("tasks", 7);
  for (const [name, tested] of Object.entries(CASES)) {
    const { nodes } = await gpu.physicalPlan(every.lazy().select(named(tested)));
    const windows = nodes.filter((node) => node.name === "WINDOW");
    assert.ok(windows.length > 0, name);
    assert.deepEqual([...new Set(windows.map(({ partitions }) => partitions))], [4], name);
  }
  await gpu.close();
});

test("what needs all rows together still has them", async () => {
  const gpu = new GPUEngine({ raiseOnFail: true, executorOptions: { maxRowsPerPartition: 7, fallbackMode: "silent" } });
  const running = every.lazy().select(c("f64").cumSum(), c("i32").shift(1));
  const { nodes } = await gpu.physicalPlan(running);
  assert.deepEqual(
    nodes.filter(({ name }) => name === "WINDOW").map(({ partitions }) => partitions),
    [1],
  );
  await gpu.close();
});
