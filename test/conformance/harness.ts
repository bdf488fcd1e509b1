/** GPU against CPU polars: a query must give the same answer on both, fall back for the reason given, or fail with the same error. */

import assert from "node:assert/strict";
import type { LazyDataFrame } from "nodejs-polars";
import { type DeviceStats, GPUEngine, type GPUEngineOptions, UnsupportedError } from "../../src/index.ts";
import { type Cell, type CellColumn, cellColumns } from "./cells.ts";
import { sortedRows } from "./order.ts";

export interface ComparisonOptions {
  /** `exact` (default): rows in the same order; `any`: the same rows. */
  readonly order?: "exact" | "any";
  /** Rows of a partition for each run, null for one partition; each value is one run. */
  readonly partitions?: readonly (number | null)[];
  /** Relative difference that floats may have; 0 (default) is the same bits, any NaN being like any other. */
  readonly rel?: number;
  /**
   * Units in the last place that floats may be apart, for elementary functions only. Zeros, infinities and NaN still have to be the same.
   */
  readonly ulps?: number;
  /** Whether -0 and 0 are the same value, where polars leaves open which one it gives; false by default. */
  readonly anyZero?: boolean;
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
    const found = difference(cellColumns(expected), cellColumns(actual), expected.height, actual.height, options);
    if (found !== null) assert.fail(report(found, partition, make));
    assertNoLeak(await engine.deviceStats(), before, partition, make);
    assert.equal(engine.lastQuery?.fallback, null, report("the whole query fell back", partition, make));
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
  const found = difference(cellColumns(expected), cellColumns(actual), expected.height, actual.height, options);
  if (found !== null) assert.fail(report(found, null, make));
  assertNoLeak(await engine.deviceStats(), before, null, make);
}

/** What only the data of the query decides keeps it from the GPU: CPU polars answers, without a warning. */
export async function assertQuietlyEqualsCpu(make: MakeQuery, options: ComparisonOptions = {}): Promise<void> {
  const { engine, warnings } = engineFor(null, { raiseOnFail: true });
  warnings.length = 0;
  const expected = await make().collect();
  const actual = await collectOn(engine, make, null);
  const found = difference(cellColumns(expected), cellColumns(actual), expected.height, actual.height, options);
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

/** The first difference in words; null: none. */
export function difference(
  expected: readonly CellColumn[],
  actual: readonly CellColumn[],
  rows: number,
  actualRows: number,
  options: ComparisonOptions,
): string | null {
  const schema = (columns: readonly CellColumn[]) => columns.map((c) => `${c.name}: ${c.dtype}`).join(", ");
  if (schema(expected) !== schema(actual)) return `schema: expected ${schema(expected)}; got ${schema(actual)}`;
  if (rows !== actualRows) return `rows: expected ${rows}, got ${actualRows}`;
  const [want, have] = options.order === "any" ? [sortedRows(expected, rows), sortedRows(actual, rows)] : [expected, actual];
  for (const [c, column] of want.entries()) {
    const other = have[c];
    for (const [row, cell] of column.cells.entries()) {
      const got = other?.cells[row] ?? null;
      if (!same(cell, got, options) && !near(cell, got, column.dtype === "Float32", options.ulps ?? 0))
        return `row ${row}, column ${JSON.stringify(column.name)} (${column.dtype}): expected ${show(cell)}, got ${show(got)}`;
    }
  }
  return null;
}

function same(a: Cell, b: Cell, { rel = 0, anyZero = false }: ComparisonOptions): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "number" || typeof b !== "number") return false;
  if (a === b) return anyZero || rel > 0;
  return Math.abs(a - b) <= rel * Math.max(Math.abs(a), Math.abs(b)) && Number.isFinite(a) && Number.isFinite(b);
}

const floats = new Float64Array(1);
const integers = new BigInt64Array(floats.buffer);

/** The number of a finite double among all doubles, counted from 0; of an f32 among all f32. */
function ordinal(value: number, single: boolean): bigint {
  floats[0] = Math.abs(value);
  const bits = integers[0] ?? 0n;
  // 29 bits of a double lie below an f32's least one; subnormal f32 are counted in units of 2^-149.
  const count = !single ? bits : Math.abs(value) < 2 ** -126 ? BigInt(Math.abs(value) * 2 ** 149) : (bits >> 29n) - (896n << 23n);
  return value < 0 ? -count : count;
}

function near(a: Cell, b: Cell, single: boolean, ulps: number): boolean {
  if (ulps === 0 || typeof a !== "number" || typeof b !== "number" || !Number.isFinite(a) || !Number.isFinite(b) || a === 0 || b === 0)
    return false;
  const apart = ordinal(a, single) - ordinal(b, single);
  return apart <= BigInt(ulps) && -apart <= BigInt(ulps);
}

const show = (cell: Cell): string =>
  typeof cell === "bigint" ? `${cell}` : typeof cell === "string" ? JSON.stringify(cell) : Object.is(cell, -0) ? "-0" : String(cell);
