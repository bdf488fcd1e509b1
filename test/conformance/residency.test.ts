/** Columns that stay on the device between queries: what a query finds there it does not move again, and what changed it never finds. */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { collectGarbage } from "../../src/gpu/garbage.ts";
import { GPUEngine, type GPUEngineOptions } from "../../src/index.ts";
import { bytesOfQueries } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "residency-"));
const opened: GPUEngine[] = [];
after(async () => {
  for (const engine of opened) await engine.close();
  rmSync(folder, { recursive: true });
});

function open(options: GPUEngineOptions = {}): GPUEngine {
  const engine = new GPUEngine({ raiseOnFail: true, ...options });
  opened.push(engine);
  return engine;
}

const ROWS = 200_000;
const MIB = 2 ** 20;
const c = (name: string) => pl.col(name);

/** Eight bytes and four bytes for each row, and texts of which there are few. `seed` tells frames apart. */
function frameOf(seed: number, rows = ROWS): DataFrame {
  const at = (f: (i: number) => number) => Float64Array.from({ length: rows }, (_, i) => f(i));
  return pl
    .DataFrame({ a: at((i) => (i * 7919 + seed) % 1009), b: at((i) => (i * 104_729 + seed) % 31), t: at((i) => (i + seed) % 13) })
    .withColumns(c("b").cast(pl.Int32), pl.concatString([pl.lit(`text${seed}-`), c("t").cast(pl.Int32).cast(pl.Utf8)], "").as("t"));
}

/** What CPU polars gives; the bytes that went up. */
async function collected(engine: GPUEngine, lf: LazyDataFrame): Promise<number> {
  const expected = await lf.collect();
  const before = (await engine.deviceStats())?.bytesUp ?? 0;
  const difference = frameDifference(expected, await lf.collect({ engine }), { rel: 1e-12, order: "any" });
  assert.equal(difference, null);
  assert.equal(engine.lastQuery?.fallback, null);
  return ((await engine.deviceStats())?.bytesUp ?? 0) - before;
}

const resident = async (engine: GPUEngine): Promise<number> => (await engine.deviceStats())?.residentBytes ?? 0;

const sumOf = (lf: LazyDataFrame): LazyDataFrame => lf.groupBy("b").agg(c("a").sum().as("s"));
const EXECUTORS: readonly GPUEngineOptions[] = [
  { executor: "in-memory" },
  { executorOptions: { engine: "tasks" } },
  { executorOptions: { engine: "tasks", maxRowsPerPartition: 150_000 } },
  { executorOptions: { engine: "rapidsmpf", maxRowsPerPartition: 150_000 } },
];

for (const options of EXECUTORS) {
  test(`a second query over the same frame moves nothing: ${JSON.stringify(options)}`, async () => {
    const engine = open(options);
    const frame = frameOf(1);
    assert.ok((await collected(engine, sumOf(frame.lazy()))) >= 12 * ROWS);
    const bytes = await resident(engine);
    assert.ok(bytes >= 12 * ROWS, `${bytes} bytes are resident`);
    assert.ok((await collected(engine, sumOf(frame.lazy()))) < 1000);
    assert.ok((await collected(engine, sumOf(frame.lazy().filter(c("a").gt(100))))) < 1000, "another query over the same columns");
    assert.ok((await collected(engine, frame.lazy().filter(c("a").gt(100)).select(c("a").max(), c("t").nUnique()))) >= ROWS * 4);
    assert.ok((await resident(engine)) > bytes, "the columns that were missing are resident now");
    assert.equal(bytesOfQueries(await engine.deviceStats()) < MIB / 16, true, "only answers about dictionaries besides");
    await engine.close();
    assert.equal(await resident(engine), 0);
  });
}

test("a frame that is changed in place is another source", async () => {
  const engine = open();
  const frame = frameOf(2);
  await collected(engine, sumOf(frame.lazy()));
  frame.extend(frameOf(3, 10));
  assert.ok((await collected(engine, sumOf(frame.lazy()))) >= 12 * ROWS);
  frame.columns = ["b", "a", "t"];
  await collected(engine, frame.lazy().groupBy("a").agg(c("b").sum().as("s")));
});

test("small frames are not kept", async () => {
  const engine = open();
  const frame = frameOf(4, 1000);
  await collected(engine, sumOf(frame.lazy()));
  assert.equal(await resident(engine), 0);
});

test("a limit of 0 keeps nothing, a limit keeps what was used last", async () => {
  const none = open({ residentMemoryLimit: 0 });
  const [a, b] = [frameOf(5), frameOf(6)];
  await collected(none, sumOf(a.lazy()));
  assert.equal(await resident(none), 0);
  assert.equal(bytesOfQueries(await none.deviceStats()), 0);

  const engine = open({ residentMemoryLimit: 4 * MIB });
  await collected(engine, sumOf(a.lazy()));
  await collected(engine, sumOf(b.lazy()));
  const bytes = await resident(engine);
  assert.ok(bytes > 0 && bytes <= 4 * MIB, `${bytes} bytes`);
  assert.ok((await collected(engine, sumOf(b.lazy()))) < 1000, "the last one is there");
  assert.ok((await collected(engine, sumOf(a.lazy()))) >= 12 * ROWS, "the first one had to go");
});

test("persisted frames stay beyond the limit, until they are released", async () => {
  const engine = open({ residentMemoryLimit: 0 });
  const persisted = await engine.persist(frameOf(7).lazy());
  await collected(engine, sumOf(persisted.lazy()));
  assert.ok((await resident(engine)) >= 12 * ROWS);
  assert.ok((await collected(engine, sumOf(persisted.lazy()))) < 1000);
  await persisted.release();
  assert.equal(await resident(engine), 0);
  await collected(engine, sumOf(persisted.lazy()));
  assert.equal(await resident(engine), 0);
  assert.equal(bytesOfQueries(await engine.deviceStats()), 0);
});

test("columns of a persisted frame fit each other, whichever query loads them, where a memory limit cuts the frame", async () => {
  const engine = open({ deviceMemoryLimit: 32 * MIB });
  const persisted = engine.persistFrame(frameOf(8, 500_000));
  await collected(engine, persisted.lazy().select(c("b").sum()));
  await collected(engine, persisted.lazy().select(c("a").sum()));
  await collected(engine, sumOf(persisted.lazy()));
  await collected(engine, persisted.lazy().groupBy("t").agg(c("a").max(), c("b").min()));
});

for (const options of EXECUTORS.slice(0, 2)) {
  test(`residents leave where a query needs the memory: ${JSON.stringify(options)}`, async () => {
    const engine = open({ deviceMemoryLimit: 24 * MIB, ...options });
    const [first, second] = [frameOf(9), frameOf(10, 300_000)];
    const persisted = engine.persistFrame(first);
    await collected(engine, persisted.lazy().select(c("a").sum(), c("b").sum(), c("t").nUnique()));
    assert.ok((await resident(engine)) > 3 * MIB);
    await collected(engine, second.lazy().sort(["a", "b", "t"]).select("t", "b", "a").tail(5));
    await collected(engine, persisted.lazy().select(c("a").sum(), c("b").sum(), c("t").nUnique()));
    const { peakBytes = Number.POSITIVE_INFINITY } = (await engine.deviceStats()) ?? {};
    assert.ok(peakBytes <= 24 * MIB, `${peakBytes} bytes`);
  });
}

test("columns of frames that nobody holds any more leave the device", async () => {
  const engine = open();
  const count = async (seed: number) => collected(engine, sumOf(frameOf(seed).lazy()));
  for (let seed = 20; seed < 24; seed++) await count(seed);
  const before = await resident(engine);
  for (let tries = 0; tries < 50 && (await resident(engine)) > before / 2; tries++) {
    collectGarbage();
    await setTimeout(20);
  }
  assert.ok((await resident(engine)) <= before / 2, `${await resident(engine)} of ${before} bytes are still there`);
});

test("questions about a text column that differ each time do not pile up", async () => {
  const engine = open();
  const frame = pl.DataFrame({ k: Array.from({ length: 300_000 }, (_, i) => `key ${i % 2000}`) });
  const ask = (i: number) =>
    collected(
      engine,
      frame
        .lazy()
        .filter(c("k").str.endsWith(`${i}`))
        .select(pl.len()),
    );
  for (let i = 0; i < 5; i++) await ask(i);
  const few = bytesOfQueries(await engine.deviceStats());
  for (let i = 5; i < 100; i++)
    await frame
      .lazy()
      .filter(c("k").str.endsWith(`${i}`))
      .select(pl.len())
      .collect({ engine });
  const many = bytesOfQueries(await engine.deviceStats());
  assert.ok(many <= few * 16, `${few} bytes after 5 questions, ${many} after 100`);
});

for (const engineName of ["tasks", "rapidsmpf"] as const) {
  test(`a Parquet file is read once, until it is written again: ${engineName}`, async () => {
    const engine = open({ executorOptions: { engine: engineName } });
    const path = join(folder, `${engineName}.parquet`);
    const write = (seed: number) => frameOf(seed).writeParquet(path);
    write(30);
    const all = () => sumOf(pl.scanParquet(path));
    const some = (a: number) => sumOf(pl.scanParquet(path).filter(c("a").gt(a)));
    assert.ok((await collected(engine, all())) >= 12 * ROWS);
    assert.ok((await collected(engine, all())) < 1000);
    assert.ok((await collected(engine, some(100))) >= 8 * ROWS, "a predicate is another part of the file");
    assert.ok((await collected(engine, some(100))) < 1000);
    assert.ok((await collected(engine, some(200))) >= 6 * ROWS, "so is another predicate");
    assert.ok((await collected(engine, pl.scanParquet(path).select(c("t").nUnique(), c("a").sum()))) >= 4 * ROWS);
    await setTimeout(20);
    write(31);
    assert.ok((await collected(engine, all())) >= 12 * ROWS);
    await collected(engine, some(100));
  });
}

test("concurrent queries load a column once", async () => {
  const engine = open();
  const frame = frameOf(40);
  const expected = await sumOf(frame.lazy()).collect();
  const results = await Promise.all(Array.from({ length: 16 }, () => sumOf(frame.lazy()).collect({ engine })));
  for (const result of results) assert.equal(frameDifference(expected, result, { rel: 1e-12, order: "any" }), null);
  assert.ok(((await engine.deviceStats())?.bytesUp ?? 0) < 2 * 12 * ROWS);
});

for (const executor of ["in-memory", "streaming"] as const) {
  test(`queries that run out of memory leave nothing but residents behind: ${executor}`, async () => {
    const frame = frameOf(50, 100_000);
    for (const maxBindingBytes of [2 ** 20, 2 ** 27]) {
      const limits = { deviceMemoryLimit: 3 * MIB, residentMemoryLimit: 100 * MIB, maxBindingBytes };
      const engine = open({ raiseOnFail: false, warn: () => undefined, executor, ...limits });
      const lf = frame.lazy();
      for (const query of [
        lf.select(c("b").sum(), c("t").nUnique()),
        lf.sort(["a", "b", "t"]),
        lf.withColumns(c("a").mul(2).as("x"), c("b").mul(2).as("y")).filter(c("x").gt(5)),
        lf.groupBy("t").agg(c("a").sum()),
        lf.unique({ subset: ["a", "t"] }),
      ])
        await query.collect({ engine });
      const failed = lf.withColumns(...Array.from({ length: 16 }, (_, i) => c("a").plus(i).as(`x${i}`))).sort("x1");
      await failed.collect({ engine });
      await GPUEngine.engineOf(engine).residents.releaseAll();
      assert.equal((await engine.deviceStats())?.allocatedBytes, 0);
    }
  });
}

test("what is loaded while an engine closes is not there for its next device", async () => {
  const engine = open({ raiseOnFail: false, warn: () => undefined });
  const texts = pl.DataFrame({ k: Array.from({ length: 300_000 }, (_, i) => `key ${i}`) });
  const answered = c("k").str.replaceAll("[0-9]+([0-4])", "x$1y").str.replaceAll("x(.*)y", "$1$1$1").str.contains("[0-4]*9+[5-9]*$");
  const asked = texts.lazy().filter(answered).select(pl.len()).collect({ engine });
  while ((await resident(engine)) === 0) await setTimeout(1);
  await setTimeout(20);
  const closing = engine.close();
  const frame = frameOf(60);
  await sumOf(frame.lazy()).collect({ engine });
  await Promise.all([asked, closing]);
  await collected(engine, sumOf(frame.lazy()));
});
