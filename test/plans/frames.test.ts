/** Plans that were read run again on CPU polars over the frames they name, whichever way the frames are passed. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { after, test } from "node:test";
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { install } from "../../src/intercept/install.ts";
import { exprFromDsl, planFromDsl } from "../../src/polars/composing.ts";
import type { DslPlan } from "../../src/polars/dsl.ts";
import { dataFrameOf, runDsl } from "../../src/polars/frames.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import type { NativeLazyFrame } from "../../src/polars/native.ts";
import { type ReadPlan, readPlan } from "../../src/polars/plan-reading.ts";
import { planCases } from "./plan-cases.ts";

const module = ownPolarsModule();
assert(module);
const { pl, native } = module;
const tracking = install(module, { collect: ({ runOnCpu }) => runOnCpu() });
const { cases, dispose } = planCases(pl);
after(dispose);

function read(frame: LazyDataFrame): ReadPlan {
  const tracked = tracking.planOf(frame._ldf as NativeLazyFrame);
  assert(!("untracked" in tracked));
  const plan = readPlan(tracked);
  assert(!("unreadable" in plan));
  return plan;
}

/** The result's bytes; rows in a fixed order where polars gives none. */
function bytes(frame: DataFrame, unordered = false): Buffer {
  return (unordered ? frame.sort(frame.columns) : frame).rechunk().writeIPC();
}
const leavesOf = ({ sources }: ReadPlan): ReadonlyMap<number, NativeLazyFrame> =>
  new Map([...sources].map(([id, frame]) => [id, frame.lazy()]));

for (const { name, make, unordered } of cases.filter((c) => c.name !== "sinkCSV")) {
  test(`${name} runs again from its plan`, async () => {
    const plan = read(make());
    const want = bytes(make().collectSync(), unordered);
    assert.deepEqual(bytes(dataFrameOf(module, await runDsl(module, plan.plan, plan.sources)), unordered), want, "frames shared");
    assert.deepEqual(
      bytes(dataFrameOf(module, await planFromDsl(native, plan.plan, leavesOf(plan)).collect()), unordered),
      want,
      "frames copied",
    );
  });
}

test("inputs need not be those that the plan was made over", async () => {
  const { plan, sources } = read(
    pl
      .DataFrame({ a: [1, 2, 3] })
      .lazy()
      .filter(pl.col("a").gt(1))
      .select(pl.col("a").sum()),
  );
  const [id] = sources.keys();
  assert(id !== undefined);
  const other = pl
    .DataFrame({ a: [0, 5, 6] })
    .lazy()
    .collectSync() as unknown as { _df: never };
  assert.deepEqual(dataFrameOf(module, await runDsl(module, plan, new Map([[id, other._df]]))).toRecords(), [{ a: 11 }]);
});

test("what polars' methods cannot build still runs, with large inputs in a file that is gone afterwards", async () => {
  const left = pl.DataFrame({ id: [1, 2, 3], v: [1, 2, 3] });
  const frame = left.lazy().joinAsof(pl.DataFrame({ id: [1, 3], w: [5, 6] }).lazy(), { on: "id" });
  const { plan, sources } = read(frame);
  const files = (): number => readdirSync("/dev/shm").filter((name) => name.startsWith("polars-webgpu-")).length;
  const earlier = files();
  const result = dataFrameOf(module, await runDsl(module, plan, sources, { fileAbove: 0 }));
  assert.deepEqual(result.toRecords(), frame.collectSync().toRecords());
  assert.equal(files(), earlier);
});

test("an error of polars rejects with polars' own message", async () => {
  const { plan, sources } = read(
    pl
      .DataFrame({ a: [1] })
      .lazy()
      .select(pl.col("nothing")),
  );
  await assert.rejects(() => runDsl(module, plan, sources), /nothing/);
});

test("plans deeper than JSON may be, with literals that JSON cannot hold, are built exactly", async () => {
  let frame = pl.DataFrame({ a: [1, Number.NaN] }).lazy();
  for (let i = 0; i < 150; i++) frame = frame.withColumns(pl.col("a").add(1));
  frame = frame.select(pl.col("a"), pl.lit(Number.NaN).as("n"), pl.lit(Number.NEGATIVE_INFINITY).as("i"), pl.lit(-0).as("z"));
  const plan = read(frame);
  const want = frame.collectSync();
  const rows = planFromDsl(native, plan.plan, leavesOf(plan)).collectSync("in-memory");
  assert.deepEqual(bytes(dataFrameOf(module, rows)), bytes(want));
  assert.deepEqual(bytes(dataFrameOf(module, await runDsl(module, plan.plan, plan.sources))), bytes(want));
});

test("one cache node stays one", async () => {
  const cached = pl
    .DataFrame({ a: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] })
    .lazy()
    .select(pl.col("a").sample({ n: 10, withReplacement: true } as never))
    .cache();
  const { plan, sources } = read(pl.concat([cached, cached.select(pl.col("a"))]));
  const rows = dataFrameOf(module, await runDsl(module, plan, sources))
    .toRecords()
    .map(({ a }) => a);
  assert.deepEqual(rows.slice(0, 10), rows.slice(10));
});

test("an unknown leaf is a bug, not an answer", async () => {
  const plan: DslPlan = { Slice: { input: { Source: 7 }, offset: 0, len: 1 } };
  await assert.rejects(() => runDsl(module, plan, new Map()), /no input 7/);
});

test("an expression is built as it is read", () => {
  for (const expr of [
    { Column: "a" },
    "Len",
    { Literal: { Scalar: { Float64: 1.5 } } },
    { Literal: { Scalar: { UInt64: 2n ** 64n - 1n } } },
  ] as const) {
    const text = exprFromDsl(native, expr).serialize("json").toString();
    assert.equal(
      text,
      JSON.stringify(expr, (_key, v: unknown) => (typeof v === "bigint" ? "BIG" : v)).replace('"BIG"', "18446744073709551615"),
    );
  }
  assert.throws(() => exprFromDsl(native, { Nope: null }), /unknown variant/);
});
