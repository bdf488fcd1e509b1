/**
 * `npm test [-- FILTER...]`: every check and every test, the conformance tests with no more than WebGPU's default limits; the last line is
 * `N passed, M failed`. A filter is a part of a test file's path.
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
const isConformance = (file: string): boolean => file.startsWith("test/conformance/");
const tests = await runTests(files.filter((file) => !isConformance(file)));
// The tightest limits that a user may meet; fuzzing and kernel tests use those of the adapter too.
process.env.POLARS_WEBGPU__LIMITS ??= "default";
const conformance = await runTests(files.filter(isConformance));
const skips = [...tests.skips, ...conformance.skips];
if (skips.length > 0) console.log(`${skips.length} skipped:\n${indent(skips.join("\n"))}`);
const failedChecks = checks.filter(({ passed }) => !passed);
for (const { name } of failedChecks) console.log(`FAIL ${name} (see above)`);
const failed = tests.failed + conformance.failed + failedChecks.length;
console.log(`${tests.passed + conformance.passed + checks.length - failedChecks.length} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
