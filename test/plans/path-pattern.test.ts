import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import pl from "nodejs-polars";
import { filesMatching } from "../../src/fallback/path-pattern.ts";

const NAMES = ["a.pq", "B.pq", "b.pq", ".h.pq", "_x.pq", "a1.pq", "a-1.pq", "10.pq", "9.pq", "a+b.pq", "a.pq.old", "a b.pq"];

const folder = mkdtempSync(join(tmpdir(), "path-pattern-"));
after(() => rmSync(folder, { recursive: true }));
for (const [i, name] of NAMES.entries()) pl.DataFrame({ v: [i] }).writeParquet(join(folder, name));

const readByPolars = (pattern: string): readonly unknown[] =>
  pl.scanParquet(join(folder, pattern), { includeFilePaths: "path" }).collectSync().getColumn("path").toArray();

test("patterns match what polars reads, in its order", async () => {
  for (const pattern of ["*.pq", "?.pq", "[ab]*.pq", "[0-9]*.pq", "a+*.pq", "a*", "*", "?1*", "a?b.pq", "[A-Z].pq"])
    assert.deepEqual(await filesMatching(join(folder, pattern)), readByPolars(pattern), pattern);
});

test("what is not plainly a pattern of file names is left to polars", async () => {
  const odd = join(folder, "odd");
  mkdirSync(join(odd, "folder"), { recursive: true });
  pl.DataFrame({ v: [1] }).writeParquet(join(odd, "é.pq"));
  for (const pattern of ["[!a]*.pq", "{a,b}.pq", "**.pq", "nothing*", "odd/*.pq", "odd/*r", "o?d/*", "[a"])
    assert.equal(await filesMatching(join(folder, pattern)), null, pattern);
  assert.equal(await filesMatching(join(folder, "none", "*.pq")).catch(() => null), null);
});
