/** Reading tracked plans: each equals the plan that polars itself serialises, numbers exact, and each runs to the same result. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { type CollectRequest, install } from "../../src/intercept/install.ts";
import type { DslValue } from "../../src/polars/dsl.ts";
import { isList, isObject, tagOf } from "../../src/polars/dsl.ts";
import { dslText, parseDsl } from "../../src/polars/dsl-text.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import type { NativeLazyFrame } from "../../src/polars/native.ts";
import { type ReadPlan, readPlan } from "../../src/polars/plan-reading.ts";
import { numberedColumns, planCases } from "./plan-cases.ts";

const module = ownPolarsModule();
assert(module);
const { pl } = module;
const tracking = install(module, { collect: ({ runOnCpu }: CollectRequest) => runOnCpu() });
const { cases, dispose } = planCases(pl);
after(dispose);

function read(frame: LazyDataFrame): ReadPlan {
  const tracked = tracking.planOf(frame._ldf);
  assert(!("untracked" in tracked), "untracked" in tracked ? tracked.untracked : "");
  const plan = readPlan(tracked);
  assert(!("unreadable" in plan), "unreadable" in plan ? plan.unreadable : "");
  return plan;
}

/** The plan with leaves made alike and without what differs from run to run. */
function comparable(value: DslValue): string {
  const strip = (v: DslValue): DslValue => {
    if (isList(v)) return v.map(strip);
    if (!isObject(v)) return v;
    const [name, payload] = tagOf(v) ?? [];
    if (name === "DataFrameScan" || name === "Source") return "leaf";
    if (name === "IR" && isObject(payload)) return strip(payload.dsl ?? null);
    return Object.fromEntries(Object.entries(v).map(([key, item]) => [key, strip(item)]));
  };
  return dslText(strip(value))
    .replace(/"id":"[0-9a-f-]{36}"/g, '"id":"*"')
    .replace(/_POLARS_TMP_\d+/g, "_POLARS_TMP_");
}

const serialized = (frame: LazyDataFrame): DslValue => parseDsl(nativeOf(frame).serialize("json").toString());
const nativeOf = (frame: LazyDataFrame): NativeLazyFrame => frame._ldf;

for (const { name, make } of cases) {
  test(`the plan read for ${name} is the real one`, () => {
    const frame = make();
    assert.equal(comparable(read(frame).plan), comparable(serialized(frame)));
  });
}

test("sources are the frames that the plan mentions, by id, in document order", () => {
  const frames: Record<string, DataFrame> = {
    a: pl.DataFrame({ id: [1] }),
    b: pl.DataFrame({ id: [1, 2] }),
    unused: pl.DataFrame({ id: [1, 2, 3] }),
  };
  const { plan, sources } = read(pl.SQLContext(frames).execute("SELECT b.id FROM b JOIN a ON a.id = b.id"));
  assert.deepEqual(
    [...sources.values()].map((frame) => frame.height),
    [2, 1],
  );
  for (const id of sources.keys()) assert.match(dslText(plan), new RegExp(`\\{"Source":${id}\\}`));
});

test("one frame is one source however often it becomes lazy, until it changes in place", () => {
  const df = pl.DataFrame({ a: [1, 2] });
  const [first] = read(df.lazy()).sources;
  const [again] = read(df.lazy().join(df.lazy(), { on: "a" })).sources;
  assert.deepEqual(again?.[0], first?.[0]);
  assert.equal(again?.[1], first?.[1]);
  const before = df.lazy();
  (df as unknown as { _df: { replaceAtIdx(index: number, series: unknown): void } })._df.replaceAtIdx(0, pl.Series("a", [8, 9]).inner());
  const [changed] = read(df.lazy()).sources;
  assert.notEqual(changed?.[0], first?.[0]);
  assert.deepEqual(module.eagerWrappers._DataFrame(read(before).sources.values().next().value as never).toRecords(), [{ a: 1 }, { a: 2 }]);
});

test("NaN, infinities, -0 and 64-bit integers are exact", () => {
  const frame = pl
    .DataFrame({ a: [1] })
    .lazy()
    .select(
      pl.lit(Number.NaN).as("x"),
      pl.lit(Number.NEGATIVE_INFINITY).as("y"),
      pl.col("a").gt(-0).as("c"),
      pl.lit(2n ** 64n - 1n).as("z"),
      pl.lit(2 ** 60).as("w"),
    );
  const found: DslValue[] = [];
  const walk = (v: DslValue): void => {
    if (isList(v)) for (const item of v) walk(item);
    if (!isObject(v)) return;
    for (const [key, item] of Object.entries(v)) {
      if (key === "Float64" || key === "UInt64") found.push(item);
      walk(item);
    }
  };
  walk(read(frame).plan);
  assert.deepEqual(found, [Number.NaN, Number.NEGATIVE_INFINITY, -0, 2n ** 64n - 1n, 2 ** 60]);
});

test("NaN inside nested and tuple variants is found", () => {
  const frame = pl
    .DataFrame({ a: [1.5] })
    .lazy()
    .select(
      pl.when(pl.col("a").gt(1)).then(pl.lit(Number.NaN)).otherwise(pl.col("a").fillNan(Number.POSITIVE_INFINITY)).as("q"),
      pl.col("a").clip(0, Number.POSITIVE_INFINITY).as("c"),
    );
  assert.equal(dslText(read(frame).plan).includes("null"), true);
  const text = JSON.stringify(read(frame).plan, (_key, v: unknown) => (typeof v === "number" && !Number.isFinite(v) ? String(v) : v));
  assert.equal(text.match(/"Float64":"NaN"/g)?.length, 1);
  assert.equal(text.match(/"Float64":"Infinity"/g)?.length, 2);
});

test("column order survives names that look like integers", () => {
  const frame = pl.LazyDataFrame.deserialize(numberedColumns(pl).lazy().serialize("bincode"), "bincode");
  const [source] = read(frame).sources.values();
  assert.deepEqual(source?.columns, ["b", "10", "0", "__proto__"]);
  const text = `{"fields":{"b":"Int64","10":"Int64","0":"String"},"metadata":null}`;
  assert.equal(dslText(parseDsl(text)), text);
});

test("JSON text is read and written to the letter", () => {
  for (const text of [
    '{"a":[1,-2,9007199254740993,-9223372036854775808,18446744073709551615]}',
    '{"s":"a\\"b\\\\\\n\\u0001é"}',
    '{"Series":[1,255,0]}',
    "[]",
    "{}",
    "[-0.0,0.1,null,true,false]",
    '{"List":{"List":"Int64"}}',
    '{"List":[]}',
  ]) {
    assert.equal(dslText(parseDsl(text)), text);
  }
  assert.deepEqual(parseDsl('{"Series":[1,255]}'), { Series: Uint8Array.of(1, 255) });
  for (const text of ["", "{", '{"a"}', "[1,]", "nul", '"a', "1 2", "[1 2]"]) assert.throws(() => parseDsl(text), SyntaxError, text);
});
