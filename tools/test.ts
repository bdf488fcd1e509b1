/** `npm test [-- FILTER...]`: every check and every test; the last line is `N passed, M failed`. A filter is a part of a test file's path. */
import { indent, runChecks } from "./checks.ts";
import { runTests, testFiles } from "./test-run.ts";

const filters = process.argv.slice(2);
const files = testFiles(".", filters);
if (filters.length > 0 && files.length === 0) {
  console.error(`no test file matches ${filters.join(" ")}`);
  process.exit(1);
}
const checks = filters.length === 0 ? await runChecks() : [];
const tests = await runTests(files);
if (tests.skips.length > 0) console.log(`${tests.skips.length} skipped:\n${indent(tests.skips.join("\n"))}`);
const failedChecks = checks.filter(({ passed }) => !passed);
for (const { name } of failedChecks) console.log(`FAIL ${name} (see above)`);
const failed = tests.failed + failedChecks.length;
console.log(`${tests.passed + checks.length - failedChecks.length} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
