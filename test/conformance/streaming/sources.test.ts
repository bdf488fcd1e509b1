/** Files that go away or change between planning and reading: one error, that of CPU polars, or the answer of whatever is there. */

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import pl from "nodejs-polars";
import { assertNothingLeft, ENGINES, open, undisturbed } from "./harness.ts";

const FILES = 10;
const ROWS = 10;
const c = pl.col;

const folder = mkdtempSync(join(tmpdir(), "faulty-files-"));
const away = mkdtempSync(join(tmpdir(), "faulty-files-away-"));
after(() => {
  for (const path of [folder, away]) rmSync(path, { recursive: true });
});
const names = Array.from({ length: FILES }, (_, file) => `${file}.parquet`);
for (const [file, name] of names.entries()) {
  const rows = Array.from({ length: ROWS }, (_, row) => file * ROWS + row);
  const frame = pl.DataFrame([
    pl.Series(
      "k",
      rows.map((row) => row % 7),
      pl.Int32,
    ),
    pl.Series("v", rows, pl.Int32),
  ]);
  frame.writeParquet(join(folder, name));
  copyFileSync(join(folder, name), join(away, name));
}

const query = () => pl.scanParquet(folder).groupBy("k", true).agg(c("v").sum().as("s")).sort("s");
const CASE = { query, expected: query().collectSync(), partition: ROWS };

/** What happens to the files behind the first reads, and the error that polars gives then. */
const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  deleted: (path) => rmSync(path),
  truncated: (path) => replace(path, readFileSync(path).subarray(0, 100)),
  emptied: (path) => replace(path, new Uint8Array(0)),
};

/** A new file in the place of the old one, which may be mapped. */
function replace(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
}

const restoreFiles = (): void => {
  for (const name of names) replace(join(folder, name), readFileSync(join(away, name)));
};

async function messageOf(run: () => Promise<unknown>): Promise<string | null> {
  try {
    await run();
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

for (const engine of ENGINES)
  test(`${engine}: files that are deleted, cut short or emptied while they are read`, async () => {
    const of = open(CASE, engine, { targetPartitionSize: 12 * ROWS });
    const { nodes } = await of.gpu.physicalPlan(query());
    assert.equal(nodes[0]?.partitions, FILES, "a partition for each file");
    await undisturbed(of, "whole files");
    for (const [what, change] of Object.entries(CHANGES)) {
      let changed = false;
      const onProgress = (): void => {
        if (changed) return;
        changed = true;
        for (const name of names.slice(4)) change(join(folder, name));
      };
      const message = await messageOf(() => query().collect({ engine: of.gpu, onProgress }));
      const expected = await messageOf(() => query().collect());
      restoreFiles();
      assert.ok(changed, "the files changed while the query ran");
      // A query over files that are missing from a folder is a query over fewer files.
      if (what === "deleted") assert.equal(expected, null);
      assert.equal(message, expected, what);
      assert.deepEqual(of.warnings, [], what);
      await assertNothingLeft(of, what);
    }
    await undisturbed(of, "whole files again");
    await of.gpu.close();
  });
