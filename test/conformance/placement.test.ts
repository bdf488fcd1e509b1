/** Queries that the user leaves to the engine to place: the same answers, and a report of where and why. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { measureMachine } from "../../src/engine/placement/machine.ts";
import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { Device } from "../../src/gpu/device.ts";
import { GPUEngine, type GPUEngineOptions } from "../../src/index.ts";

const opened: GPUEngine[] = [];
after(async () => {
  for (const engine of opened) await engine.close();
});

const warnings: string[] = [];
function open(options: GPUEngineOptions): GPUEngine {
  const engine = new GPUEngine({ warn: (message) => void warnings.push(message), ...options });
  opened.push(engine);
  return engine;
}

const small = pl.DataFrame({ a: [1, 2, 2], b: [0.5, 1.5, null] });
const large = pl.DataFrame({
  a: Array.from({ length: 60_000 }, (_, i) => i % 1000),
  b: Array.from({ length: 60_000 }, (_, i) => i / 2),
});
const sums = (lf: LazyDataFrame): LazyDataFrame => lf.groupBy("a").agg(pl.col("b").sum().as("s"));

async function answers(engine: GPUEngine, lf: LazyDataFrame): Promise<void> {
  assert.equal(frameDifference(await lf.collect(), await lf.collect({ engine }), { rel: 1e-12, order: "any" }), null);
}

test("auto: few rows stay on CPU polars, without a device and without a warning", async () => {
  const engine = open({ placement: "auto" });
  await answers(engine, sums(small.lazy()));
  const { lastQuery } = engine;
  assert.equal(lastQuery?.placement?.side, "CPU");
  assert.match(lastQuery?.fallback ?? "", /^placement: 3 rows are too few to move$/);
  assert.equal(await engine.deviceStats(), null);
  assert.deepEqual(warnings, []);
});

test("auto: queries are placed by estimates and by what earlier runs took, whose times are told", async () => {
  const engine = open({ placement: "auto", adapter: "software" });
  for (let run = 0; run < 3; run++) await answers(engine, sums(large.lazy()));
  const { placement } = engine.lastQuery ?? {};
  assert.equal(placement?.side, "CPU");
  assert.match(placement?.reason ?? "", /on CPU polars, .* on the GPU|software/);
  await answers(engine, sums(large.lazy().filter(pl.col("b").gt(100))));
  assert.deepEqual(warnings, []);
});

test("auto: a device that is software is no match", async () => {
  const engine = open({ placement: "auto", adapter: "software" });
  await engine.profile(sums(large.lazy()));
  assert.ok((await engine.deviceStats()) !== null, "profile is about the GPU");
  await answers(engine, sums(large.lazy()));
  assert.match(engine.lastQuery?.placement?.reason ?? "", /software/);
});

test("auto: errors and files are CPU polars'", async () => {
  const engine = open({ placement: "auto" });
  await assert.rejects(async () => small.lazy().select(pl.col("nothing")).collect({ engine }), /nothing/);
  await assert.rejects(async () => pl.scanParquet("/nowhere/nothing.parquet").select(pl.len()).collect({ engine }));
});

test("gpu: whatever the size, and the default where failing is asked for", async () => {
  for (const options of [{ placement: "gpu" }, { raiseOnFail: true }] as const) {
    const engine = open(options);
    assert.equal(engine.config.placement, "gpu");
    await answers(engine, sums(small.lazy()));
    assert.deepEqual([engine.lastQuery?.placement, engine.lastQuery?.fallback], [null, null]);
  }
  assert.deepEqual(warnings, []);
});

test("auto: a query that is aborted while CPU polars answers it is rejected as on the GPU", async () => {
  const engine = open({ placement: "auto" });
  const abort = new AbortController();
  const answer = sums(small.lazy()).collect({ engine, signal: abort.signal });
  abort.abort();
  await assert.rejects(answer, { name: "AbortError" });
  assert.equal(engine.lastQuery?.placement?.side, "CPU");
});

test("a device is measured within its memory limit", async () => {
  const memoryLimit = 2 ** 20;
  const device = await Device.open({ memoryLimit });
  const { tripMs, kernelBytesPerMs } = await measureMachine(device);
  assert.ok(tripMs > 0 && kernelBytesPerMs > 0);
  assert.equal(device.stats.allocatedBytes, 0);
  assert.ok(device.stats.peakBytes <= memoryLimit);
  device.destroy();
});
