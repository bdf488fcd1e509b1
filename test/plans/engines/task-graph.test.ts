/** The task graph of a physical plan as data: keys, edges, trees of merges, readers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { PhysicalNode } from "../../../src/executors/physical/node.ts";
import { taskGraph } from "../../../src/executors/task-graph/graph.ts";
import { all, each, exchange, map, reduce, source, union } from "./fake.ts";

/** `key <- keys of the tasks that it reads`, and the tasks of each partition of the result. */
function text(root: PhysicalNode): string {
  const { tasks, result } = taskGraph(root);
  const keys = (slots: readonly { readonly task: { readonly key: string } }[]): string => slots.map(({ task }) => task.key).join(" + ");
  const lines = tasks.map(({ key, inputs, counted }) => {
    const rows = counted.length === 0 ? "" : ` counting ${counted.map(keys).join(", ")}`;
    return inputs.length === 0 ? key : `${key} <- ${inputs.map(keys).join(", ")}${rows}`;
  });
  return [...lines, `result: ${result.map(keys).join(", ")}`].join("\n");
}

test("a task for each node and partition; an exchange is a split for each input partition", () => {
  const a = source("a", [1, 1]);
  const x = exchange("x", a, 3, [map("w", [all(a)])]);
  assert.equal(
    text(map("m", [each(x)])),
    `
0/read/0
0/read/1
1/compute/0 <- 0/read/0 + 0/read/1
2/split/0 <- 0/read/0, 1/compute/0
2/split/1 <- 0/read/1, 1/compute/0
3/compute/0 <- 2/split/0 + 2/split/1
3/compute/1 <- 2/split/0 + 2/split/1
3/compute/2 <- 2/split/0 + 2/split/1
result: 3/compute/0, 3/compute/1, 3/compute/2`.trimStart(),
  );
});

test("a reduction is a tree of merges of neighbours", () => {
  assert.equal(
    text(reduce("r", source("a", [1, 1, 1, 1, 1]), 2)),
    `
0/read/0
0/read/1
0/read/2
0/read/3
0/read/4
1/merge/0 <- 0/read/0 + 0/read/1
1/merge/1 <- 0/read/2 + 0/read/3
1/merge/2 <- 0/read/4
1/merge/3 <- 1/merge/0 + 1/merge/1
1/merge/4 <- 1/merge/2
1/merge/5 <- 1/merge/3 + 1/merge/4
result: 1/merge/5`.trimStart(),
  );
});

test("rows are counted without being read; a union has no tasks", () => {
  const a = source("a", [1, 1, 1]);
  assert.equal(
    text(union("u", [map("m", [each(a)], "earlier"), a])),
    `
0/read/0
0/read/1
0/read/2
1/compute/0 <- 0/read/0
1/compute/1 <- 0/read/1 counting 0/read/0
1/compute/2 <- 0/read/2 counting 0/read/0, 0/read/1
result: 1/compute/0, 1/compute/1, 1/compute/2, 0/read/0, 0/read/1, 0/read/2`.trimStart(),
  );
});

test("every edge is a reader of its slot", () => {
  const a = source("a", [1, 1]);
  const { tasks } = taskGraph(map("m", [each(a), all(a)], "all"));
  const readers = tasks.flatMap(({ key, slots }) => slots.map((slot) => `${key}: ${slot.readers}`));
  assert.deepEqual(readers, ["0/read/0: 3", "0/read/1: 3", "1/compute/0: 1", "1/compute/1: 1"]);
});
