/** Runs test files under node:test, a process for each, and prints how they go: a line a file, failures at once, skips with their reasons. */
import { readdirSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { run } from "node:test";
import { indent, root } from "./checks.ts";

/** Numbers of single tests; suites are not counted. `skips` has a line for each skipped or todo test. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly string[];
}

const longestFileMs = 40 * 60_000;
const quietMs = 20_000;
/** Dawn says this for every device on some drivers; it means nothing here. */
const dawnNotice = /^Warning: maxDynamic\w+ artificially reduced .*\n?/gm;

/** Test files under test/`directory`, sorted, whose path contains one of `filters` (all when there are none). */
export function testFiles(directory: string, filters: readonly string[]): readonly string[] {
  return readdirSync(join(root, "test", directory), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => join("test", directory, file).split(sep).join("/"))
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
}

interface FileCounts {
  passed: number;
  failed: number;
  skipped: number;
  ms: number;
}

/** Runs `files`, two at a time, and resolves with the counts once all have ended. A file that runs longer than 40 minutes fails. */
export async function runTests(files: readonly string[]): Promise<TestCounts> {
  const counts = new Map<string, FileCounts>();
  const skips: string[] = [];
  let printed = performance.now();
  const print = (line: string): void => {
    printed = performance.now();
    console.log(line);
  };
  const of = (path: string | undefined): FileCounts => {
    const file = path === undefined ? "?" : relative(root, path).split(sep).join("/");
    const known = counts.get(file) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 };
    counts.set(file, known);
    return known;
  };
  const heartbeat = setInterval(() => {
    if (performance.now() - printed > quietMs) print(`...  still running, ${finished} of ${files.length} files done`);
  }, 1000);
  let finished = 0;
  const parents: string[] = [];
  const stream = run({ cwd: root, files: files.map((file) => join(root, file)), concurrency: 2, timeout: longestFileMs });
  for await (const event of stream) {
    if (event.type === "test:start") {
      parents.length = event.data.nesting;
      parents.push(event.data.name);
    } else if (event.type === "test:pass" && event.data.details.type !== "suite") {
      const why = event.data.skip ?? event.data.todo;
      if (why === undefined || why === false) of(event.data.file).passed++;
      else {
        of(event.data.file).skipped++;
        skips.push(
          `${relative(root, event.data.file ?? "")} > ${event.data.name}: ${why === true || why === "" ? "no reason given" : why}`,
        );
      }
    } else if (event.type === "test:fail" && !(event.data.details.type === "suite" && onlyItsTests(event.data.details.error))) {
      of(event.data.file).failed++;
      const trail = [...parents.slice(0, event.data.nesting), event.data.name].join(" > ");
      print(`FAIL ${relative(root, event.data.file ?? "")} > ${trail}\n${indent(failure(event.data.details.error))}`);
    } else if (event.type === "test:stdout" || event.type === "test:stderr") {
      const text = event.data.message.replace(dawnNotice, "").trimEnd();
      if (text !== "") print(indent(text));
    } else if (event.type === "test:summary" && event.data.file !== undefined) {
      finished++;
      const file = of(event.data.file);
      const parts = [
        `${file.passed} passed`,
        ...(file.failed > 0 ? [`${file.failed} failed`] : []),
        ...(file.skipped > 0 ? [`${file.skipped} skipped`] : []),
      ];
      print(
        `${file.failed > 0 ? "FAIL" : "ok  "} ${relative(root, event.data.file)}: ${parts.join(", ")} (${(event.data.duration_ms / 1000).toFixed(1)} s)`,
      );
    }
  }
  clearInterval(heartbeat);
  const all = [...counts.values()];
  return { passed: sum(all.map((x) => x.passed)), failed: sum(all.map((x) => x.failed)), skips };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Whether a suite failed for no reason of its own, such as a hook that threw. */
const onlyItsTests = (error: Error): boolean => property(error, "failureType") === "subtestsFailed";

/** What to print for a failure: the error as the test threw it, or how the file's process ended. */
function failure(error: Error): string {
  const cause = error.cause;
  if (cause instanceof Error) return cause.stack ?? cause.message;
  const ending = property(error, "signal") ?? property(error, "exitCode");
  if (ending !== undefined && ending !== null) return `the process of this file ended with ${ending}`;
  return cause === undefined ? error.message : String(cause);
}

const property = (error: Error, name: string): unknown => Object.entries(error).find(([key]) => key === name)?.[1];
