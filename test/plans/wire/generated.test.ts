/** The generated code is what the schema says: the generator run again makes the same files, and notices a change of the schema. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

function generate(directory: string, ...args: readonly string[]): { readonly status: number | null; readonly stderr: string } {
  return spawnSync(process.execPath, [join(directory, "tools/generate-wire.ts"), ...args], { encoding: "utf8" });
}

test("src/ir/wire/generated is up to date", () => {
  const { status, stderr } = generate(root, "--check");
  assert.equal(stderr, "");
  assert.equal(status, 0);
});

test("--check sees a change of the schema, and generating repairs it", (context) => {
  const copy = mkdtempSync(join(tmpdir(), "wire-"));
  context.after(() => rmSync(copy, { recursive: true }));
  cpSync(join(root, "src/ir/wire"), join(copy, "src/ir/wire"), { recursive: true });
  cpSync(join(root, "tools/generate-wire.ts"), join(copy, "tools/generate-wire.ts"));
  cpSync(join(root, "package.json"), join(copy, "package.json"));
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  assert.equal(generate(copy, "--check").status, 0);
  const schema = join(copy, "src/ir/wire/plan.fbs");
  writeFileSync(
    schema,
    readFileSync(schema, "utf8").replace("enum TimeUnit : ubyte { ms, us, ns }", "enum TimeUnit : ubyte { ms, us, ns, s }"),
  );
  const stale = generate(copy, "--check");
  assert.equal(stale.status, 1);
  assert.match(stale.stderr, /time-unit\.ts/);
  assert.equal(generate(copy).status, 0);
  assert.equal(generate(copy, "--check").status, 0);
  assert.match(readFileSync(join(copy, "src/ir/wire/generated/time-unit.ts"), "utf8"), /s: 3/);
});
