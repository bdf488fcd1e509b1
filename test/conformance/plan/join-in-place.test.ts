/** Joins whose rows stay in place for the join or the aggregation that reads them: right keys that repeat after all, nulls, nothing left, chains. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { OutOfDeviceMemoryError } from "../../../src/errors.ts";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { ReadbackPool } from "../../../src/gpu/staging.ts";
import { GPUEngine } from "../../../src/index.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
const ROWS = 700;
const range = Array.from({ length: ROWS }, (_, i) => i);
const facts = pl.DataFrame({
  id: range,
  shop: range.map((i) => (i % 11 === 0 ? null : (i * 7) % 40)),
  item: range.map((i) => `item ${(i * 13) % 60}`),
  amount: range.map((i) => (i % 17 === 0 ? null : i * 0.5)),
});
/** A row of each shop but some, of a town each. */
const shops = pl.DataFrame({
  shop: Array.from({ length: 50 }, (_, i) => i * 2),
  town: Array.from({ length: 50 }, (_, i) => (i % 9 === 0 ? null : i % 7)),
  open: Array.from({ length: 50 }, (_, i) => i % 3 !== 0),
  name: Array.from({ length: 50 }, (_, i) => `shop ${i % 5}`),
});
const towns = pl.DataFrame({ town: [0, 1, 2, 3, 4, 5], region: ["n", "s", null, "n", "e", "s"] });
const items = pl.DataFrame({
  item: Array.from({ length: 45 }, (_, i) => `item ${i}`),
  weight: Array.from({ length: 45 }, (_, i) => (i % 4 === 0 ? null : i)),
});
/** Fewer rows than the facts, and keys that repeat: the guess is wrong. */
const visits = pl.DataFrame({ shop: Array.from({ length: 90 }, (_, i) => i % 30), visitors: Array.from({ length: 90 }, (_, i) => i) });

const total = (rows: LazyDataFrame, by: string): LazyDataFrame =>
  rows.groupBy(by).agg(c("amount").sum().alias("total"), pl.len().alias("rows"), c("id").min().alias("first")).sort(by);

const check = (make: () => LazyDataFrame) => assertGpuEqualsCpu(make, { order: "any", partitions: [100_000, 100_000, 60], anyZero: true });

const joined = () => facts.lazy().join(shops.lazy(), { on: "shop" });

const few = () => pl.DataFrame({ k: [1, 2, 3] }).lazy();

/** The types of nodejs-polars know no right joins. */
function rightJoined(left: LazyDataFrame, right: LazyDataFrame): LazyDataFrame {
  const result: unknown = Reflect.apply(left.join, left, [right, { on: "town", how: "right" }]);
  assert.ok(pl.LazyDataFrame.isLazyDataFrame(result));
  return result;
}

const QUERIES: Readonly<Record<string, () => LazyDataFrame>> = {
  "a join and groups": () => total(joined(), "town"),
  "texts and nulls of the right side as keys": () => total(joined().filter(c("open")), "name"),
  "the smaller table on the left": () => total(shops.lazy().join(facts.lazy(), { on: "shop" }), "town"),
  "a chain of joins": () => total(joined().join(towns.lazy(), { on: "town" }).join(items.lazy(), { on: "item" }), "region"),
  "joins of joins": () => total(facts.lazy().join(shops.lazy().join(towns.lazy(), { on: "town" }), { on: "shop" }), "region"),
  "predicates of all tables, on both sides of the joins": () =>
    total(
      facts
        .lazy()
        .filter(c("amount").gt(20).or(c("amount").isNull()))
        .join(shops.lazy().filter(c("open")), { on: "shop" })
        .join(towns.lazy().filter(c("region").neq(pl.lit("e"))), { on: "town" })
        .filter(c("id").plus(c("town")).modulo(3).neq(1)),
      "region",
    ),
  "one row of aggregates": () => joined().join(items.lazy(), { on: "item" }).select(c("weight").sum(), c("amount").mean(), pl.len()),
  "computed columns of both sides": () =>
    total(joined().withColumns(c("amount").mul(c("town")).alias("amount"), c("town").add(c("shop")).alias("sum")), "sum"),
  "semi and anti joins": () => total(facts.lazy().join(shops.lazy(), { on: "shop", how: "semi" }), "item"),
  "an anti join, then an inner one": () =>
    total(facts.lazy().join(visits.lazy(), { on: "shop", how: "anti" }).join(items.lazy(), { on: "item" }), "weight"),
  "a left join of all rows": () => total(facts.lazy().join(shops.lazy(), { on: "shop", how: "left" }), "town"),
  "a left join of some rows": () => total(joined().join(towns.lazy(), { on: "town", how: "left" }), "region"),
  "a right join": () => total(rightJoined(towns.lazy(), shops.lazy().join(facts.lazy(), { on: "shop" })), "region"),
  "a full join": () => total(joined().join(towns.lazy(), { on: "town", how: "full", suffix: "_r" }), "region"),
  "rows that are wanted as they are": () => joined().join(towns.lazy(), { on: "town" }).select("id", "region", "name"),
  "first and last rows of groups": () =>
    facts
      .lazy()
      .join(shops.lazy(), { on: "shop", maintainOrder: "left_right" })
      .groupBy("town")
      .agg(c("id").first().alias("first"), c("item").last().alias("last"), c("amount").median().alias("middle"), c("shop").nUnique())
      .sort("town"),
  "a join, then every row with every other": () => total(joined().join(few(), { how: "cross" }), "k"),
  "every row with those of a join": () =>
    few()
      .join(facts.lazy().join(shops.lazy(), { on: "shop", how: "semi" }), { how: "cross" })
      .select("k", "id"),
  "nulls that are equal": () =>
    total(facts.lazy().join(shops.lazy().withColumns(c("town").alias("shop")).head(9), { on: "shop", nullsEqual: true } as const), "name"),
  "nothing on one side": () => total(joined().join(towns.lazy().filter(c("town").gt(99)), { on: "town" }), "region"),
  "no row of a table": () => total(joined().join(towns.lazy().head(0), { on: "town" }), "region"),
  "keys that repeat after all": () => total(facts.lazy().join(visits.lazy(), { on: "shop" }), "visitors"),
  "keys that repeat after all, in a left join": () => total(facts.lazy().join(visits.lazy(), { on: "shop", how: "left" }), "visitors"),
  "keys that repeat after all, behind another join": () =>
    total(
      joined()
        .join(visits.lazy().filter(c("visitors").gt(3)), { on: "shop" })
        .join(items.lazy(), { on: "item" }),
      "weight",
    ),
  "a join that two others read": () => {
    const both = joined();
    return total(both.join(towns.lazy(), { on: "town" }).join(both.groupBy("item").agg(pl.len().alias("n")), { on: "item" }), "region");
  },
};

for (const [name, make] of Object.entries(QUERIES)) test(name, () => check(make));

test("nobody waits for the rows of a join in place, and a wrong guess is made once", async () => {
  const engine = new GPUEngine({ raiseOnFail: true });
  const tripsOf = async (query: LazyDataFrame): Promise<number | undefined> => {
    await query.collect({ engine });
    return engine.lastQuery?.roundTrips;
  };
  const chain = joined().join(towns.lazy(), { on: "town" }).join(items.lazy(), { on: "item" }).select(c("amount").sum(), pl.len());
  await tripsOf(chain);
  assert.equal(await tripsOf(chain), 1);
  const wrong = facts.lazy().join(visits.lazy(), { on: "shop" }).select(c("amount").sum(), pl.len());
  const trips = [await tripsOf(wrong), await tripsOf(wrong)];
  assert.deepEqual(trips, [3, 2]);
  await engine.close();
});

test("a wrong guess is found however memory runs out while it is read", async () => {
  const wrong = () => facts.lazy().join(visits.lazy(), { on: "shop" }).select(c("amount").sum(), pl.len().alias("rows"));
  const expected = await wrong().collect();
  const { take } = ReadbackPool.prototype;
  for (let failing = 0; failing < 4; failing++) {
    const engine = new GPUEngine({ raiseOnFail: true });
    let reads = 0;
    ReadbackPool.prototype.take = function (bytes) {
      if (reads++ === failing) throw new OutOfDeviceMemoryError("injected");
      return take.call(this, bytes);
    };
    try {
      assert.equal(frameDifference(expected, await wrong().collect({ engine }), {}), null, `read ${failing}`);
      assert.ok(reads > failing);
    } finally {
      ReadbackPool.prototype.take = take;
    }
    const stats = await engine.deviceStats();
    assert.equal(stats?.allocatedBytes, stats?.residentBytes);
    await engine.close();
  }
});
