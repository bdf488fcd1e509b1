/** Common conjuncts: what every branch of an OR demands stands before it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../../src/ir/explain.ts";
import { commonConjuncts } from "../../../src/ir/optimize/common-conjuncts.ts";
import { verify } from "../../../src/ir/verify.ts";
import { pl, planned, text } from "./planned.ts";

const df = pl.DataFrame({ a: [true], b: [true], c: [true] });
const [a, b, c] = [pl.col("a"), pl.col("b"), pl.col("c")];

function optimized(query: Parameters<typeof planned>[0]): string {
  const plan = commonConjuncts.apply(planned(query));
  verify(plan, commonConjuncts.name);
  return explain(plan);
}

test("a condition of every branch is taken out", () => {
  const query = df.lazy().filter(a.and(b).or(c.and(a)));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER (col("a") & (col("b") | col("c")))
        GPU DF 1 ["a", "b", "c"]
    `),
  );
});

test("a branch without more to demand decides", () => {
  const query = df.lazy().filter(a.and(b).or(a));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER col("a")
        GPU DF 1 ["a", "b", "c"]
    `),
  );
});

test("branches without a common part stay", () => {
  const query = df.lazy().filter(a.and(b).or(c));
  assert.equal(
    optimized(query),
    text(`
      GPU FILTER ((col("a") & col("b")) | col("c"))
        GPU DF 1 ["a", "b", "c"]
    `),
  );
});
