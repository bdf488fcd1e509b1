/** Window functions without partition keys over many partitions: none is collapsed, and the answers are those of one partition. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type Expr, type LazyDataFrame } from "nodejs-polars";
import { everyDtype, INTEGERS } from "../../../src/conformance/fixture.ts";
import { frameDifference, type Tolerance } from "../../../src/fallback/frame-difference.ts";
import { GPUEngine } from "../../../src/index.ts";
import { bytesOfQueries } from "../harness.ts";
import { ENGINES } from "./harness.ts";

const c = pl.col;
const ROWS = 17;

/** `sparse`: a number in every sixth row. */
const frameOf = (rows: number): pl.DataFrame =>
  everyDtype(rows).withColumns(pl.when(c("row").modulo(6).eq(3)).then(c("row")).otherwise(pl.lit(null)).as("sparse"));
const every = frameOf(ROWS);
const moved = every.columns.filter((name) => name !== "null");
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

/** The types of nodejs-polars do not know the limit. */
function filled(e: Expr, strategy: "forward" | "backward", limit: number): Expr {
  const result: unknown = Reflect.apply(e.fillNull, e, [strategy, limit]);
  assert.ok(pl.Expr.isExpr(result));
  return result;
}

/** The functions by how far they look. */
const CASES: Readonly<Record<string, Case>> = {
  "rows before": of(moved, (e) => e.shift(1)),
  "rows behind, and further away than a partition is long": {
    exprs: [...["i8", "u64", "cat", "list"].map((name) => c(name).shift(-2)), ...["i64", "str", "f64"].map((name) => c(name).shift(9))],
  },
  "rows that there are none of": of(["i64", "str"], (e) => e.shift(-1000)),
  "what is made of rows nearby": {
    exprs: [
      c("i32").diff(1, "ignore"),
      c("us").diff(2, "ignore"),
      c("f64").pctChange(2),
      c("i32").shiftAndFill(2, 7),
      c("u8").shiftAndFill(-1, 3),
      c("f64").peakMax(),
    ],
  },
  "limited fills": of(["sparse", "str", "bool", "f64"], (e) => filled(e, "forward", 2)),
  "limited fills from the end": of(["sparse", "str", "us"], (e) => filled(e, "backward", 4)),
  "no fills at all": of(["sparse", "str"], (e) => filled(e, "forward", 0)),
  fills: of([...moved], (e) => e.forwardFill()),
  "fills from the end": of(["sparse", "i64", "str", "f32", "struct", "zoned"], (e) => e.backwardFill()),
  sums: of(summed, (e) => e.cumSum()),
  "sums and products from the end": { exprs: [...of(summed, (e) => e.cumSum(true)).exprs, ...of(INTEGERS, (e) => e.cumProd(true)).exprs] },
  "products and counts": { exprs: [...of(INTEGERS, (e) => e.cumProd()).exprs, ...of(["str", "f64", "null"], (e) => e.cumCount()).exprs] },
  "least and greatest values": { exprs: [...of(compared, (e) => e.cumMin()).exprs, ...of(compared, (e) => e.cumMax()).exprs] },
  "least and greatest values from the end": {
    exprs: [...of(compared, (e) => e.cumMin(true)).exprs, ...of(compared, (e) => e.cumMax(true)).exprs],
  },
  "counts from the end": of(["i8", "str", "null", "sparse"], (e) => e.cumCount(true)),
  "rolling sums and means": {
    exprs: [
      ...of(["small", "i32"], (e) => e.rollingSum({ windowSize: 4, minPeriods: 1 })).exprs,
      c("small").div(3).rollingSum({ windowSize: 9, minPeriods: 2, center: true }),
      c("small").div(7).rollingMean({ windowSize: 3, minPeriods: 1 }),
    ],
    rel: 1e-12,
  },
  "rolling extremes": of(["i8", "us", "f32"], (e) => e.rollingMax({ windowSize: 10, minPeriods: 1, center: true }), { anyZero: true }),
  "rolling deviations and medians": {
    exprs: [c("small").div(3).rollingStd({ windowSize: 5, minPeriods: 2 }), c("small").rollingMedian({ windowSize: 50, minPeriods: 1 })],
    rel: 1e-12,
  },
  "opposite order": of(moved, (e) => e.reverse()),
  "sorted values": {
    exprs: [
      ...["i8", "u64", "str", "date", "bool"].map((name) => c(name).sort()),
      ...["i64", "str2", "us"].map((name) => c(name).sort({ descending: true, nullsLast: true })),
      c("f64").sort(),
      c("list").sortBy([c("k"), c("str")], [true, false]),
    ],
    anyZero: true,
  },
  "places of sorted values": {
    exprs: [...["k", "g", "f64", "bool", "cat"].map((name) => c(name).argSort()), c("k").argSort(true)],
  },
  "least and greatest ranks": {
    exprs: [...["k", "g", "f32", "bool"].map((name) => c(name).rank("min")), ...["k", "str"].map((name) => c(name).rank("max", true))],
  },
  "dense ranks": { exprs: [...["k", "g", "f64", "i64"].map((name) => c(name).rank("dense")), c("k").rank("dense", true)] },
  "other ranks": {
    exprs: [...["k", "f32"].map((name) => c(name).rank("ordinal")), ...["k", "str"].map((name) => c(name).rank("average"))],
  },
  interpolation: of(["i8", "f64", "us"], (e) => e.interpolate(), { rel: 1e-12 }),
  "many ways at once": {
    exprs: [
      c("str").shift(1),
      c("i32").cumSum(),
      c("i64").cumMax(true),
      filled(c("us"), "forward", 3),
      c("g").backwardFill(),
      c("f64").cumCount(),
      c("k").rank("dense"),
      c("str2").sort(),
      c("i8").reverse(),
    ],
  },
};

/**
 * Frames with the rows of partitions that they are tested with: no rows, one, some, some between rows that a filter drops, and rows that a
 * filter drops altogether.
 */
const FRAMES: Readonly<Record<string, readonly [LazyDataFrame, readonly number[]]>> = {
  "no rows": [frameOf(0).lazy(), [3]],
  "one row": [frameOf(1).lazy(), [3]],
  rows: [every.lazy(), [1, 3, 7]],
  "rows between empty partitions": [every.lazy().filter(c("row").gt(6).and(c("row").lt(9)).or(c("row").eq(13))), [3]],
  "empty partitions": [every.lazy().filter(c("row").gt(ROWS)), [7]],
};

/** Both streaming engines, which refuse what they would have to collapse. */
function engineOf(engine: (typeof ENGINES)[number], maxRowsPerPartition: number): GPUEngine {
  return new GPUEngine({ raiseOnFail: true, executorOptions: { engine, maxRowsPerPartition, fallbackMode: "raise" } });
}

const WHOLE = new GPUEngine({ raiseOnFail: true, executor: "in-memory" });
const SPLIT = ENGINES.flatMap((engine) => [1, 3, 7].map((rows) => ({ engine, rows, gpu: engineOf(engine, rows) })));
after(async () => {
  for (const gpu of [WHOLE, ...SPLIT.map((split) => split.gpu)]) await gpu.close();
});

const named = ({ exprs }: Case): Expr[] => exprs.map((e, i) => e.as(`${i}`));

for (const [name, tested] of Object.entries(CASES)) {
  test(name, async () => {
    const exprs = named(tested);
    for (const [what, [frame, partitions]] of Object.entries(FRAMES)) {
      const lf = frame.withColumns(...exprs);
      const together = await lf.collect({ engine: WHOLE });
      assert.equal(frameDifference(await lf.collect(), together, tested), null, what);
      for (const { engine, rows, gpu } of SPLIT) {
        if (!partitions.includes(rows)) continue;
        const run = `${what}, ${engine}, ${rows} in a partition`;
        assert.equal(frameDifference(together, await lf.collect({ engine: gpu }), {}), null, run);
        assert.equal(gpu.lastQuery?.fallback, null, run);
        assert.equal(bytesOfQueries(await gpu.deviceStats()), 0, `${run}: device memory stays in use`);
      }
    }
  });
}

test("the windows stay in their partitions", async () => {
  const gpu = engineOf("tasks", 7);
  for (const [name, tested] of Object.entries(CASES)) {
    const { nodes } = await gpu.physicalPlan(every.lazy().select(...named(tested)));
    const windows = nodes.filter((node) => node.name === "WINDOW");
    assert.ok(windows.length > 0, name);
    assert.deepEqual([...new Set(windows.map(({ partitions }) => partitions))], [3], name);
  }
  await gpu.close();
});

test("windows in an order: over one another they share a sort", async () => {
  const sums = 'SELECT "row", SUM(small) OVER (ORDER BY k, "row") AS s FROM t';
  const several =
    'SELECT "row", SUM(small) OVER (ORDER BY k, "row") AS s, DENSE_RANK() OVER (ORDER BY small2) AS d, LAG(str) OVER (ORDER BY "row" DESC) AS l FROM t';
  const query = (sql: string): LazyDataFrame => pl.SQLContext({ t: every.lazy() }).execute(sql);
  for (const { engine, rows, gpu } of SPLIT) {
    for (const lf of [query(sums), query(several)])
      assert.equal(frameDifference(await lf.collect(), await lf.collect({ engine: gpu }), {}), null, `${engine}, ${rows}`);
    const { text } = await gpu.physicalPlan(query(sums));
    assert.deepEqual([text.match(/WINDOW/g)?.length, text.match(/BY RANGE/g)?.length], [2, 1]);
  }
});

test("over rows of which only some partitions come", async () => {
  const lf = every
    .lazy()
    .groupBy("k", true)
    .agg(c("small").sum(), c("row").max())
    .withColumns(
      c("row").reverse().as("a"),
      c("row").sort().as("b"),
      c("small").cumSum(true).as("d"),
      c("row").rank("dense").as("e"),
      c("row").shift(1).as("f"),
      c("row").argSort().as("g"),
    );
  for (const { engine, rows, gpu } of SPLIT)
    assert.equal(frameDifference(await lf.collect(), await lf.collect({ engine: gpu }), {}), null, `${engine}, ${rows}`);
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
