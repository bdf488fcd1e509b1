/** What does not run on the GPU: hybrid plans, warnings and reasons, devices that are missing, too small or lost. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { everyDtype } from "../../src/conformance/fixture.ts";
import { cellColumns } from "../../src/fallback/cells.ts";
import { DeviceError, GPUEngine, type GPUEngineOptions, type Progress, UnsupportedError } from "../../src/index.ts";

const frame = everyDtype(40);
const lazy = () => frame.lazy();
const c = pl.col;
const engines: GPUEngine[] = [];
after(() => Promise.all(engines.map((e) => e.close())));

function open(options: GPUEngineOptions = {}): { readonly engine: GPUEngine; readonly warnings: string[] } {
  const warnings: string[] = [];
  const engine = new GPUEngine({ warn: (message) => void warnings.push(message), ...options });
  engines.push(engine);
  return { engine, warnings };
}

const shared = open();

/** The answer of CPU polars, with exactly one warning; the nodes that ran where. */
async function answered(
  query: () => LazyDataFrame,
  { engine, warnings } = shared,
): Promise<{ readonly warning: string; readonly cpu: number; readonly gpu: number }> {
  warnings.length = 0;
  const actual = await query().collect({ engine });
  assert.deepEqual(cellColumns(actual), cellColumns(await query().collect()));
  assert.equal(warnings.length, 1, `expected one warning, got ${JSON.stringify(warnings)}`);
  const nodes = engine.lastQuery?.nodes ?? [];
  return {
    warning: warnings[0] ?? "",
    cpu: nodes.filter((n) => n.where === "CPU").length,
    gpu: nodes.filter((n) => n.where === "GPU").length,
  };
}

test("GPU over CPU over GPU: rolling and cumulative middles", async () => {
  const middles: readonly ((lf: LazyDataFrame) => LazyDataFrame)[] = [
    (lf) => lf.withColumns(c("small").rollingSkew({ windowSize: 3 }).as("rolled")),
    (lf) => lf.withColumns(c("f64").cumProd().as("cumulated")),
  ];
  for (const middle of middles) {
    const { cpu, gpu } = await answered(() =>
      middle(lazy().filter(c("row").gt(3)).select("row", "k", "small", "f64", "list"))
        .filter(c("row").lt(38))
        .groupBy("k", true)
        .agg(c("small").sum().as("s"), pl.len().as("n")),
    );
    assert.ok(cpu >= 1, "something runs on the CPU");
    assert.ok(gpu >= 2, "something runs on the GPU below and above");
  }
});

test("a CPU node with two computed inputs", async () => {
  const { cpu, gpu } = await answered(() =>
    lazy()
      .filter(c("row").gt(2))
      .filter(c("str").isNotNull())
      .select("small", "str")
      .sort("str")
      .joinAsof(
        lazy()
          .filter(c("bool").and(c("str").isNotNull()))
          .select("row", "str")
          .sort("str"),
        { on: "str" },
      )
      .filter(c("row").isNotNull()),
  );
  assert.ok(cpu >= 1 && gpu >= 3);
});

test("raiseOnFail tells every reason, and runs nothing", async () => {
  const { engine, warnings } = open({ raiseOnFail: true });
  const query = lazy()
    .withColumns(c("small").rollingSkew({ windowSize: 3 }).as("a"), c("small").shuffle(1).as("b"))
    .sort("struct")
    .select("row", "a", "b");
  await assert.rejects(query.collect({ engine }), (error) => {
    assert.ok(error instanceof UnsupportedError);
    assert.match(error.message, /RollingSkew has no kernel/);
    assert.match(error.message, /random numbers/);
    assert.match(error.message, /a sort by structs/);
    assert.equal(error.reasons.length, 3);
    return true;
  });
  assert.deepEqual(warnings, []);
});

test("one warning names every reason", async () => {
  const { warning } = await answered(() =>
    lazy()
      .withColumns(c("small").rollingSkew({ windowSize: 3 }).as("a"), c("small").shuffle(1).as("b"))
      .select("row", "a", "b"),
  );
  assert.match(warning, /RollingSkew/);
  assert.match(warning, /random numbers/);
});

test("opaque functions", async () => {
  await answered(() =>
    lazy()
      .select(c("small").rollingSkew({ windowSize: 3 }).as("x"))
      .filter(c("x").isNotNull()),
  );
});

test("NaN and infinities as constants run on the GPU", async () => {
  const { engine } = open({ raiseOnFail: true });
  const query = () =>
    lazy().select(
      c("f64").fillNull(Number.NaN).as("a"),
      pl.minHorizontal([c("f64"), pl.lit(Number.POSITIVE_INFINITY)]).as("b"),
      c("f64").lt(pl.lit(Number.NEGATIVE_INFINITY)).as("c"),
    );
  assert.deepEqual(cellColumns(await query().collect({ engine })), cellColumns(await query().collect()));
});

const SIMPLE = () => lazy().filter(c("small").gt(0)).groupBy("k", true).agg(c("small").sum().as("s"));

test("no such adapter: the CPU answers; with raiseOnFail it is an error", async () => {
  const { warning } = await answered(SIMPLE, open({ adapter: "no such gpu" }));
  assert.match(warning, /no such gpu/);
  await assert.rejects(SIMPLE().collect({ engine: open({ adapter: "no such gpu", raiseOnFail: true }).engine }), DeviceError);
});

test("memory that does not suffice: the CPU answers, and a smaller query runs on the GPU afterwards", async () => {
  const wide = pl.DataFrame([pl.intRange(0, 400_000, 1, pl.Int64, true).alias("x")]);
  const small = open({ deviceMemoryLimit: 1024 * 1024, executor: "in-memory" });
  const { warning } = await answered(() => wide.lazy().filter(c("x").gt(5)).select(c("x").plus(1)), small);
  assert.match(warning, /memory/i);
  small.warnings.length = 0;
  const few = () => frame.lazy().select("row").filter(c("row").gt(5));
  assert.deepEqual(cellColumns(await few().collect({ engine: small.engine })), cellColumns(await few().collect()));
  assert.deepEqual(small.warnings, []);
  assert.equal(small.engine.lastQuery?.fallback, null);
});

test("memory that does not suffice for all rows at once: the streaming executor takes fewer at a time", async () => {
  const wide = pl.DataFrame([pl.intRange(0, 400_000, 1, pl.Int64, true).alias("x")]);
  const query = () => wide.lazy().filter(c("x").gt(5)).select(c("x").plus(1)).sort("x", true);
  for (const name of ["tasks", "rapidsmpf"] as const) {
    const { engine, warnings } = open({ deviceMemoryLimit: 1024 * 1024, executorOptions: { engine: name } });
    assert.deepEqual(cellColumns(await query().collect({ engine })), cellColumns(await query().collect()));
    assert.deepEqual(warnings, []);
    assert.ok(((await engine.deviceStats())?.peakBytes ?? 0) <= 1024 * 1024);
  }
});

test("a device that goes away in the middle of a query: the CPU answers with one warning, and the next query has a device again", async () => {
  for (const name of ["tasks", "rapidsmpf"] as const) {
    const { engine, warnings } = open({ executorOptions: { engine: name } });
    const query = () =>
      lazy().filter(c("small").gt(-3)).groupBy(["g", "bool"], true).agg(c("small").var().as("v"), c("small2").max().as("m"));
    let closing: Promise<void> | null = null;
    // Behind the first operation: the device still has to compute the rest, and to give the result.
    const onProgress = ({ done, total }: Progress): void => {
      if (closing !== null) return;
      assert.ok(done < total);
      closing = engine.close();
    };
    const answer = await query().collect({ engine, onProgress });
    assert.ok(closing !== null, "the query had a device");
    await closing;
    assert.deepEqual(cellColumns(answer), cellColumns(await query().collect()));
    assert.equal(warnings.length, 1, `expected one warning, got ${JSON.stringify(warnings)}`);
    assert.match(warnings[0] ?? "", /the query runs on CPU polars/);
    assert.deepEqual(cellColumns(await SIMPLE().collect({ engine })), cellColumns(await SIMPLE().collect()));
    assert.equal(engine.lastQuery?.fallback, null);
  }
});

test("an engine that was closed opens its device again", async () => {
  const { engine, warnings } = open();
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(cellColumns(await SIMPLE().collect({ engine })), cellColumns(await SIMPLE().collect()));
    assert.equal(engine.lastQuery?.fallback, null);
    await engine.close();
  }
  assert.deepEqual(warnings, []);
});

test("queries at the same time on one engine", async () => {
  const { engine, warnings } = open();
  const queries = [0, 1, 2, 3, 4, 5].map(
    (n) => () => lazy().filter(c("row").gt(n)).groupBy("k", true).agg(c("small").sum().as("s"), pl.len().as("n")),
  );
  const results = await Promise.all(queries.map((q) => q().collect({ engine })));
  for (const [i, result] of results.entries()) assert.deepEqual(cellColumns(result), cellColumns(await (queries[i] ?? SIMPLE)().collect()));
  assert.deepEqual(warnings, []);
});
