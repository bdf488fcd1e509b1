/** The optimizer as a whole: random plans, and those of real queries, keep their rows, their order and their schema. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ensureData, scanTables } from "../../../bench/pdsh/generate.ts";
import { queries } from "../../../bench/pdsh/queries/index.ts";
import { explain } from "../../../src/ir/explain.ts";
import { optimize } from "../../../src/ir/optimize/optimize.ts";
import { RULES } from "../../../src/ir/optimize/rules.ts";
import type { Plan } from "../../../src/ir/plan.ts";
import { countParents, postorder } from "../../../src/ir/traversal.ts";
import { verify } from "../../../src/ir/verify.ts";
import { planCases } from "../plan-cases.ts";
import { rowsOf } from "./plan-interpreter.ts";
import { pl, planned } from "./planned.ts";
import { randomPlan } from "./random-plans.ts";

const { cases, dispose } = planCases(pl);
after(dispose);

const SEEDS = Array.from({ length: 700 }, (_, seed) => seed);

function assertSameResult(seed: number, rewrite: (plan: Plan) => Plan): boolean {
  const { plan, tables } = randomPlan(seed);
  verify(plan);
  const rewritten = rewrite(plan);
  verify(rewritten, "the rule");
  const story = (): string => `seed ${seed}\n${explain(plan)}\n----\n${explain(rewritten)}`;
  assert.deepEqual(rewritten.schema, plan.schema, story());
  const [wanted, made] = [rowsOf(plan, tables), rowsOf(rewritten, tables)].map((rows) => rows.map((row) => [...row]));
  assert.deepStrictEqual(made, wanted, story());
  return explain(rewritten) !== explain(plan);
}

for (const rule of new Set(RULES)) {
  test(`${rule.name} alone changes plans, never their results`, () => {
    const changed = SEEDS.filter((seed) => assertSameResult(seed, rule.apply));
    assert(changed.length >= 20, `only ${changed.length} plans changed`);
  });
}

test("all rules together keep results", () => {
  const changed = SEEDS.filter((seed) => assertSameResult(seed, (plan) => optimize(plan, { verifyEach: true })));
  assert(changed.length > SEEDS.length / 2);
});

test("without a rule the others keep results", () => {
  const names = RULES.map((r) => r.name);
  for (const seed of SEEDS.slice(0, 200))
    assertSameResult(seed, (plan) => optimize(plan, { disabled: new Set([names[seed % names.length] ?? ""]) }));
});

test("random plans have every kind of node, shared ones, and rows", () => {
  const kinds = new Set<string>();
  let shared = 0;
  let filled = 0;
  for (const seed of SEEDS) {
    const { plan, tables } = randomPlan(seed);
    if (rowsOf(plan, tables).length > 1) filled += 1;
    for (const node of postorder(plan)) kinds.add(node.kind);
    if ([...countParents(plan)].some(([node, edges]) => edges > 1 && node.kind !== "frame")) shared += 1;
  }
  assert.equal(kinds.size, 15);
  assert(shared > 50, `${shared} with shared nodes`);
  assert(filled > 200, `${filled} with rows`);
});

test("a rule keeps a shared node shared: no plan grows by more than what is moved", () => {
  for (const seed of SEEDS) {
    const { plan } = randomPlan(seed);
    const heavy = (p: Plan): number =>
      postorder(p).filter((n) => ["join", "aggregate", "distinct", "sort", "cpu", "row_index"].includes(n.kind)).length;
    assert(heavy(optimize(plan)) <= heavy(plan), `seed ${seed}`);
  }
});

test("translated plans of every kind are optimised", () => {
  for (const { name, make } of cases) {
    const plan = planned(make());
    assert.deepEqual(optimize(plan, { verifyEach: true }).schema, plan.schema, name);
  }
});

test("the PDS-H plans are optimised: no cross joins of tables, nothing read that is not needed", async () => {
  await ensureData(0.01, () => {});
  const tables = scanTables(0.01);
  let scanned = 0;
  let stored = 0;
  for (const [number, query] of queries) {
    const plan = planned(query(tables));
    const optimized = optimize(plan, { verifyEach: true });
    assert.deepEqual(optimized.schema, plan.schema, `Q${number}`);
    for (const node of postorder(optimized)) {
      if (node.kind !== "scan") continue;
      scanned += node.schema.length;
      stored += node.fileSchema.length;
    }
  }
  assert(stored > 0 && scanned < stored * 0.5, `${scanned} of ${stored} columns`);
});

test("a name that is no rule is refused with the names that are", () => {
  const { plan } = randomPlan(0);
  assert.throws(() => optimize(plan, { disabled: new Set(["predicate-pushup"]) }), {
    name: "ConfigError",
    message: /"predicate-pushup".*predicate-pushdown/,
  });
});
