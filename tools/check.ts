/** `npm run check`: what needs no GPU: types, lint, format, import layers, set-up and plan tests. The last line is `N passed, M failed`. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, runChecks } from "./checks.ts";
import { printOutcome } from "./outcome.ts";
import { runTests, testFiles } from "./test-run.ts";

const checks = await runChecks();
const directories = ["plans", "setup"].filter((directory) => existsSync(join(root, "test", directory)));
const tests = await runTests(directories.flatMap((directory) => testFiles(directory, [])));
process.exit(printOutcome(checks, tests) ? 0 : 1);
