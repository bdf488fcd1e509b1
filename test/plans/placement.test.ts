/** Which side a query is given to: by estimates first, by what runs took later. */

import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { type OpenMachine, Placements } from "../../src/engine/placement/placement.ts";
import { REFERENCE_THREADS, type Work, workOf } from "../../src/engine/placement/work.ts";
import { aggregate, call, column, literal, named } from "../../src/ir/expr.ts";
import type { Frame, Plan } from "../../src/ir/plan.ts";
import type { Sketch } from "../../src/polars/plan-reading.ts";

const GPU: OpenMachine = { tripMs: 0.3, kernelBytesPerMs: 1e9, software: false };
const SOFTWARE: OpenMachine = { ...GPU, software: true };

const sketchOf = (shape: number, rows = 1e8, reads = false): Sketch => ({ shape, rows, reads });
/** Work that is expected to take CPU polars `ms` on this machine. */
const workFor = (ms: number, more: Partial<Work> = {}): Work => ({
  cpuNs: (ms * 1e6 * Math.min(REFERENCE_THREADS, availableParallelism())) / REFERENCE_THREADS,
  trips: 1,
  kernelBytes: 1e6,
  bytesUp: 0,
  bytesUpOnce: 0,
  bytesDown: 0,
  nodes: 2,
  ...more,
});

test("few rows and software adapters are left to CPU polars without a plan", () => {
  const placements = new Placements();
  assert.equal(placements.early(sketchOf(1, 1000), GPU)?.side, "CPU");
  assert.match(placements.early(sketchOf(1, 1000), GPU)?.reason ?? "", /1000 rows are too few/);
  assert.equal(placements.early(sketchOf(1, 1000, true), GPU), null, "files may hold any number of rows");
  assert.equal(placements.early(sketchOf(1), GPU), null);
  assert.equal(placements.early(sketchOf(1), SOFTWARE)?.side, "CPU");
});

test("long queries go to the GPU at once, also where it has to be opened first", () => {
  for (const machine of [GPU, null]) {
    const placed = new Placements().place(sketchOf(1), workFor(10_000), machine);
    assert.equal(placed.side, "GPU");
    assert.ok((placed.cpuMs ?? 0) > (placed.gpuMs ?? Number.POSITIVE_INFINITY));
  }
});

test("queries that CPU polars answers sooner stay there", () => {
  const placements = new Placements();
  assert.equal(placements.place(sketchOf(1), workFor(0.2), GPU).side, "CPU");
  for (let i = 0; i < 20; i++) {
    placements.ranOnCpu(sketchOf(1), 0.3);
    assert.equal(placements.early(sketchOf(1), GPU)?.side, "CPU");
  }
});

test("what a first run takes longer is spent once as much has been missed", () => {
  const placements = new Placements();
  const sides = [placements.place(sketchOf(1), workFor(40, { bytesUpOnce: 2e8 }), GPU).side];
  for (let i = 0; i < 40; i++) {
    placements.ranOnCpu(sketchOf(1), 40);
    sides.push(placements.early(sketchOf(1), GPU)?.side ?? "CPU");
  }
  assert.equal(sides[0], "CPU");
  const first = sides.indexOf("GPU");
  assert.ok(first > 2 && first < 10, `at run ${first}`);
  assert.ok(sides.slice(first).every((side) => side === "GPU"));
});

test("measured times decide where there are some", () => {
  const placements = new Placements();
  placements.place(sketchOf(1), workFor(1000), GPU);
  placements.ranOnGpu(sketchOf(1), 900, false);
  assert.equal(placements.early(sketchOf(1), GPU)?.side, "GPU", "the first run compiled");
  placements.ranOnGpu(sketchOf(1), 30, true);
  assert.equal(placements.early(sketchOf(1), GPU)?.side, "GPU");
  placements.ranOnCpu(sketchOf(1), 12);
  assert.equal(placements.early(sketchOf(1), GPU)?.side, "CPU");
  assert.match(placements.early(sketchOf(1), GPU)?.reason ?? "", /CPU polars is faster: 12 ms on CPU polars, 30 ms on the GPU/);
});

test("a GPU time that is not far below what CPU polars is expected to take has CPU polars measured as well, twice", () => {
  const placements = new Placements();
  const { cpuMs } = placements.place(sketchOf(1), workFor(1000), GPU);
  const gpuMs = 0.2 * (cpuMs ?? 0);
  placements.ranOnGpu(sketchOf(1), gpuMs, true);
  assert.match(placements.early(sketchOf(1), GPU)?.reason ?? "", /^to compare/);
  placements.ranOnCpu(sketchOf(1), 3 * gpuMs);
  assert.match(placements.early(sketchOf(1), GPU)?.reason ?? "", /^to compare/);
  placements.ranOnCpu(sketchOf(1), 2 * gpuMs);
  assert.equal(placements.early(sketchOf(1), GPU)?.side, "GPU");
  placements.place(sketchOf(2), workFor(1000), GPU);
  placements.ranOnGpu(sketchOf(2), 0.01 * (cpuMs ?? 0), true);
  assert.equal(placements.early(sketchOf(2), GPU)?.side, "GPU");
});

test("an estimate that may be wrong about CPU polars has it run first", () => {
  const placements = new Placements();
  const placed = placements.place(sketchOf(1), workFor(2000, { bytesUp: 6e8 }), GPU);
  assert.ok((placed.gpuMs ?? 0) > 300 && (placed.gpuMs ?? 0) < 350, `${placed.gpuMs}`);
  assert.equal(placed.side, "CPU");
  placements.ranOnCpu(sketchOf(1), 2000);
  assert.equal(placements.early(sketchOf(1), GPU)?.side, "GPU");
});

test("a query that failed on the GPU stays on CPU polars, and is tried again some day", () => {
  const placements = new Placements();
  placements.place(sketchOf(1), workFor(1000), GPU);
  placements.failedOnGpu(sketchOf(1));
  let uses = 0;
  while (uses < 10_000 && placements.early(sketchOf(1), GPU)?.side === "CPU") uses += 1;
  assert.ok(uses > 100 && uses < 10_000, `${uses}`);
  assert.equal(placements.early(sketchOf(1), GPU), null);
});

test("what CPU polars takes corrects the estimates of other queries, by no more than 2", () => {
  for (const [ms, corrected] of [
    [15, 150],
    [7, 70],
    [50, 200],
    [1, 50],
  ] as const) {
    const placements = new Placements();
    assert.equal(Math.round(placements.place(sketchOf(2), workFor(100), GPU).cpuMs ?? 0), 100);
    placements.place(sketchOf(1), workFor(10), GPU);
    for (let i = 0; i < 50; i++) placements.ranOnCpu(sketchOf(1), ms);
    const after = placements.place(sketchOf(3), workFor(100), GPU).cpuMs ?? 0;
    assert.ok(Math.abs(after - corrected) < 2, `${after} by runs of ${ms} ms`);
  }
});

test("the work of a plan grows with its rows, and what stays on the device is moved once", () => {
  const schema = [
    { name: "k", dtype: { kind: "Int64" } },
    { name: "x", dtype: { kind: "Float64" } },
  ] as const;
  const frame: Frame = { kind: "frame", source: 1, schema };
  const x = column("x", { kind: "Float64" });
  const over = call("gt", [x, literal(0, { kind: "Float64" })], { kind: "Boolean" });
  const plan: Plan = {
    kind: "aggregate",
    input: { kind: "filter", input: frame, predicate: over, schema },
    keys: [named("k", column("k", { kind: "Int64" }))],
    aggregates: [named("x", aggregate("sum", x, { kind: "Float64" }))],
    schema,
  };
  const of = (rows: number, stays: boolean) => workOf(plan, new Map([[frame, { rows, missingBytes: 16 * rows, stays }]]));
  const [small, large, kept] = [of(1e6, false), of(1e8, false), of(1e8, true)];
  assert.ok(small !== null && large !== null && kept !== null);
  assert.ok(large.cpuNs > 50 * small.cpuNs && large.kernelBytes > 50 * small.kernelBytes);
  assert.deepEqual([small.trips, small.nodes], [large.trips, large.nodes]);
  assert.deepEqual([large.bytesUp, large.bytesUpOnce, kept.bytesUp, kept.bytesUpOnce], [16e8, 0, 0, 16e8]);
  assert.equal(workOf(plan, new Map([[frame, null]])), null);
});
