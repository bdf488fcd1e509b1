/** Runs a task graph on one device: what is ready runs, nearest to the result first, a bounded number at once; partitions go after their last reader. */

import { InternalError } from "../../errors.ts";
import type { QueryContext } from "../context.ts";
import type { Stored } from "../memory/store.ts";
import { type Operations, WHOLE_READS } from "../operation.ts";
import type { PhysicalNode } from "../physical/node.ts";
import type { Table } from "../table.ts";
import { type Partition, type Slot, type Task, type TaskGraph, taskGraph } from "./graph.ts";

/** Takes a partition of the result, as soon as it is there, which is in no order; the tables stay the run's. */
export type Deliver = (partition: number, parts: readonly Stored[]) => Promise<void>;

/** Runs the plan. When it rejects, everything has ended. */
export async function runTasks(root: PhysicalNode, operations: Operations, deliver: Deliver): Promise<void> {
  await new Scheduler(taskGraph(root), operations, deliver).run();
}

class Scheduler {
  readonly #graph: TaskGraph;
  readonly #operations: Operations;
  readonly #deliver: Deliver;
  /** Tasks that may start. */
  readonly #ready = new Set<Task>();
  readonly #delivered = new Set<number>();
  readonly #running = new Set<Promise<void>>();
  #reads = 0;
  #failure: { readonly error: unknown } | null = null;

  constructor(graph: TaskGraph, operations: Operations, deliver: Deliver) {
    this.#graph = graph;
    this.#operations = operations;
    this.#deliver = deliver;
    for (const task of graph.tasks) if (task.missing === 0) this.#ready.add(task);
  }

  async run(): Promise<void> {
    for (;;) {
      if (this.#failure === null) this.#launch();
      if (this.#running.size === 0) break;
      await Promise.race(this.#running);
    }
    if (this.#failure !== null) throw this.#failure.error;
    const left = this.#graph.tasks.find((task) => task.state === "waiting");
    if (left !== undefined) throw new InternalError(`task ${left.key} never became ready`);
  }

  /**
   * Starts as many tasks as there is room for. Nothing is read ahead of more partitions than can be read at once, but for some sources of
   * a single one.
   */
  #launch(): void {
    const ready = [...this.#ready].sort((a, b) => b.depth - a.depth || a.partition - b.partition);
    const computable = ready.filter((task) => task.step !== "read").length;
    const { ioThreads, lanes } = this.#operations;
    for (const task of ready) {
      const isRead = task.step === "read";
      const isWhole = isRead && task.node.partitions === 1 && this.#reads < WHOLE_READS;
      const room = isRead ? this.#reads < ioThreads && computable < ioThreads : this.#running.size - this.#reads < lanes;
      if (room || isWhole) this.#start(task, isRead);
    }
  }

  #start(task: Task, isRead: boolean): void {
    this.#ready.delete(task);
    task.state = "running";
    if (isRead) this.#reads += 1;
    const running = this.#execute(task)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        if (isRead) this.#reads -= 1;
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  async #execute(task: Task): Promise<void> {
    const { node, step, partition, inputs } = task;
    const parts = inputs.map((input) => input.filter((slot) => slot.task.state !== "pruned").map(storedOf));
    const counts = task.counted.map(rowsOfPartition);
    const work = workOf(task, counts);
    const stored = await this.#operations.perform({ node, step, partition, inputs: parts, work });
    task.slots.forEach((slot, i) => {
      const made = stored[i];
      if (made === undefined) throw new InternalError(`task ${task.key} made ${stored.length} of ${task.slots.length} results`);
      slot.stored = made;
      slot.rows = made.rows;
    });
    task.state = "done";
    for (const slot of inputs.flat()) this.#read(slot);
    for (const slot of task.slots) if (slot.readers === 0) drop(slot);
    this.#ended(task);
    this.#prune(task);
    await this.#deliverReady();
  }

  /** Those that waited for the task may be ready. */
  #ended(task: Task): void {
    for (const next of task.waiting) {
      next.missing -= 1;
      if (next.missing === 0 && next.state === "waiting") this.#ready.add(next);
    }
  }

  /** One reader less. */
  #read(slot: Slot): void {
    slot.readers -= 1;
    if (slot.readers === 0) drop(slot);
  }

  async #deliverReady(): Promise<void> {
    for (const [p, partition] of this.#graph.result.entries()) {
      if (this.#delivered.has(p) || !partition.every(isThere)) continue;
      this.#delivered.add(p);
      await this.#deliver(p, partition.filter((slot) => slot.stored !== null).map(storedOf));
      for (const slot of partition) this.#read(slot);
    }
  }

  /** Where the first rows of a node were all that is wanted, its other tasks and whatever only they need are not run. */
  #prune({ node, slots }: Task): void {
    if (node.kind !== "map" || node.limit === null || slots.length === 0) return;
    const own = this.#graph.tasks.filter((t) => t.node === node);
    let rows = 0;
    for (const task of own) {
      if (task.state === "waiting" && rows >= node.limit) this.#skip(task);
      const [input] = task.inputs;
      if (task.state !== "done" || input === undefined) {
        if (task.state === "pruned") continue;
        return;
      }
      rows += rowsOfPartition(input);
    }
  }

  #skip(task: Task): void {
    if (task.state !== "waiting") return;
    task.state = "pruned";
    this.#ready.delete(task);
    for (const slot of task.slots) slot.rows = 0;
    this.#ended(task);
    for (const slot of task.inputs.flat()) {
      this.#read(slot);
      if (slot.task.slots.every((s) => s.readers === 0)) this.#skip(slot.task);
    }
  }
}

const isThere = (slot: Slot): boolean => slot.rows !== null;
const rowsOfPartition = (partition: Partition): number => partition.reduce((n, slot) => n + (slot.rows ?? 0), 0);

function storedOf(slot: Slot): Stored {
  if (slot.stored === null) throw new InternalError(`task ${slot.task.key} has no result any more`);
  return slot.stored;
}

function drop(slot: Slot): void {
  slot.stored?.release();
  slot.stored = null;
}

/** What the task does with its tables. */
function workOf({ node, partition }: Task, counts: readonly number[]) {
  const info = { partition, counts };
  return async (context: QueryContext, tables: readonly Table[]): Promise<readonly Table[]> => {
    const [first, ...others] = tables;
    switch (node.kind) {
      case "source":
        return [await node.load(context, info)];
      case "map":
        return [await node.run(context, tables, info)];
      case "exchange":
        if (first === undefined) break;
        return node.split(context, first, others, info);
      case "reduce":
        if (first === undefined) break;
        return [await node.merge(context, first)];
      case "union":
      case "choice":
        break;
    }
    throw new InternalError(`${node.name} has nothing to run`);
  };
}
