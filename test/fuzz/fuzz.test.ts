/** A minute of random plans: CPU polars and the engine agree on each, or both reject it with the same words. `npm run fuzz` runs more. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzz } from "./fuzz.ts";

const BUDGET = 60_000;
const SEED = 1000;

test("random plans give the answer of CPU polars", async (t) => {
  const report = await fuzz({ seed: SEED, count: Number.POSITIVE_INFINITY, depth: 8, budget: BUDGET, findings: 1 });
  t.diagnostic(`${report.ran} plans of ${report.shapes} shapes, ${report.rejected} rejected by polars`);
  assert.ok(report.ran > 10, "too few plans ran to say anything");
  assert.deepEqual(
    report.findings.map((f) => `shape ${f.shape}: ${f.message}\n${f.program}`),
    [],
  );
});
