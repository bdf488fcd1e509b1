/** A fuzzing run of some minutes as a test; `npm run fuzz` runs for as long as one likes. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { fuzz } from "./fuzz.ts";
import type { EngineLimits } from "./run.ts";

const BUDGET = 240_000;

interface Run {
  readonly seed: number;
  readonly draws: number;
  readonly limits: EngineLimits;
}

/** Fails with the first finding, as the smallest program that shows it. */
export async function assertNoFindings(t: TestContext, { seed, draws, limits }: Run): Promise<void> {
  const report = await fuzz({ seed, draws, limits, count: Number.POSITIVE_INFINITY, depth: 8, budget: BUDGET, findings: 1 });
  t.diagnostic(`${report.ran} plans of ${report.shapes} shapes, ${report.rejected} rejected by polars, from seed ${seed}`);
  assert.ok(report.ran > 10, "too few plans ran to say anything");
  assert.deepEqual(
    report.findings.map((f) => `shape ${f.shape}: ${f.message}\n${f.program}`),
    [],
  );
}
