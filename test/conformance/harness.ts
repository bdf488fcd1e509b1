/** GPU against CPU polars: a query must give the same answer on both, fall back for the reason given, or fail with the same error. */

import assert from "node:assert/strict";
import type { LazyDataFrame } from "nodejs-polars";
import { frameDifference, type Tolerance } from "../../src/fallback/frame-difference.ts";
import { type EngineStats, GPUEngine, type GPUEngineOptions, UnsupportedError } from "../../src/index.ts";

export interface ComparisonOptions extends Tolerance {
  /** Rows of a partition for each run, null for one partition, which the in-memory executor runs; the others the streaming engines run, in turns. */
  readonly partitions?: readonly (number | null)[];
  /** Whether every expression has to have a kernel: none may be evaluated by CPU polars on distinct rows. */
  readonly kernels?: boolean;
  /** More options of the engine; an engine is kept for each different set. */
  readonly engine?: GPUEngineOptions;
}

/** A query, made anew for each run; its source text is printed when the results differ. */
export type MakeQuery = () => LazyDataFrame;

/** How a query is run: by which engine, over partitions of how many rows. */
interface Execution {
  readonly engine: "in-memory" | "tasks" | "rapidsmpf" | "default";
  readonly partition: number | null;
}

const DEFAULT: Execution = { engine: "default", partition: null };

/** POLARS_WEBGPU_TEST_ENGINES=all has both streaming engines run every query over partitions; else they take turns. */
const BOTH = process.env.POLARS_WEBGPU_TEST_ENGINES === "all";
let turns = 0;

const executionsOf = (partitions: readonly (number | null)[]): readonly Execution[] =>
  partitions.flatMap((partition): readonly Execution[] => {
    if (partition === null) return [{ engine: "in-memory", partition }];
    const engines = BOTH ? (["tasks", "rapidsmpf"] as const) : ([turns++ % 2 === 0 ? "tasks" : "rapidsmpf"] as const);
    return engines.map((engine) => ({ engine, partition }));
  });

function optionsOf({ engine, partition }: Execution): GPUEngineOptions {
  if (engine === "default") return {};
  if (engine === "in-memory" || partition === null) return { executor: "in-memory" };
  return { executorOptions: { engine, maxRowsPerPartition: partition } };
}

const engines = new Map<string, { readonly engine: GPUEngine; readonly warnings: string[] }>();

function engineFor(execution: Execution, options: GPUEngineOptions): { readonly engine: GPUEngine; readonly warnings: string[] } {
  const key = JSON.stringify([execution, options]);
  let known = engines.get(key);
  if (known === undefined) {
    const warnings: string[] = [];
    known = { engine: new GPUEngine({ warn: (message) => void warnings.push(message), ...optionsOf(execution), ...options }), warnings };
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

/** The query runs on the GPU as a whole and gives what CPU polars gives, in memory and in every partitioning; no device memory stays in use. */
export async function assertGpuEqualsCpu(make: MakeQuery, options: ComparisonOptions = {}): Promise<void> {
  const expected = await make().collect();
  for (const execution of executionsOf(options.partitions ?? [null, 3])) {
    const { engine } = engineFor(execution, { raiseOnFail: true, ...options.engine });
    const before = bytesOfQueries(await engine.deviceStats());
    const actual = await collectOn(engine, make, execution);
    const found = frameDifference(expected, actual, options);
    if (found !== null) assert.fail(report(found, execution, make));
    assertNoLeak(await engine.deviceStats(), before, execution, make);
    assert.equal(engine.lastQuery?.fallback, null, report("the whole query fell back", execution, make));
    const lookups = engine.lastQuery?.nodes.some((node) => node.name === "LOOKUP");
    if (options.kernels === true) assert.equal(lookups, false, report("an expression was looked up", execution, make));
  }
}

async function collectOn(engine: GPUEngine, make: MakeQuery, execution: Execution) {
  try {
    return await make().collect({ engine });
  } catch (error) {
    throw new Error(report(error instanceof Error ? error.message : String(error), execution, make), { cause: error });
  }
}

/** Device memory in use, apart from columns that stay for later queries. */
export const bytesOfQueries = (stats: EngineStats | null): number => (stats === null ? 0 : stats.allocatedBytes - stats.residentBytes);

function assertNoLeak(after: EngineStats | null, before: number, execution: Execution, make: MakeQuery): void {
  const left = bytesOfQueries(after) - before;
  assert.equal(left, 0, report(`${left} bytes of device memory stayed in use after the query`, execution, make));
}

/**
 * Some node has to run on CPU polars, for a reason that matches. The answer is still CPU polars', with exactly one warning.
 * Fails when the query starts to run on the GPU.
 */
export async function assertFallsBack(make: MakeQuery, reason: RegExp, options: ComparisonOptions = {}): Promise<void> {
  const strict = engineFor(DEFAULT, { raiseOnFail: true });
  await assert.rejects(
    async () => make().collect({ engine: strict.engine }),
    (error) => {
      assert.ok(error instanceof UnsupportedError, report(`expected a fallback, got ${String(error)}`, DEFAULT, make));
      assert.match(error.message, reason, report("the reason of the fallback", DEFAULT, make));
      return true;
    },
    report("expected a fallback, but it runs on the GPU", DEFAULT, make),
  );
  const expected = await make().collect();
  const { engine, warnings } = engineFor(DEFAULT, {});
  warnings.length = 0;
  const before = bytesOfQueries(await engine.deviceStats());
  const actual = await make().collect({ engine });
  assert.equal(warnings.length, 1, report(`expected one warning, got ${JSON.stringify(warnings)}`, DEFAULT, make));
  const found = frameDifference(expected, actual, options);
  if (found !== null) assert.fail(report(found, DEFAULT, make));
  assertNoLeak(await engine.deviceStats(), before, DEFAULT, make);
}

/** What only the data of the query decides keeps it from the GPU: CPU polars answers, without a warning. */
export async function assertQuietlyEqualsCpu(make: MakeQuery, options: ComparisonOptions = {}): Promise<void> {
  const { engine, warnings } = engineFor(DEFAULT, { raiseOnFail: true });
  warnings.length = 0;
  const expected = await make().collect();
  const actual = await collectOn(engine, make, DEFAULT);
  const found = frameDifference(expected, actual, options);
  if (found !== null) assert.fail(report(found, DEFAULT, make));
  assert.deepEqual(warnings, [], report("warnings", DEFAULT, make));
  assert.notEqual(engine.lastQuery?.fallback, null, report("expected CPU polars to answer", DEFAULT, make));
}

/** Polars rejects the query; with an engine it is rejected with the same message. */
export async function assertSameError(make: MakeQuery): Promise<void> {
  const expected = await errorOf(async () => make().collect());
  assert.notEqual(expected, null, report("expected CPU polars to reject it", DEFAULT, make));
  const { engine } = engineFor(DEFAULT, {});
  const actual = await errorOf(async () => make().collect({ engine }));
  assert.equal(actual, expected, report("another error than CPU polars'", DEFAULT, make));
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
function report(found: string, { engine, partition }: Execution, make: MakeQuery): string {
  return [
    found,
    `engine: ${engine}, maxRowsPerPartition: ${partition ?? "default"}`,
    "reproduce, with frames from test/conformance/fixture.ts, by:",
    `  assertGpuEqualsCpu(${make.toString()}, { partitions: [${partition}] })`,
  ].join("\n");
}
