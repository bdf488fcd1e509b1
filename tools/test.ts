/**
 * `npm test [-- FILTER...]`: every check and every test, the conformance tests with no more than WebGPU's default limits; the last line is
 * `N passed, M failed`. A filter is a part of a test file's path.
 */
import { runChecks } from "./checks.ts";
import { printOutcome } from "./outcome.ts";
import { prepareTests } from "./prepare-tests.ts";
import { runTests, testFiles } from "./test-run.ts";

prepareTests();

const filters = process.argv.slice(2);
const files = testFiles(".", filters);
if (filters.length > 0 && files.length === 0) {
  console.error(`no test file matches ${filters.join(" ")}`);
  process.exit(1);
}
const checks = filters.length === 0 ? await runChecks() : [];
process.exit(printOutcome(checks, await runTests(files)) ? 0 : 1);
