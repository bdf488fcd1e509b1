/** Which side of a join is taken to have keys that do not repeat. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { LazyDataFrame } from "nodejs-polars";
import { uniqueSide } from "../../../src/executors/lower/unique-side.ts";
import type { Join } from "../../../src/ir/plan.ts";
import { postorder } from "../../../src/ir/traversal.ts";
import { pl, planned } from "../optimize/planned.ts";

const c = pl.col;
const facts = () => pl.DataFrame({ k: [1, 2, 1], v: [1, 2, 3] }).lazy();
const dimension = () => pl.DataFrame({ k: [1, 2], name: ["a", "b"] }).lazy();

/** The guess for the topmost join, tables having as many rows as these frames. */
function guess(query: LazyDataFrame, rows: Readonly<Record<string, number>>): "left" | "right" | null {
  const nodes = [...postorder(planned(query))];
  const join = nodes.filter((node): node is Join => node.kind === "join").at(-1);
  assert.ok(join !== undefined);
  const load = () => Promise.reject(new Error("nothing is read"));
  return uniqueSide(
    { source: (plan) => ({ partitions: 1, rows: rows[plan.schema.map((f) => f.name).join()] ?? null, kept: 1, load }) },
    join,
  );
}

const SIZES = { "k,v": 1000, "k,name": 100 };

test("the side whose key comes from the smaller table, whatever is left of it", () => {
  assert.equal(guess(facts().join(dimension(), { on: "k" }), SIZES), "right");
  assert.equal(guess(dimension().join(facts(), { on: "k" }), SIZES), "left");
  const few = facts().filter(c("v").lt(2)).sort("v").head(1).select(c("k").alias("key"));
  assert.equal(guess(dimension().join(few, { leftOn: "k", rightOn: "key" }), SIZES), "left");
});

test("keys that came through another join, and those that their side is grouped by", () => {
  const joined = facts().join(dimension(), { on: "k" });
  assert.equal(guess(joined.join(dimension(), { on: "name" }), SIZES), null);
  assert.equal(guess(joined.join(facts(), { on: "v", suffix: "_b" }), { ...SIZES, "k,v": 50 }), null);
  assert.equal(guess(facts().join(facts().groupBy("k").agg(c("v").sum()), { on: "k", suffix: "_sum" }), SIZES), "right");
  assert.equal(guess(facts().join(facts().unique({ subset: ["k"] }), { on: "k", suffix: "_once" }), SIZES), "right");
  assert.equal(guess(facts().join(facts().groupBy(["k", "v"]).agg(pl.len()), { on: "k", suffix: "_sum" }), SIZES), null);
});

test("nothing is guessed of computed keys, of the same table, and of unknown sizes", () => {
  assert.equal(guess(facts().join(facts(), { on: "k", suffix: "_b" }), SIZES), null);
  assert.equal(guess(facts().join(dimension(), { on: "k" }), {}), null);
  assert.equal(guess(facts().join(dimension().withColumns(c("k").plus(1).alias("k")), { on: "k" }), SIZES), null);
});
