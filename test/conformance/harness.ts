/** GPU against CPU polars: a query must give the same answer on both, fall back for the reason given, or fail with the same error. */

import assert from "node:assert/strict";
import type { LazyDataFrame } from "nodejs-polars";
import { frameDifference, type Tolerance } from "../../src/fallback/frame-difference.ts";
import { type DeviceStats, GPUEngine, type GPUEngineOptions, UnsupportedError } from "../../src/index.ts";

export interface ComparisonOptions extends Tolerance {
  /** Rows of a partition for each run, null for one partition; each value is one run. */
  readonly partitions?: readonly (number | null)[];
  /** Whether every expression has to have a kernel: none may be evaluated by CPU polars on distinct rows. */
  readonly kernels?: boolean;
  /** More options of the engine; an engine is kept for each different set. */
  readonly engine?: GPUEngineOptions;
}

/** A query, made anew for each run; its source text is printed when the results differ. */
export type MakeQuery = () => LazyDataFrame;

const engines = new Map<string, { readonly engine: GPUEngine; readonly warnings: string[] }>();

function engineFor(partition: number | null, options: GPUEngineOptions): { readonly engine: GPUEngine; readonly warnings: string[] } {
  const key = JSON.stringify([partition, options]);
  let known = engines.get(key);
  if (known === undefined) {
    const warnings: string[] = [];
    const partitioned = partition === null ? {} : { executorOptions: { maxRowsPerPartition: partition } };
    known = { engine: new GPUEngine({ warn: (message) => void warnings.push(message), ...partitioned, ...options }), warnings };
    engines.set(key, known);
  }
  return known;
}

/** Closes all engines of this process; for `after` of every test file that compares. */
export async function closeEngines(): Promise<void> {
  const open = [...engines.values()];
  engines.clear();
  await Promise.all(open.map(({ engine }) => engine.close()));
}

/** The query runs on the GPU as a whole and gives what CPU polars gives, in every partitioning; no device memory stays in use. */
export async function assertGpuEqualsCpu(make: MakeQuery, options: ComparisonOptions = {}): Promise<void> {
  const expected = await make().collect();
  for (const partition of options.partitions ?? [null, 3]) {
    const { engine } = engineFor(partition, { raiseOnFail: true, ...options.engine });
    const before = (await engine.deviceStats())?.allocatedBytes ?? 0;
    const actual = await collectOn(engine, make, partition);
    const found = frameDifference(expected, actual, options);
    if (found !== null) assert.fail(report(found, partition, make));
    assertNoLeak(await engine.deviceStats(), before, partition, make);
    assert.equal(engine.lastQuery?.fallback, null, report("the whole query fell back", partition, make));
    const lookups = engine.lastQuery?.nodes.some((node) => node.name === "LOOKUP");
    if (options.kernels === true) assert.equal(lookups, false, report("an expression was looked up", partition, make));
  }
}

async function collectOn(engine: GPUEngine, make: MakeQuery, partition: number | null) {
  try {
    return await make().collect({ engine });
  } catch (error) {
    throw new Error(report(error instanceof Error ? error.message : String(error), partition, make), { cause: error });
  }
}

function assertNoLeak(after: DeviceStats | null, before: number, partition: number | null, make: MakeQuery): void {
  const left = (after?.allocatedBytes ?? 0) - before;
  assert.equal(left, 0, report(`${left} bytes of device memory stayed in use after the query`, partition, make));
}

/**
 * Some node has to run on CPU polars, for a reason that matches. The answer is still CPU polars', with exactly one warning.
 * Fails when the query starts to run on the GPU.
 */
export async function assertFallsBack(make: MakeQuery, reason: RegExp, options: ComparisonOptions = {}): Promise<void> {
  const strict = engineFor(null, { raiseOnFail: true });
  await assert.rejects(
    async () => make().collect({ engine: strict.engine }),
    (error) => {
      assert.ok(error instanceof UnsupportedError, report(`expected a fallback, got ${String(error)}`, null, make));
      assert.match(error.message, reason, report("the reason of the fallback", null, make));
      return true;
    },
    report("expected a fallback, but it runs on the GPU", null, make),
  );
  const expected = await make().collect();
  const { engine, warnings } = engineFor(null, {});
  warnings.length = 0;
  const before = (await engine.deviceStats())?.allocatedBytes ?? 0;
  const actual = await make().collect({ engine });
  assert.equal(warnings.length, 1, report(`expected one warning, got ${JSON.stringify(warnings)}`, null, make));
  const found = frameDifference(expected, actual, options);
  if (found !== null) assert.fail(report(found, null, make));
  assertNoLeak(await engine.deviceStats(), before, null, make);
}

/** What only the data of the query decides keeps it from the GPU: CPU polars answers, without a warning. */
export async function assertQuietlyEqualsCpu(make: MakeQuery, options: ComparisonOptions = {}): Promise<void> {
  const { engine, warnings } = engineFor(null, { raiseOnFail: true });
  warnings.length = 0;
  const expected = await make().collect();
  const actual = await collectOn(engine, make, null);
  const found = frameDifference(expected, actual, options);
  if (found !== null) assert.fail(report(found, null, make));
  assert.deepEqual(warnings, [], report("warnings", null, make));
  assert.notEqual(engine.lastQuery?.fallback, null, report("expected CPU polars to answer", null, make));
}

/** Polars rejects the query; with an engine it is rejected with the same message. */
export async function assertSameError(make: MakeQuery): Promise<void> {
  const expected = await errorOf(async () => make().collect());
  assert.notEqual(expected, null, report("expected CPU polars to reject it", null, make));
  const { engine } = engineFor(null, {});
  const actual = await errorOf(async () => make().collect({ engine }));
  assert.equal(actual, expected, report("another error than CPU polars'", null, make));
}

async function errorOf(run: () => Promise<unknown>): Promise<string | null> {
  try {
    await run();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** What one run found, with what is needed to run it again: fixtures are deterministic, so the query's text is the whole case. */
function report(found: string, partition: number | null, make: MakeQuery): string {
  return [
    found,
    `maxRowsPerPartition: ${partition ?? "default"}`,
    "reproduce, with frames from test/conformance/fixture.ts, by:",
    `  assertGpuEqualsCpu(${make.toString()}, { partitions: [${partition}] })`,
  ].join("\n");
}
