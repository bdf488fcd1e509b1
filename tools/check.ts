/** `npm run check`: what needs no GPU: types, lint, format, import layers, set-up and plan tests. The last line is `N passed, M failed`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, runChecks } from "./checks.ts";
import { runTests, testFiles } from "./test-run.ts";

const checks = await runChecks();
const directories = ["plans", "setup"].filter((directory) => existsSync(join(root, "test", directory)));
const tests = await runTests(directories.flatMap((directory) => testFiles(directory, [])));
const passed = checks.filter((check) => check.passed).length;
const failed = tests.failed + checks.length - passed;
console.log(`${tests.passed + passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
