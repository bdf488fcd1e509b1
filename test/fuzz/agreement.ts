/** A fuzzing run as a test, of the same plans on every machine; `npm run fuzz` runs for as long as one likes. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { fuzz } from "./fuzz.ts";
import type { EngineLimits } from "./run.ts";

interface Run {
  readonly seed: number;
  readonly plans: number;
  readonly draws: number;
  readonly limits: EngineLimits;
}

/** Fails with the first finding, as the smallest program that shows it. */
export async function assertNoFindings(t: TestContext, { seed, plans, draws, limits }: Run): Promise<void> {
  const report = await fuzz({ seed, draws, limits, count: plans, depth: 8, budget: Number.POSITIVE_INFINITY, findings: 1 });
  t.diagnostic(`${report.ran} plans of ${report.shapes} shapes, ${report.rejected} rejected by polars, from seed ${seed}`);
  assert.deepEqual(
    report.findings.map((f) => `shape ${f.shape}: ${f.message}\n${f.program}`),
    [],
  );
  assert.equal(report.ran, plans);
}
