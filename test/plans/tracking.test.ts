/** Source tracking: it changes nothing about CPU polars, follows every way to make a lazy frame, and says why when it cannot. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { DataFrame, Expr, LazyDataFrame } from "nodejs-polars";
import { install } from "../../src/intercept/install.ts";
import type { DslValue } from "../../src/polars/dsl.ts";
import { dslText } from "../../src/polars/dsl-text.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import { type ReadPlan, readPlan } from "../../src/polars/plan-reading.ts";
import { planCases } from "./plan-cases.ts";

const module = ownPolarsModule();
assert(module);
const { pl } = module;
const { cases, dispose } = planCases(pl);
after(dispose);

const early = pl.DataFrame({ a: [1, 2] });
const earlyLazy = early.lazy();
const untouched = new Map<string, Buffer | string>();

/** The result as bytes, or the error's text; what is made at random in it is cut out. */
function outcome(frame: LazyDataFrame): Buffer | string {
  try {
    const result: DataFrame = frame.collectSync();
    return result.rechunk().writeIPC();
  } catch (error) {
    return String(error).replace(/_POLARS_TMP_\d+/g, "");
  }
}

const ordered = cases.filter((c) => c.unordered !== true && c.name !== "sinkCSV");
before(() => {
  for (const { name, make } of ordered) untouched.set(name, outcome(make()));
  install(module, { collect: ({ runOnCpu }) => runOnCpu() });
});
const tracking = () => install(module, { collect: ({ runOnCpu }) => runOnCpu() });

function read(frame: LazyDataFrame): ReadPlan {
  const tracked = tracking().planOf(frame._ldf);
  assert(!("untracked" in tracked), "untracked" in tracked ? tracked.untracked : "");
  const plan = readPlan(tracked);
  assert(!("unreadable" in plan), "unreadable" in plan ? plan.unreadable : "");
  return plan;
}
function reason(frame: LazyDataFrame): string {
  const tracked = tracking().planOf(frame._ldf);
  return "untracked" in tracked ? tracked.untracked : "";
}

test("results of CPU polars are the same bytes with and without interception", () => {
  for (const { name, make } of ordered) assert.deepEqual(outcome(make()), untouched.get(name), name);
});

test("a DataFrame from before the installation is tracked, a LazyDataFrame from before is not", () => {
  assert.equal(read(early.lazy()).sources.size, 1);
  assert.match(reason(earlyLazy), /before polars-webgpu was loaded/);
  assert.match(reason(earlyLazy.filter(pl.col("a").gt(1))), /before polars-webgpu was loaded/);
  assert.match(reason(early.lazy().join(earlyLazy, { on: "a" })), /before polars-webgpu was loaded/);
  assert.match(reason(pl.concat([early.lazy(), earlyLazy])), /before polars-webgpu was loaded/);
  const context = pl.SQLContext({ early, old: earlyLazy });
  assert.match(reason(context.execute("SELECT * FROM old")), /SQL table old/);
  assert.equal(read(context.execute("SELECT * FROM early")).sources.size, 1);
});

test("what the caller changes after the call does not reach the plan", () => {
  const subset = ["a"];
  const frame = pl
    .DataFrame({ a: [1, 1], b: [1, 2] })
    .lazy()
    .unique(subset);
  subset.push("b");
  assert.match(dslText(read(frame).plan), /"names":\["a"\]|"subset":\[\{"Column":"a"\}\]/);
});

test("long chains are tracked", () => {
  let frame = early.lazy();
  for (let i = 0; i < 300; i++) frame = frame.select("a");
  assert.equal(dslText(read(frame).plan).match(/"Select"/g)?.length, 300);
});

test("a deserialised frame is read with its own data; a large one is not", () => {
  const { plan, sources } = read(
    pl.LazyDataFrame.deserialize(early.lazy().filter(pl.col("a").gt(1)).serialize("json"), "json").join(early.lazy(), { on: "a" }),
  );
  const [first, second] = [...sources];
  assert(first && second);
  assert(first[0] < 0 && second[0] > 0);
  assert.equal(first[1].height, 2);
  assert.match(dslText(plan), /"Join"/);
  const large = pl.DataFrame({ x: Array.from({ length: 3_000_000 }, (_, i) => i) });
  assert.match(
    reason(pl.LazyDataFrame.deserialize(large.lazy().serialize("bincode"), "bincode")),
    /deserialised together with its data \(2\d MiB\)/,
  );
});

test("frames made by SQL statements are read with their rows", () => {
  const context = pl.SQLContext({ early });
  const only = (query: string): DataFrame => {
    const { sources } = read(context.execute(query));
    const [frame] = [...sources.values()];
    assert(frame);
    return module.eagerWrappers._DataFrame(frame);
  };
  assert.deepEqual(only("SHOW TABLES").toRecords(), [{ name: "early" }]);
  assert.match(JSON.stringify(only("EXPLAIN SELECT a FROM early").toRecords()), /DF \[/);
  assert.equal(only("SELECT * FROM (VALUES (1),(2),(3)) AS t(x)").height, 3);
});

test("an SQL error stays the value that polars returns", () => {
  const frame = pl.SQLContext({ early }).execute("SELECT nothing FROM nowhere");
  assert((frame._ldf as unknown) instanceof Error);
});

test("fromExternal and native clones share their source", () => {
  const frame = early.lazy().filter(pl.col("a").gt(1));
  assert.deepEqual([...read(pl.LazyDataFrame.fromExternal(frame._ldf)).sources.keys()], [...read(frame).sources.keys()]);
});

const text = pl.DataFrame({
  s: ["  Ab é\t", "6162", null, "", "aGk=", "zz"],
  j: ['{"a":1}', '{"a":"x"}', null, "{}", "[]", '{"b":1}'],
  i: pl.Series("i", [1, -2, null, 4, 5, 6], pl.Int64),
  d: [new Date(0), null, new Date(1e12), new Date(5), new Date(6), new Date(7)],
  f: [1.5, Number.NaN, null, 4, 5, 6],
});
const str = () => pl.col("s").str;
const opaque: Readonly<Record<string, () => Expr>> = {
  toUpperCase: () => str().toUpperCase(),
  toLowerCase: () => str().toLowerCase(),
  lengths: () => str().lengths(),
  strip: () => str().strip(),
  lstrip: () => str().lstrip(),
  rstrip: () => str().rstrip(),
  "encode hex": () => str().encode("hex"),
  "encode base64": () => str().encode("base64"),
  "decode hex": () => str().decode("hex"),
  "decode base64": () => str().decode("base64"),
  jsonPathMatch: () => pl.col("j").str.jsonPathMatch("$.a"),
  toPhysical: () => pl.col("d").toPhysical(),
  hash: () => pl.col("i").hash(1, 2, 3, 4),
  "hash of text": () => pl.col("s").hash(),
  reinterpret: () => pl.col("i").reinterpret(false),
  extendConstant: () => pl.col("f").extendConstant(7, 2),
};

/** Puts the real frames back and runs the plan on CPU polars. */
function runRead({ plan, sources }: ReadPlan): Buffer {
  const native = module?.native;
  assert(native);
  const put = (v: DslValue): DslValue => {
    if (Array.isArray(v)) return v.map(put);
    if (v === null || typeof v !== "object" || v instanceof Uint8Array) return v;
    if ("Source" in v) return sources.get(Number(v.Source))?.lazy().serialize("json").toString() ?? null;
    return Object.fromEntries(Object.entries(v).map(([key, item]) => [key, put(item)]));
  };
  const json = dslText(put(plan)).replace(/"\{\\"DataFrameScan(?:[^"\\]|\\.)*"/g, (quoted) => String(JSON.parse(quoted)));
  return module.eagerWrappers
    ._DataFrame(native.JsLazyFrame.deserialize(Buffer.from(json), "json").collectSync("auto"))
    .rechunk()
    .writeIPC();
}

for (const [name, make] of Object.entries(opaque)) {
  test(`${name}, which polars cannot serialise, reads as a function with the same result`, () => {
    const frame = text.lazy().select(make().as("x"));
    assert.throws(() => frame.serialize("json"), /opaque/, "the user's own frame keeps the native call");
    assert.deepEqual(runRead(read(frame)), frame.collectSync().rechunk().writeIPC());
  });
}

test("expressions built on such functions are followed through every kind of call", () => {
  const upper = () => pl.col("s").str.toUpperCase();
  const frames = [
    text.lazy().select(upper().str.toLowerCase().str.strip().as("x")),
    text.lazy().filter(upper().eq(pl.lit("ZZ"))),
    text.lazy().select(
      pl
        .when(upper().eq(pl.lit("ZZ")))
        .then(upper())
        .when(pl.col("i").gt(1))
        .then(pl.lit("n"))
        .otherwise(pl.col("s").str.strip())
        .as("x"),
    ),
    text.lazy().select(pl.concatString([upper(), pl.col("j")], "-").as("x")),
    text.lazy().select(pl.struct([upper().as("u"), pl.col("i")]).as("x")),
    text.lazy().groupBy(upper().as("k")).agg(pl.col("i").sum().as("x")),
    text.lazy().select(pl.lit("A").str.toLowerCase().as("x"), pl.col("i").sum().over(upper()).as("y")),
    text.lazy().sort(upper()),
  ];
  for (const frame of frames) {
    assert.throws(() => frame.serialize("json"), /opaque/);
    assert.deepEqual(runRead(read(frame)), frame.collectSync().rechunk().writeIPC());
  }
});

test("a NaN literal beside such a function survives", () => {
  const frame = text.lazy().select(pl.when(pl.col("f").gt(2)).then(pl.lit(Number.NaN)).otherwise(pl.col("f")).hash().as("x"));
  const found = JSON.stringify(read(frame).plan, (_key, v: unknown) => (typeof v === "bigint" ? String(v) : Number.isNaN(v) ? "NaN" : v));
  assert.match(found, /"Float64":"NaN"/);
  assert.match(found, /"Hash"/);
});

test("records die with their frames", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const frames = Array.from({ length: 20 }, () => {
    const frame = pl.DataFrame({ a: [1, 2] });
    read(frame.lazy().filter(pl.col("a").gt(1)));
    return new WeakRef<object>(frame.lazy()._ldf);
  });
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    collectGarbage();
  }
  assert(frames.filter((ref) => ref.deref() !== undefined).length <= 2);
});
