/** Many queries on one engine, at the same time and one after the other: right answers, and memory that stays where it was. */

import assert from "node:assert/strict";
import { test } from "node:test";
import pl from "nodejs-polars";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { assertNothingLeft, ENGINES, open, TREES, undisturbed } from "./harness.ts";
import { only, reportedMemory } from "./injection.ts";

const c = pl.col;
const ROWS = 60;
const frame = pl.DataFrame({ x: Array.from({ length: ROWS }, (_, i) => i), y: Array.from({ length: ROWS }, (_, i) => i % 7) });
const grouped = () => frame.lazy().groupBy("y", true).agg(c("x").sum().as("s"));
const CASE = { query: grouped, expected: grouped().collectSync(), partition: ROWS / 3 };
const selected = () =>
  frame
    .lazy()
    .filter(c("x").gt(4))
    .select(c("x").plus(c("y")).as("z"));
const SMALL = { query: selected, expected: selected().collectSync(), partition: ROWS / 2 };
const AT_ONCE = 64;
/** Queries one after the other; more by hand. */
const QUERIES = Number(process.env.LOAD_QUERIES ?? 1000);
/** What the host's memory may grow by, in MiB: its allocators keep some of it, collected or not. */
const GROWTH = 64;

for (const engine of ENGINES) {
  test(`${engine}: ${AT_ONCE} queries at once`, async () => {
    const of = open(CASE, engine, TREES);
    await undisturbed(of, "first");
    const makers = Array.from(
      { length: AT_ONCE },
      (_, i) => () =>
        frame
          .lazy()
          .filter(c("x").gt(i % 16))
          .groupBy("y", true)
          .agg(c("x").sum().as("s"))
          .withColumn(c("s").plus(i).as("i")),
    );
    const expected = await Promise.all(makers.map((make) => make().collect()));
    const actual = await Promise.all(makers.map((make) => make().collect({ engine: of.gpu })));
    for (const [i, frame] of actual.entries()) {
      const wanted = expected[i];
      assert.ok(wanted !== undefined);
      assert.equal(frameDifference(wanted, frame, {}), null, `query ${i}`);
    }
    assert.deepEqual(of.warnings, []);
    await assertNothingLeft(of, "after all");

    const restore = reportedMemory(only(300));
    const disturbed = await Promise.all(makers.map((make) => make().collect({ engine: of.gpu }))).finally(restore);
    for (const [i, frame] of disturbed.entries()) assert.equal(expected[i]?.frameEqual(frame), true, `query ${i} beside a failure`);
    assert.ok(of.warnings.length <= AT_ONCE);
    await assertNothingLeft(of, "after a failure");
    await undisturbed(of, "the last query");
    await of.gpu.close();
  });

  test(`${engine}: ${QUERIES} queries one after the other`, async () => {
    const of = open(SMALL, engine, {});
    const run = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) {
        const { height } = await selected().collect({ engine: of.gpu });
        assert.equal(height, SMALL.expected.height);
      }
    };
    await run(Math.ceil(QUERIES / 5));
    await undisturbed(of, "after the first");
    const [memory, stats] = [process.memoryUsage.rss(), await of.gpu.deviceStats()];
    await run(QUERIES);
    await undisturbed(of, "after all");
    const after = await of.gpu.deviceStats();
    assert.equal(after?.pooledBytes, stats?.pooledBytes);
    assert.equal(after?.peakBytes, stats?.peakBytes);
    const grown = Math.round((process.memoryUsage.rss() - memory) / 2 ** 20);
    console.log(`${engine}: ${QUERIES} queries, host memory ${Math.round(memory / 2 ** 20)} MiB + ${grown}`);
    assert.ok(grown < GROWTH, `the host's memory grew by ${grown} MiB`);
    assert.deepEqual(of.warnings, []);
    await of.gpu.close();
  });
}
