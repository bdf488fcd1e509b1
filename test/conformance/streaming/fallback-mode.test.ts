/** `fallbackMode`: what happens where an operator cannot be done partition by partition. */

import assert from "node:assert/strict";
import { test } from "node:test";
import pl from "nodejs-polars";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { UnsupportedError } from "../../../src/index.ts";
import { assertNothingLeft, ENGINES, open } from "./harness.ts";
import { refusedMemory } from "./injection.ts";

const ROWS = 30;
const frame = pl.DataFrame({ v: Array.from({ length: ROWS }, (_, i) => (i * 7) % 11) });
const query = () => frame.lazy().withColumn(pl.col("v").cumSum().as("s"));
const CASE = { query, expected: query().collectSync(), partition: 10 };
const REASON = /WINDOW does not support multiple partitions\./;

for (const engine of ENGINES)
  test(`${engine}: one warning, an error, or silence`, async () => {
    const warning = open(CASE, engine, { fallbackMode: "warn" });
    assert.equal(frameDifference(CASE.expected, await query().collect({ engine: warning.gpu }), {}), null);
    assert.equal(warning.warnings.length, 1);
    assert.match(warning.warnings[0] ?? "", REASON);
    assert.equal(warning.gpu.lastQuery?.fallback, null);
    // Refused so often that the query begins anew with smaller partitions.
    warning.warnings.length = 0;
    const restore = refusedMemory((call) => call < 40);
    const again = await query().collect({ engine: warning.gpu }).finally(restore);
    assert.equal(frameDifference(CASE.expected, again, {}), null);
    assert.equal(warning.warnings.filter((message) => REASON.test(message)).length, 1);
    await assertNothingLeft(warning, "a query that began anew");
    await warning.gpu.close();

    const raising = open(CASE, engine, { fallbackMode: "raise" });
    const raised = (error: unknown): boolean => error instanceof UnsupportedError && REASON.test(error.message);
    await assert.rejects(query().collect({ engine: raising.gpu }), raised);
    await assert.rejects(raising.gpu.physicalPlan(query()), raised);
    assert.deepEqual(raising.warnings, []);
    await assertNothingLeft(raising, "a query that was refused");
    assert.equal((await frame.lazy().filter(pl.col("v").gt(3)).collect({ engine: raising.gpu })).height, 19);
    assert.equal(raising.gpu.lastQuery?.fallback, null);
    await raising.gpu.close();

    const silent = open(CASE, engine, { fallbackMode: "silent" });
    assert.equal(frameDifference(CASE.expected, await query().collect({ engine: silent.gpu }), {}), null);
    assert.deepEqual(silent.warnings, []);
    await silent.gpu.close();
  });

test("one partition needs no fallback", async () => {
  const of = open({ ...CASE, partition: ROWS }, "tasks", { fallbackMode: "raise" });
  assert.equal(frameDifference(CASE.expected, await query().collect({ engine: of.gpu }), {}), null);
  await of.gpu.close();
});
