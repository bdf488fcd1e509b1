/**
 * `npm test [-- FILTER...]`: every check and every test, then the conformance tests once more with no more than WebGPU's default limits; the
 * last line is `N passed, M failed`. A filter is a part of a test file's path.
 */
import { indent, runChecks } from "./checks.ts";
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
const tests = await runTests(files);
const again = files.filter((file) => file.startsWith("test/conformance/"));
if (again.length > 0) console.log(`the conformance tests at WebGPU's default limits`);
process.env.POLARS_WEBGPU__LIMITS = "default";
const atDefaults = await runTests(again);
const skips = [...tests.skips, ...atDefaults.skips];
if (skips.length > 0) console.log(`${skips.length} skipped:\n${indent(skips.join("\n"))}`);
const failedChecks = checks.filter(({ passed }) => !passed);
for (const { name } of failedChecks) console.log(`FAIL ${name} (see above)`);
const failed = tests.failed + atDefaults.failed + failedChecks.length;
console.log(`${tests.passed + atDefaults.passed + checks.length - failedChecks.length} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
