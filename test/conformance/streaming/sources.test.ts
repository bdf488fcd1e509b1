/** Files that go away or change between planning and reading: what CPU polars gives for what is there now, an answer or its error. */

import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import pl from "nodejs-polars";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { assertNothingLeft, ENGINES, open, undisturbed } from "./harness.ts";

const FILES = 10;
const ROWS = 10;
/** Files that are not read yet when the first one has been, with others behind them. */
const CHANGED = [5, 6];
const c = pl.col;

const folder = mkdtempSync(join(tmpdir(), "faulty-files-"));
const away = mkdtempSync(join(tmpdir(), "faulty-files-away-"));
after(() => {
  for (const path of [folder, away]) rmSync(path, { recursive: true });
});

const numbers = (name: string, values: readonly number[]) => pl.Series(name, [...values], pl.Int32);
const frameOf = (values: readonly number[]) =>
  pl.DataFrame([
    numbers(
      "k",
      values.map((value) => value % 7),
    ),
    numbers("v", values),
  ]);
const names = Array.from({ length: FILES }, (_, file) => `${file}.parquet`);
for (const [file, name] of names.entries()) {
  frameOf(Array.from({ length: ROWS }, (_, row) => file * ROWS + row)).writeParquet(join(away, name));
  copyFileSync(join(away, name), join(folder, name));
}
frameOf([1000, 2000, 3000]).writeParquet(join(away, "other.parquet"));

const query = () => pl.scanParquet(folder).groupBy("k", true).agg(c("v").sum().as("s")).sort("s");
const CASE = { query, expected: query().collectSync(), partition: ROWS };

/** A new file in the place of the old one, which may be mapped. */
function replace(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.new`, bytes);
  renameSync(`${path}.new`, path);
}

const CHANGES: Readonly<Record<string, (path: string) => void>> = {
  deleted: (path) => rmSync(path),
  "cut short": (path) => replace(path, readFileSync(path).subarray(0, 100)),
  "replaced by one of fewer rows": (path) => replace(path, readFileSync(join(away, "other.parquet"))),
};

async function outcomeOf(run: () => Promise<pl.DataFrame>): Promise<pl.DataFrame | string> {
  try {
    return await run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

for (const engine of ENGINES)
  test(`${engine}: files that change while others are read`, async () => {
    const of = open(CASE, engine, { targetPartitionSize: 12 * ROWS });
    const { nodes } = await of.gpu.physicalPlan(query());
    assert.equal(nodes[0]?.partitions, FILES, "a partition for each file");
    await undisturbed(of, "whole files");
    for (const [what, change] of Object.entries(CHANGES)) {
      let changed = false;
      const onProgress = (): void => {
        if (changed) return;
        changed = true;
        for (const file of CHANGED) change(join(folder, `${file}.parquet`));
      };
      const actual = await outcomeOf(() => query().collect({ engine: of.gpu, onProgress }));
      const expected = await outcomeOf(() => query().collect());
      for (const name of names) replace(join(folder, name), readFileSync(join(away, name)));
      assert.ok(changed, "the files changed while the query ran");
      if (typeof expected === "string" || typeof actual === "string") assert.equal(actual, expected, what);
      else assert.equal(frameDifference(expected, actual, {}), null, what);
      assert.deepEqual(of.warnings, [], what);
      await assertNothingLeft(of, what);
    }
    await undisturbed(of, "whole files again");
    await of.gpu.close();
  });

test("files of several partitions, partitions of several files, numbered rows, and files of other columns", async () => {
  const of = open(CASE, "tasks", { targetPartitionSize: 50 });
  assert.equal((await of.gpu.physicalPlan(query())).nodes[0]?.partitions, 2 * FILES);
  await undisturbed(of, "several partitions of a file");
  await of.gpu.close();

  const wide = open(CASE, "tasks", { targetPartitionSize: 250 });
  assert.equal((await wide.gpu.physicalPlan(query())).nodes[0]?.partitions, Math.ceil(FILES / 3));
  await undisturbed(wide, "several files of a partition");
  for (const lf of [
    () => pl.scanParquet(folder, { rowIndexName: "row", rowIndexOffset: 3 }).filter(c("v").gt(15)),
    () => pl.scanParquet(folder).slice(25, 50),
    () => pl.scanParquet(folder).select(pl.len()),
    () => pl.scanParquet(join(folder, "3.parquet")),
    () => pl.scanParquet(join(folder, "[34].parquet")),
  ]) {
    const [expected, actual] = [await lf().collect(), await lf().collect({ engine: wide.gpu })];
    assert.equal(frameDifference(expected, actual, {}), null, lf.toString());
    assert.equal(wide.gpu.lastQuery?.fallback, null);
  }
  // Columns in another order: the first file decides.
  frameOf([7]).select("v", "k").writeParquet(join(folder, "a.parquet"));
  const [expected, actual] = [await outcomeOf(() => query().collect()), await outcomeOf(() => query().collect({ engine: wide.gpu }))];
  if (typeof expected === "string" || typeof actual === "string") assert.equal(actual, expected);
  else assert.equal(frameDifference(expected, actual, {}), null);
  await wide.gpu.close();
});
