/** The benchmark's data keeps the rules of the TPC-H specification, and every query has an answer at scale 0.01. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type DataFrame } from "nodejs-polars";
import { openDuckDB } from "../../bench/duckdb.ts";
import { chunksOf, framesOf, tableNames } from "../../bench/pdsh/chunks.ts";
import { ensureData, scanTables } from "../../bench/pdsh/generate.ts";
import { queries } from "../../bench/pdsh/queries/index.ts";
import { sqlOf } from "../../bench/pdsh/sql.ts";
import { generators } from "../../bench/pdsh/tables/index.ts";

const scale = 0.01;
await ensureData(scale, () => {});
const tables = scanTables(scale);

/** The one value of a frame with one row and one column. */
function only(frame: DataFrame): unknown {
  assert.deepEqual(frame.shape, { height: 1, width: 1 });
  return frame.row(0)[0];
}

test("row counts and column types", async () => {
  const heights: Record<string, number> = {};
  const types = new Set<string>();
  for (const name of tableNames) {
    const frame = await tables[name].collect();
    heights[name] = frame.height;
    for (const dtype of frame.dtypes) types.add(String(dtype));
    assert.equal(
      frame
        .nullCount()
        .row(0)
        .reduce((sum: number, count: number) => sum + count, 0),
      0,
    );
  }
  const { lineitem, ...others } = heights;
  assert.deepEqual(others, { customer: 1500, nation: 25, orders: 15000, part: 2000, partsupp: 8000, region: 5, supplier: 100 });
  assert.ok(lineitem !== undefined && lineitem > 58_000 && lineitem < 62_000);
  assert.equal(types.size, 4, [...types].join(" "));
});

test("every line item has its order, and its part and supplier are a PARTSUPP pair", async () => {
  const { lineitem } = tables;
  const orphans = lineitem.join(tables.orders, { leftOn: "l_orderkey", rightOn: "o_orderkey", how: "anti" });
  assert.equal(only(await orphans.select(pl.len()).collect()), 0);
  const unsupplied = lineitem.join(tables.partsupp, {
    leftOn: ["l_partkey", "l_suppkey"],
    rightOn: ["ps_partkey", "ps_suppkey"],
    how: "anti",
  });
  assert.equal(only(await unsupplied.select(pl.len()).collect()), 0);
  const pairs = tables.partsupp.select(pl.col("ps_partkey"), pl.col("ps_suppkey")).unique();
  assert.equal(only(await pairs.select(pl.len()).collect()), 8000);
});

test("order totals, flags and dates follow from the lines", async () => {
  const days = (later: string, earlier: string) => pl.col(later).cast(pl.Int32).minus(pl.col(earlier).cast(pl.Int32));
  const today = pl.lit(new Date("1995-06-17T00:00:00Z")).cast(pl.Date);
  const joined = tables.lineitem.join(tables.orders, { leftOn: "l_orderkey", rightOn: "o_orderkey" });
  const wrong = joined.filter(
    days("l_shipdate", "o_orderdate")
      .lt(1)
      .or(days("l_shipdate", "o_orderdate").gt(121))
      .or(days("l_commitdate", "o_orderdate").lt(30))
      .or(days("l_commitdate", "o_orderdate").gt(90))
      .or(days("l_receiptdate", "l_shipdate").lt(1))
      .or(days("l_receiptdate", "l_shipdate").gt(30))
      .or(pl.col("l_linestatus").eq(pl.lit("O")).neq(pl.col("l_shipdate").gt(today)))
      .or(pl.col("l_returnflag").eq(pl.lit("N")).neq(pl.col("l_receiptdate").gt(today))),
  );
  assert.equal(only(await wrong.select(pl.len()).collect()), 0);
  const charge = pl
    .col("l_extendedprice")
    .mul(pl.lit(1).minus(pl.col("l_discount")))
    .mul(pl.lit(1).plus(pl.col("l_tax")));
  const totals = joined
    .groupBy(["l_orderkey", "o_totalprice"])
    .agg(charge.sum().alias("charge"), pl.len().alias("lines"))
    .select(pl.col("charge").minus(pl.col("o_totalprice")).abs().max());
  const difference = only(await totals.collect());
  assert.ok(typeof difference === "number" && difference <= 0.14, `largest difference ${difference}`);
});

test("the same seed gives the same rows whatever the chunks and the order in which they are made, another seed gives others", () => {
  for (const [stream, generator] of generators) {
    if (stream === "nation") continue;
    const [small, keys] = [0.002, generator.keys(0.002)];
    const made = (seed: number, rowsPerChunk: number) =>
      [...chunksOf(generator, small, seed, rowsPerChunk)].reverse().map((chunk) => framesOf(generator, small, chunk));
    const [whole, ...more] = made(5, 1_000_000);
    const [other] = made(6, 1_000_000);
    const chunks = made(5, Math.ceil((keys * generator.rowsForEachKey) / 6)).reverse();
    assert.equal(more.length, 0);
    assert.ok(chunks.length >= 5, `${chunks.length} chunks of ${stream}`);
    for (const name of tableNames) {
      const expected = whole?.[name];
      if (expected === undefined) continue;
      assert.ok(expected.frameEqual(pl.concat(chunks.flatMap((chunk) => chunk[name] ?? []))), name);
      assert.ok(other?.[name] !== undefined && !expected.frameEqual(other[name]), name);
    }
  }
});

const duckdb = await openDuckDB(scale, true);
after(() => duckdb.close());

/** Whether a value of polars is the value that DuckDB gives: its integers are bigints and its sums add in another order. */
function agrees(own: unknown, other: unknown): boolean {
  if (own instanceof Date && other instanceof Date) return own.getTime() === other.getTime();
  if (typeof own === "number" && typeof other === "bigint") return own === Number(other);
  if (typeof own === "number" && typeof other === "number") return Math.abs(own - other) <= 1e-9 * Math.abs(other);
  return own === other && own !== null;
}

for (const [number, query] of queries) {
  test(`Q${number} has an answer, and DuckDB gives the same to the SQL of the specification`, async () => {
    const rows = (await query(tables).collect()).rows();
    assert.ok(rows.length > 0);
    assert.ok(rows[0]?.some((value) => value !== 0));
    const expected = await duckdb.rows(sqlOf(number, scale));
    assert.equal(rows.length, expected.length);
    for (const [r, row] of rows.entries()) {
      for (const [c, value] of row.entries())
        assert.ok(agrees(value, expected[r]?.[c]), `row ${r}, column ${c}: ${value} and ${expected[r]?.[c]}`);
    }
  });
}
