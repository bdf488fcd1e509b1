/** Walks over plans: inputs first, shared nodes once and kept shared, any depth. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Frame, Plan, Slice, Union } from "../../src/ir/plan.ts";
import { countParents, postorder, rewriteBottomUp, rewriteTopDown } from "../../src/ir/traversal.ts";

const schema = [{ name: "a", dtype: { kind: "Int64" } }] as const;
const frame: Frame = { kind: "frame", source: 1, schema };
const slice = (input: Plan, offset: number): Slice => ({ kind: "slice", input, offset, length: null, schema });
const shared = slice(frame, 1);
const diamond: Union = { kind: "union", inputs: [slice(shared, 2), shared, slice(shared, 3)], schema };
const raised = (node: Plan): Plan => (node.kind === "slice" ? { ...node, offset: node.offset + 10 } : node);

function deep(levels: number): Plan {
  let plan: Plan = frame;
  for (let i = 0; i < levels; i++) plan = slice(plan, i);
  return plan;
}

test("every node comes once, after its inputs", () => {
  const order = postorder(diamond);
  assert.deepEqual(order, [frame, shared, diamond.inputs[0], diamond.inputs[2], diamond]);
  assert.deepEqual([...countParents(diamond)].map(([node, edges]) => [order.indexOf(node), edges]).toSorted(), [
    [0, 1],
    [1, 3],
    [2, 1],
    [3, 1],
    [4, 0],
  ]);
});

for (const [name, rewrite] of Object.entries({ rewriteBottomUp, rewriteTopDown })) {
  test(`${name} sees a shared node once and leaves it shared`, () => {
    const seen: Plan[] = [];
    const result = rewrite(diamond, (node) => {
      seen.push(node);
      return raised(node);
    });
    assert.equal(seen.length, 5);
    assert(result.kind === "union");
    const [first, second, third] = result.inputs;
    assert(first?.kind === "slice" && second?.kind === "slice" && third?.kind === "slice");
    assert.equal(first.input, second);
    assert.equal(third.input, second);
    assert.deepEqual([first.offset, second.offset, third.offset], [12, 11, 13]);
    assert.equal(second.input, frame);
  });
  test(`${name} returns the plan itself where nothing changes`, () =>
    assert.equal(
      rewrite(diamond, (node) => node),
      diamond,
    ));
  test(`${name} goes to any depth`, () => assert.equal(postorder(rewrite(deep(50_000), raised)).length, 50_001));
}

test("rewriteTopDown goes on in what it made", () => {
  const sunk = rewriteTopDown(slice(diamond, 5), (node) =>
    node.kind === "slice" && node.input.kind === "union"
      ? { ...node.input, inputs: node.input.inputs.map((i) => slice(i, node.offset)) }
      : raised(node),
  );
  assert(sunk.kind === "union");
  assert.deepEqual(
    sunk.inputs.map((i) => (i.kind === "slice" ? i.offset : null)),
    [15, 15, 15],
  );
});
