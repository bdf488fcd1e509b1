/** The 22 PDS-H queries as SQL at scale 0.01: the whole query on the GPU, the answer of CPU polars and that of the lazy frames' API. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { ensureData, scanTables } from "../../bench/pdsh/generate.ts";
import { polarsSqlOf } from "../../bench/pdsh/polars-sql.ts";
import { queries } from "../../bench/pdsh/queries/index.ts";
import { sqlOf } from "../../bench/pdsh/sql.ts";
import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { GPUEngine } from "../../src/index.ts";

const scale = 0.01;
await ensureData(scale, () => {});
const tables = scanTables(scale);
const { scale: _, ...named } = tables;
const engine = new GPUEngine({ raiseOnFail: true });
after(() => engine.close());

/** Float sums are added in another order than CPU polars adds them; all else is exact. */
const RELATIVE = 1e-12;

/** The context hands back what it rejects as an Error in place of a plan. */
function execute(sql: string): LazyDataFrame {
  const frame = pl.SQLContext(named).execute(sql);
  if (frame._ldf instanceof Error) throw frame._ldf;
  return frame;
}

function assertAgrees(expected: DataFrame, actual: DataFrame): void {
  const found = frameDifference(expected, actual, { rel: RELATIVE });
  assert.equal(found, null);
}

for (const [number, query] of queries) {
  test(`Q${number} as SQL`, async () => {
    const sql = polarsSqlOf(number, scale);
    const actual = await execute(sql).collect({ engine });
    assert.equal(engine.lastQuery?.fallback, null);
    assert.ok(actual.height > 0, "an answer without rows shows nothing");
    assertAgrees(await execute(sql).collect(), actual);
    assertAgrees(await query(tables).collect(), actual);
  });
}

/** What polars says to the specification's text; where it takes one after all, the query needs no text of its own any more. */
const REJECTED: ReadonlyMap<number, RegExp> = new Map([
  [2, /^subquery comparisons with '=' are not supported; use 'IN' instead/],
  [7, /^unsupported function 'year'/],
  [8, /^unsupported function 'year'/],
  [9, /^unsupported function 'year'/],
  [11, /^subquery comparisons with '>' are not supported/],
  [13, /^unsupported join constraint expression: Like/],
  [15, /^subquery comparisons with '=' are not supported; use 'IN' instead/],
  [17, /^subquery comparisons with '<' are not supported/],
  [18, /^cross joins would produce more rows than fits into 2\^32/],
  [20, /^subquery comparisons with '>' are not supported/],
  [21, /^no table or struct column named 'l1' found/],
  [22, /^subquery comparisons with '>' are not supported/],
]);

for (const number of queries.keys()) {
  const message = REJECTED.get(number);
  if (message === undefined) {
    test(`Q${number} is the specification's text`, () => assert.equal(polarsSqlOf(number, scale), sqlOf(number, scale)));
  } else {
    test(`polars rejects the specification's Q${number}`, () =>
      assert.throws(() => execute(sqlOf(number, scale)).collectSync(), { message }));
  }
}
