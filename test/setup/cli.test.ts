/** The command line: wrong input gives one clear message and exit code 1. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const run = (...args: readonly string[]) => spawnSync(process.execPath, [cli, ...args], { encoding: "utf8" });

test("without a command it says what there is", () => {
  const { status, stdout } = run();
  assert.equal(status, 0);
  assert.match(stdout, /polars-webgpu conformance/);
});

test("an unknown command, an unknown option, a filter without a case: a message, no stack", () => {
  assert.equal(run("nothing").status, 1);
  const option = run("conformance", "--nope");
  assert.deepEqual([option.status, option.stderr.split("\n")[0]?.includes("'--nope'")], [1, true]);
  const filter = run("conformance", "--filter", "zzz");
  assert.deepEqual([filter.status, filter.stderr.trim()], [1, "no case contains 'zzz'"]);
  for (const { stderr } of [option, filter]) assert.doesNotMatch(stderr, /^ +at /m);
});
