/** Plans come back from their bytes as they were: every kind, every value, and what was shared is shared. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { InternalError, InvalidPlanError } from "../../../src/errors.ts";
import { call, column, type Expr, exprChildren, literal, named } from "../../../src/ir/expr.ts";
import { children, expressions, type Plan } from "../../../src/ir/plan.ts";
import { decodePlan, encodePlan } from "../../../src/ir/wire/plan-bytes.ts";
import { PLANS, randomPlan, VALUES } from "./sample-plans.ts";

const INT = { kind: "Int64" } as const;
const frame: Plan = { kind: "frame", source: 1, schema: [] };

/** Objects in the order of a walk from the root; one that is reached again is the number of its first visit. */
function shape(plan: Plan): readonly (string | number)[] {
  const seen = new Map<object, number>();
  const visits: (string | number)[] = [];
  const visit = <T extends Plan | Expr>(item: T, below: (item: T) => void) => {
    const before = seen.get(item);
    visits.push(before ?? item.kind);
    if (before !== undefined) return;
    seen.set(item, seen.size);
    below(item);
  };
  const visitExpr = (expr: Expr): void => visit(expr, (e) => exprChildren(e).forEach(visitExpr));
  const visitPlan = (node: Plan): void =>
    visit(node, (n) => {
      expressions(n).forEach(visitExpr);
      children(n).forEach(visitPlan);
    });
  visitPlan(plan);
  return visits;
}

function roundTrip(plan: Plan): Plan {
  const bytes = encodePlan(plan);
  const back = decodePlan(bytes);
  assert.deepStrictEqual(back, plan);
  assert.deepStrictEqual(shape(back), shape(plan));
  assert.deepStrictEqual(encodePlan(back), bytes);
  return back;
}

for (const [i, plan] of PLANS.entries()) test(`${i}: ${plan.kind}`, () => void roundTrip(plan));

test("values keep their type and bits", () => {
  const exprs = VALUES.map((value, i) => named(`${i}`, literal(value, INT)));
  const back = roundTrip({ kind: "project", input: frame, exprs, schema: [] });
  assert(back.kind === "project");
  for (const [i, { expr }] of back.exprs.entries()) assert(expr.kind === "literal" && Object.is(expr.value, VALUES[i]), `${i}`);
});

test("random plans", () => {
  const kinds = new Set<string | number>();
  for (let seed = 0; seed < 300; seed += 1) {
    const plan = randomPlan(seed, 1 + (seed % 40));
    for (const kind of shape(plan)) kinds.add(kind);
    roundTrip(plan);
  }
  const words = [...kinds].filter((kind) => typeof kind === "string");
  assert.equal(words.length, new Set([...PLANS.map(({ kind }) => kind), "column", "literal", "call", "lookup"]).size);
});

test("what is shared is written once", () => {
  let shared: Plan = frame;
  for (let i = 0; i < 60; i += 1) shared = { kind: "union", inputs: [shared, shared], schema: [] };
  let sum: Expr = column("a", INT);
  for (let i = 0; i < 60; i += 1) sum = call("add", [sum, sum], INT);
  const bytes = encodePlan({ kind: "filter", input: shared, predicate: sum, schema: [] });
  assert(bytes.length < 20_000, `${bytes.length} bytes`);
  const back = decodePlan(bytes);
  assert(back.kind === "filter" && back.input.kind === "union");
  assert.equal(back.input.inputs[0], back.input.inputs[1]);
  assert(back.predicate.kind === "call");
  assert.equal(back.predicate.args[0], back.predicate.args[1]);
});

test("equal nodes that are two objects stay two", () => {
  const back = decodePlan(encodePlan({ kind: "union", inputs: [frame, { ...frame }], schema: [] }));
  assert(back.kind === "union");
  assert.notEqual(back.inputs[0], back.inputs[1]);
});

test("deep plans take no stack", () => {
  const depth = 50_000;
  let plan: Plan = frame;
  let sum: Expr = column("a", INT);
  for (let i = 0; i < depth; i += 1) {
    plan = { kind: "union", inputs: [plan], schema: [] };
    sum = call("neg", [sum], INT);
  }
  let back = decodePlan(encodePlan({ kind: "filter", input: plan, predicate: sum, schema: [] }));
  let nodes = 0;
  for (let next = children(back)[0]; next !== undefined; next = children(back)[0]) {
    back = next;
    nodes += 1;
  }
  assert.equal(nodes, depth + 1);
  assert.deepEqual(back, frame);
});

test("bytes in the middle of a larger buffer", () => {
  const bytes = encodePlan(frame);
  const larger = new Uint8Array(bytes.length + 7).fill(0xff);
  larger.set(bytes, 3);
  assert.deepStrictEqual(decodePlan(larger.subarray(3, 3 + bytes.length)), frame);
});

test("what the bytes cannot say is refused, not changed", () => {
  assert.throws(() => encodePlan({ kind: "row_index", input: frame, name: "\ud800", offset: 0, schema: [] }), InvalidPlanError);
  for (const offset of [0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => encodePlan({ kind: "slice", input: frame, offset, length: null, schema: [] }), InternalError);
  for (const value of [2n ** 127n, -(2n ** 127n) - 1n])
    assert.throws(() => encodePlan({ kind: "filter", input: frame, predicate: literal(value, INT), schema: [] }), InternalError);
});
