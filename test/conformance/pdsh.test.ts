/**
 * The 22 PDS-H queries: the whole query on the GPU by every executor, and the answer of CPU polars. POLARS_WEBGPU_TEST_SCALES=0.01,0.1,1
 * asks for further scales than 0.01.
 */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { DataFrame } from "nodejs-polars";
import { ensureData, scanTables } from "../../bench/pdsh/generate.ts";
import { queries } from "../../bench/pdsh/queries/index.ts";
import { type Cell, cellColumns } from "../../src/fallback/cells.ts";
import { GPUEngine } from "../../src/index.ts";

const scales = (process.env.POLARS_WEBGPU_TEST_SCALES ?? "0.01").split(",").map(Number);

/** Nothing stays on the device, so that what a query leaves there is seen. */
const STRICT = { raiseOnFail: true, residentMemoryLimit: 0 } as const;
/** Small enough that the larger tables are many partitions. */
const optionsOf = (scale: number) => ({ targetPartitionSize: 40_000_000 * scale, fallbackMode: "silent" }) as const;
const enginesOf = (scale: number): ReadonlyMap<string, GPUEngine> =>
  new Map([
    ["in-memory", new GPUEngine({ ...STRICT, executor: "in-memory" })],
    ["tasks", new GPUEngine({ ...STRICT, executorOptions: { ...optionsOf(scale), engine: "tasks" } })],
    ["rapidsmpf", new GPUEngine({ ...STRICT, executorOptions: { ...optionsOf(scale), engine: "rapidsmpf" } })],
  ]);

/**
 * Float sums are added in another order than CPU polars adds them, whose sums of n values of one sign are within n * 2^-53 of the exact ones;
 * at scale 0.01 they are within 1e-12. What rounds such a sum would differ by one digit at worst; none does.
 */
const relativeOf = (scale: number): number => (scale <= 0.01 ? 1e-12 : Math.max(1e-12, scale * 6_001_215 * 2 ** -53));

const agrees = (a: Cell, b: Cell, relative: number): boolean =>
  Object.is(a, b) || (typeof a === "number" && typeof b === "number" && Math.abs(a - b) <= relative * Math.max(Math.abs(a), Math.abs(b)));

function assertAgrees(expected: DataFrame, actual: DataFrame, relative: number): void {
  const [want, have] = [cellColumns(expected), cellColumns(actual)];
  assert.deepEqual(
    have.map((c) => [c.name, c.dtype, c.cells.length]),
    want.map((c) => [c.name, c.dtype, c.cells.length]),
  );
  for (const [i, column] of want.entries()) {
    for (const [row, cell] of column.cells.entries()) {
      const got = have[i]?.cells[row] ?? null;
      const close = column.float ? agrees(cell, got, relative) : Object.is(cell, got);
      assert.ok(close, `row ${row}, column ${column.name}: expected ${String(cell)}, got ${String(got)}`);
    }
  }
}

for (const scale of scales) {
  await ensureData(scale, () => {});
  const tables = scanTables(scale);
  const engines = enginesOf(scale);
  after(() => Promise.all([...engines.values()].map((engine) => engine.close())));

  for (const [number, query] of queries) {
    test(`Q${number} at scale ${scale}`, async (t) => {
      const expected = await query(tables).collect();
      assert.ok(expected.height > 0, "an answer of some rows");
      for (const [name, engine] of engines) {
        await t.test(name, async () => {
          assertAgrees(expected, await query(tables).collect({ engine }), relativeOf(scale));
          assert.equal(engine.lastQuery?.fallback, null);
          assert.equal((await engine.deviceStats())?.allocatedBytes, 0);
        });
      }
    });
  }

  test(`the larger tables are many partitions at scale ${scale}`, async () => {
    const plan = await engines.get("tasks")?.physicalPlan(tables.lineitem);
    assert.ok((plan?.nodes[0]?.partitions ?? 0) > 8);
  });
}
