/** The 22 PDS-H queries at scale 0.01: the whole query on the GPU by every executor, and the answer of CPU polars. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { DataFrame } from "nodejs-polars";
import { ensureData, scanTables } from "../../bench/pdsh/generate.ts";
import { queries } from "../../bench/pdsh/queries/index.ts";
import { type Cell, cellColumns } from "../../src/fallback/cells.ts";
import { GPUEngine } from "../../src/index.ts";

const scale = 0.01;
await ensureData(scale, () => {});
const tables = scanTables(scale);
/** Small enough that the larger tables are many partitions. */
const executorOptions = { targetPartitionSize: 400_000, fallbackMode: "silent" } as const;
const engines = new Map([
  ["in-memory", new GPUEngine({ raiseOnFail: true, executor: "in-memory" })],
  ["tasks", new GPUEngine({ raiseOnFail: true, executorOptions: { ...executorOptions, engine: "tasks" } })],
  ["rapidsmpf", new GPUEngine({ raiseOnFail: true, executorOptions: { ...executorOptions, engine: "rapidsmpf" } })],
]);
after(() => Promise.all([...engines.values()].map((engine) => engine.close())));

/** Float sums are added in another order than CPU polars adds them. What rounds such a sum would differ by one digit at worst; none does. */
const RELATIVE = 1e-12;

const agrees = (a: Cell, b: Cell): boolean =>
  Object.is(a, b) || (typeof a === "number" && typeof b === "number" && Math.abs(a - b) <= RELATIVE * Math.max(Math.abs(a), Math.abs(b)));

function assertAgrees(expected: DataFrame, actual: DataFrame): void {
  const [want, have] = [cellColumns(expected), cellColumns(actual)];
  assert.deepEqual(
    have.map((c) => [c.name, c.dtype, c.cells.length]),
    want.map((c) => [c.name, c.dtype, c.cells.length]),
  );
  for (const [i, column] of want.entries()) {
    for (const [row, cell] of column.cells.entries()) {
      const got = have[i]?.cells[row] ?? null;
      const close = column.float ? agrees(cell, got) : Object.is(cell, got);
      assert.ok(close, `row ${row}, column ${column.name}: expected ${String(cell)}, got ${String(got)}`);
    }
  }
}

for (const [number, query] of queries) {
  test(`Q${number}`, async (t) => {
    const expected = await query(tables).collect();
    for (const [name, engine] of engines) {
      await t.test(name, async () => {
        assertAgrees(expected, await query(tables).collect({ engine }));
        assert.equal(engine.lastQuery?.fallback, null);
        assert.equal((await engine.deviceStats())?.allocatedBytes, 0);
      });
    }
  });
}

test("the larger tables are many partitions", async () => {
  const engine = engines.get("tasks");
  const plan = await engine?.physicalPlan(tables.lineitem);
  assert.ok((plan?.nodes[0]?.partitions ?? 0) > 8);
});
