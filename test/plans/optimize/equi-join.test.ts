/** Equi-join: equalities above cross joins become keys, other conditions stay. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { equiJoin } from "../../../src/ir/optimize/equi-join.ts";
import type { Plan } from "../../../src/ir/plan.ts";
import { verify } from "../../../src/ir/verify.ts";
import { pl, planned, text } from "./planned.ts";

const a = pl.DataFrame({ x: [1, 2], p: [1, 2] });
const b = pl.DataFrame({ y: [1, 2], q: [1, 2] });

function optimized(query: Parameters<typeof planned>[0]): string {
  const plan = equiJoin.apply(planned(query));
  verify(plan, equiJoin.name);
  return explain(plan);
}

test("a comma join of SQL", () => {
  const query = pl.SQLContext({ a, b }).execute("SELECT p, q FROM a, b WHERE x = y AND p < q");
  assert.equal(
    optimized(query),
    text(`
      GPU SELECT [col("p"), col("q")]
        GPU FILTER (col("p") < col("q"))
          GPU INNER JOIN LEFT ON [col("x")] RIGHT ON [col("y")] OUTPUT ["x", "p", "y", "q"]
            GPU DF 1 ["x", "p"]
            GPU DF 2 ["y", "q"]
    `),
  );
});

test("sides in either order, and expressions of one side", () => {
  const query = a
    .lazy()
    .join(b.lazy(), { how: "cross" })
    .filter(pl.col("y").eq(pl.col("x").add(pl.col("p"))));
  assert.equal(
    optimized(query),
    text(`
      GPU INNER JOIN LEFT ON [(col("x") + col("p"))] RIGHT ON [col("y")] OUTPUT ["x", "p", "y", "q"]
        GPU DF 1 ["x", "p"]
        GPU DF 2 ["y", "q"]
    `),
  );
});

test("further keys of an inner join", () => {
  const query = a
    .lazy()
    .join(b.lazy(), { leftOn: "x", rightOn: "y" })
    .filter(pl.col("p").eq(pl.col("q")));
  assert.equal(
    optimized(query),
    text(`
      GPU INNER JOIN LEFT ON [col("x"), col("p")] RIGHT ON [col("y"), col("q")] OUTPUT ["x", "p", "q"]
        GPU DF 1 ["x", "p"]
        GPU DF 2 ["y", "q"]
    `),
  );
});

test("not where a side is a constant, mixed, or compared otherwise", () => {
  const query = a
    .lazy()
    .join(b.lazy(), { how: "cross" })
    .filter(
      pl
        .col("x")
        .eq(1)
        .and(pl.col("x").add(pl.col("y")).eq(pl.col("q")))
        .and(pl.col("x").ltEq(pl.col("y"))),
    );
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (((col("x") == 1:Float64) & ((col("x") + col("y")) == col("q"))) & (col("x") <= col("y")))
        GPU CROSS JOIN OUTPUT ["x", "p", "y", "q"]
          GPU DF 1 ["x", "p"]
          GPU DF 2 ["y", "q"]
    `),
  );
});

test("not above left joins", () => {
  const query = a
    .lazy()
    .join(b.lazy(), { leftOn: "x", rightOn: "y", how: "left" })
    .filter(pl.col("p").eq(pl.col("q")));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("p") == col("q"))
        GPU LEFT JOIN LEFT ON [col("x")] RIGHT ON [col("y")] OUTPUT ["x", "p", "q"]
          GPU DF 1 ["x", "p"]
          GPU DF 2 ["y", "q"]
    `),
  );
});

test("not above a join whose nulls are equal: equality of columns never is", () => {
  const plan = planned(
    a
      .lazy()
      .join(b.lazy(), { leftOn: "x", rightOn: "y" })
      .filter(pl.col("p").eq(pl.col("q"))),
  );
  assert(plan.kind === "filter" && plan.input.kind === "join");
  const nullsEqual: Plan = { ...plan, input: { ...plan.input, nullsEqual: true } };
  assert.equal(equiJoin.apply(nullsEqual), nullsEqual);
});
