/** Which answers polars fixes row by row, which up to their order, and which it leaves open. */

import assert from "node:assert/strict";
import { test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import "../../src/index.ts";
import { trackingOf } from "../../src/intercept/install.ts";
import { findPolarsModules } from "../../src/polars/module.ts";
import { readPlan } from "../../src/polars/plan-reading.ts";
import { rowOrder } from "../../src/translate/row-order.ts";

const c = pl.col;
const frame = pl.DataFrame({ k: [1, 1, 2], x: [3, 2, 1] });
const lazy = () => frame.lazy();

function orderOf(query: LazyDataFrame): string {
  const [module] = findPolarsModules();
  assert.ok(module !== undefined);
  const tracked = trackingOf(module)?.planOf(query._ldf);
  assert.ok(tracked !== undefined && !("untracked" in tracked));
  const read = readPlan(tracked);
  assert.ok(!("unreadable" in read));
  const { rows, sortedBy } = rowOrder(read.plan);
  return [rows, ...sortedBy].join(" ");
}

test("exact", () => {
  assert.equal(orderOf(lazy().filter(c("x").gt(1)).withColumn(c("x").cumSum().as("s")).head(2)), "exact");
  assert.equal(orderOf(lazy().groupBy("k", true).agg(c("x").first())), "exact");
  assert.equal(orderOf(lazy().sort("x", false, false, true).head(2)), "exact");
  assert.equal(orderOf(lazy().join(lazy(), { on: "k", maintainOrder: "left_right" })), "exact");
  assert.equal(orderOf(pl.concat([lazy(), lazy()]).withRowIndex("n")), "exact");
  assert.equal(orderOf(lazy().join(lazy(), { on: "k" }).sum()), "exact");
});

test("the same rows in any order", () => {
  assert.equal(orderOf(lazy().unique()), "any");
  assert.equal(orderOf(lazy().join(lazy(), { on: "k" }).filter(c("x").gt(1)).select(c("x").mul(2), c("k"))), "any");
  assert.equal(orderOf(lazy().groupBy("k", false).agg(c("x").first())), "any");
  assert.equal(
    orderOf(
      lazy()
        .join(lazy(), { on: "k" })
        .groupBy("k", true)
        .agg(c("x").filter(c("k").gt(1)).sum()),
    ),
    "any",
  );
  assert.equal(orderOf(lazy().sort("x", false, false, false)), "any x");
  assert.equal(orderOf(lazy().unique().select(c("x").sum().over("k"))), "any");
});

test("open", () => {
  assert.equal(orderOf(lazy().unique().head(2)), "open");
  assert.equal(orderOf(lazy().sort("x", false, false, false).head(2)), "open x");
  assert.equal(orderOf(lazy().unique().withColumn(c("x").cumSum().as("s"))), "open");
  assert.equal(orderOf(lazy().unique().groupBy("k").agg(c("x").first())), "open");
  assert.equal(orderOf(lazy().unique().groupBy("k").agg(c("x"))), "open");
  assert.equal(orderOf(lazy().select(c("x").shuffle(7))), "open");
  assert.equal(orderOf(lazy().unique({ subset: ["k"], keep: "any" })), "open");
});
