/** The physical plan as an explicit graph of tasks, one for each node and partition; what a task makes is in slots, which later tasks read. */

import { InternalError } from "../../errors.ts";
import type { Stored } from "../memory/store.ts";
import type { Operation } from "../operation.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { physicalOrder, usualChildren } from "../physical/node.ts";

/** One result of a task. */
export interface Slot {
  readonly task: Task;
  /** Inputs of tasks, and results of the run, that still have to read it. */
  readers: number;
  /** Null until the task has run, and after the last reader. */
  stored: Stored | null;
  /** Null until the task has run. */
  rows: number | null;
}

/** Slots behind one another. */
export type Partition = readonly Slot[];

export interface Task {
  /** `node/step/partition`: the node's number in `explain({ physical: true })`. */
  readonly key: string;
  readonly node: PhysicalNode;
  readonly step: Operation["step"];
  readonly partition: number;
  /** Tasks of nodes further up come first, so that partitions are read soon after they are made. */
  readonly depth: number;
  readonly inputs: readonly Partition[];
  /** Partitions of whose rows only the number matters. */
  readonly counted: readonly Partition[];
  readonly slots: readonly Slot[];
  state: "waiting" | "running" | "done" | "pruned";
  /** Tasks that this one waits for. */
  missing: number;
  /** Tasks that wait for this one. */
  readonly waiting: Task[];
}

export interface TaskGraph {
  readonly tasks: readonly Task[];
  /** The partitions of the result. */
  readonly result: readonly Partition[];
}

/** Builds the graph; every edge is a reader of its slot. */
export function taskGraph(root: PhysicalNode): TaskGraph {
  const nodes = physicalOrder(root, usualChildren);
  const numbers = new Map(physicalOrder(root).map((node, i) => [node, i]));
  const tasks: Task[] = [];
  const made = new Map<PhysicalNode, readonly Partition[]>();
  const of = (node: PhysicalNode): readonly Partition[] => {
    const partitions = made.get(node);
    if (partitions === undefined) throw new InternalError("a node comes after its inputs");
    return partitions;
  };
  for (const [depth, node] of nodes.entries()) {
    const task = (
      step: Task["step"],
      partition: number,
      inputs: readonly Partition[],
      slots = 1,
      counted: readonly Partition[] = [],
    ): readonly Slot[] => {
      const own: Slot[] = [];
      const key = `${numbers.get(node)}/${step}/${partition}`;
      const made: Task = { key, node, step, partition, depth, inputs, counted, slots: own, state: "waiting", missing: 0, waiting: [] };
      for (let i = 0; i < slots; i++) own.push({ task: made, readers: 0, stored: null, rows: null });
      for (const slot of inputs.flat()) slot.readers += 1;
      for (const producer of new Set([...inputs, ...counted].flatMap((p) => p.map((slot) => slot.task)))) {
        producer.waiting.push(made);
        made.missing += 1;
      }
      tasks.push(made);
      return own;
    };
    made.set(node, partitionsOf(node, of, task));
  }
  const result = of(root);
  for (const slot of result.flat()) slot.readers += 1;
  return { tasks, result };
}

type AddTask = (
  step: Task["step"],
  partition: number,
  inputs: readonly Partition[],
  slots?: number,
  counted?: readonly Partition[],
) => readonly Slot[];

function partitionsOf(node: PhysicalNode, of: (node: PhysicalNode) => readonly Partition[], task: AddTask): readonly Partition[] {
  const numbers = Array.from({ length: node.partitions }, (_, p) => p);
  const partition = (input: PhysicalNode, p: number): Partition => of(input)[p] ?? [];
  switch (node.kind) {
    case "source":
      return numbers.map((p) => task("read", p, []));
    case "map": {
      const [first] = node.inputs;
      const counts = first === undefined || node.counts === "none" ? [] : of(first.node);
      return numbers.map((p) =>
        task(
          "compute",
          p,
          node.inputs.map((input) => (input.take === "all" ? of(input.node).flat() : partition(input.node, p))),
          1,
          node.counts === "earlier" ? counts.slice(0, p) : counts,
        ),
      );
    }
    case "exchange": {
      const sides = node.sides.map((side) => of(side).flat());
      const split = of(node.input).map((input, p) => task("split", p, [input, ...sides], node.partitions));
      return numbers.map((p) => split.flatMap((slots) => slots[p] ?? []));
    }
    case "reduce": {
      let level = of(node.input);
      let next = 0;
      do {
        const merged: Partition[] = [];
        const arity = Math.min(node.arity, Math.max(2, level.length));
        for (let from = 0; from < level.length; from += arity) merged.push(task("merge", next++, [level.slice(from, from + arity).flat()]));
        level = merged;
      } while (level.length > 1);
      return level;
    }
    case "union":
    case "choice":
      return (node.kind === "union" ? node.inputs : usualChildren(node)).flatMap((input) => of(input));
  }
}
