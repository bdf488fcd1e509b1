/** The end of a run's output, which is what is left where a log was cut: skips, every failure once more, and the last line. */
import { type CheckResult, indent, shortened } from "./checks.ts";
import type { TestCounts } from "./test-run.ts";

const shownOfFailure = 40;

/** Prints it, the last line being `N passed, M failed`; returns whether nothing failed. */
export function printOutcome(checks: readonly CheckResult[], tests: TestCounts): boolean {
  const failedChecks = checks.filter(({ passed }) => !passed);
  if (tests.skips.length > 0) console.log(`${tests.skips.length} skipped:\n${indent(tests.skips.join("\n"))}`);
  for (const { name, output } of [...failedChecks, ...tests.failures])
    console.log(`FAIL ${name}\n${indent(shortened(output, shownOfFailure))}`);
  const failed = failedChecks.length + tests.failed;
  console.log(`${checks.length - failedChecks.length + tests.passed} passed, ${failed} failed`);
  return failed === 0;
}
