/** Runs test files under node:test, a process for each, and prints how they go: a line a file, failures at once, skips with their reasons. */
import { readdirSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join, sep } from "node:path";
import { run } from "node:test";
import { pathToFileURL } from "node:url";
import { type Failure, indent, root, shortened } from "./checks.ts";
import { youngSpace } from "./prepare-tests.ts";

/** Numbers of single tests; suites are not counted. `skips` has a line for each skipped or todo test. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly Failure[];
  readonly skips: readonly string[];
}

const longestFileMs = 40 * 60_000;
const quietMs = 20_000;
/** Files at a time: a core and 2 GiB of memory for each, and no more than one GPU can serve well. */
const atATime = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2 ** 31), 12));
const shownChatter = 200;
/** Dawn says this for every device on some drivers; it means nothing here. */
const dawnNotice = /^Warning: maxDynamic\w+ artificially reduced .*\n?/gm;

/** What takes longest starts first, so that no core waits for the last file. */
const LONGEST: readonly string[] = [
  "test/fuzz/shapes.test.ts",
  "test/fuzz/draws.test.ts",
  "test/conformance/window/counting.test.ts",
  "test/conformance/streaming/split-window.test.ts",
  "test/conformance/streaming/faults.test.ts",
  "test/conformance/ledger.test.ts",
  "test/conformance/streaming/spilling.test.ts",
  "test/fuzz/metamorphic.test.ts",
  "test/conformance/plan/dynamic.test.ts",
  "test/conformance/window/moving.test.ts",
  "test/conformance/plan/rolling-groups.test.ts",
  "test/conformance/plan/join.test.ts",
  "test/conformance/residency.test.ts",
  "test/conformance/expr/aggregate-rows.test.ts",
];

const turn = (file: string): number => (LONGEST.includes(file) ? LONGEST.indexOf(file) : LONGEST.length);

/** Test files under test/`directory`, in the order to run them, whose path contains one of `filters` (all when there are none). */
export function testFiles(directory: string, filters: readonly string[]): readonly string[] {
  return readdirSync(join(root, "test", directory), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => join("test", directory, file).split(sep).join("/"))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort()
    .sort((a, b) => turn(a) - turn(b));
}

/** Runs `files` in their order, as many at a time as the machine has room for, and resolves with the counts once all have ended. A file that runs longer than 40 minutes fails. */
export async function runTests(files: readonly string[]): Promise<TestCounts> {
  const runs: FileRun[] = [];
  let printed = performance.now();
  const print = (line: string): void => {
    printed = performance.now();
    console.log(line);
  };
  const heartbeat = setInterval(() => {
    if (performance.now() - printed > quietMs) print(`...  still running, ${runs.length} of ${files.length} files done`);
  }, 1000);
  const waiting = [...files];
  const worker = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) runs.push(await runFile(file, print));
  };
  await Promise.all(Array.from({ length: atATime }, worker));
  clearInterval(heartbeat);
  return {
    passed: runs.reduce((total, { passed }) => total + passed, 0),
    failed: runs.reduce((total, { failures }) => total + failures.length, 0),
    failures: runs.flatMap(({ failures }) => failures),
    skips: runs.flatMap(({ skips }) => skips),
  };
}

interface FileRun {
  readonly passed: number;
  readonly failures: readonly Failure[];
  readonly skips: readonly string[];
}

/** Prints failures as they come, and what else the file's process printed only when there was one. */
async function runFile(file: string, print: (line: string) => void): Promise<FileRun> {
  const start = performance.now();
  const failures: Failure[] = [];
  const skips: string[] = [];
  const chatter: string[] = [];
  const notes: string[] = [];
  const trail: string[] = [];
  let passed = 0;
  const path = join(root, file);
  const execArgv = ["--import", pathToFileURL(join(root, "tools/test-process.ts")).href, youngSpace];
  for await (const event of run({ cwd: root, files: [path], timeout: longestFileMs, execArgv })) {
    if (event.type === "test:start") {
      trail.length = event.data.nesting;
      trail.push(event.data.name);
    } else if (event.type === "test:pass" && event.data.details.type !== "suite") {
      const why = event.data.skip ?? event.data.todo;
      if (why === undefined || why === false) passed++;
      else skips.push(`${file} > ${event.data.name}: ${why === true || why === "" ? "no reason given" : why}`);
    } else if (event.type === "test:fail" && !onlyItsTests(event.data.details.error)) {
      const names = event.data.name === path ? [] : [...trail.slice(0, event.data.nesting), event.data.name];
      const failure: Failure = { name: [file, ...names].join(" > "), output: reason(event.data.details.error) };
      failures.push(failure);
      print(`FAIL ${failure.name}\n${indent(failure.output)}`);
    } else if (event.type === "test:stdout" || event.type === "test:stderr") {
      chatter.push(event.data.message);
    } else if (event.type === "test:diagnostic" && event.data.file !== undefined) {
      notes.push(event.data.message);
    }
  }
  if (notes.length > 0) print(indent(notes.join("\n")));
  const text = failures.length > 0 ? chatter.join("").replace(dawnNotice, "").trimEnd() : "";
  if (text !== "") print(`     printed by ${file}:\n${indent(shortened(text, shownChatter))}`);
  const counts = [`${passed} passed`];
  if (failures.length > 0) counts.push(`${failures.length} failed`);
  if (skips.length > 0) counts.push(`${skips.length} skipped`);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  print(`${failures.length > 0 ? "FAIL" : "ok  "} ${file}: ${counts.join(", ")} (${seconds} s)`);
  return { passed, failures, skips };
}

/** Whether a test failed for no reason of its own, such as a hook that threw. */
const onlyItsTests = (error: Error): boolean => property(error, "failureType") === "subtestsFailed";

/** What to print for a failure: the error as the test threw it, or how the file's process ended. */
function reason(error: Error): string {
  const cause = error.cause;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  const ending = property(error, "signal") ?? property(error, "exitCode");
  if (ending !== undefined && ending !== null) return `the process of this file ended with ${ending}`;
  return cause === undefined ? error.message : String(cause);
}

const property = (error: Error, name: string): unknown => Object.entries(error).find(([key]) => key === name)?.[1];
