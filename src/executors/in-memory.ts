/** The in-memory executor: one node after the other, inputs first; shared nodes run once, tables are freed after their last reader. */

import type { Plan } from "../ir/plan.ts";
import { children } from "../ir/plan.ts";
import type { QueryContext } from "./context.ts";
import { fusedAggregate } from "./fused-aggregate.ts";
import { fusedJoin } from "./fused-join.ts";
import { aggregate } from "./operators/aggregate.ts";
import { asofJoin } from "./operators/asof-join.ts";
import { distinct, distinctOf, distinctPipeline } from "./operators/distinct.ts";
import { explode } from "./operators/explode.ts";
import { gatherBy, gatherRows } from "./operators/gather.ts";
import { join } from "./operators/join.ts";
import { lookup } from "./operators/lookup.ts";
import { rangeJoin } from "./operators/range-join.ts";
import { requireRows } from "./operators/require.ts";
import { hconcat, rowIndex, slice, union } from "./operators/slice.ts";
import { sort } from "./operators/sort.ts";
import { window } from "./operators/window.ts";
import type { Pipeline } from "./pipeline.ts";
import { pipelineOf, runPipelineOver } from "./pipeline.ts";
import type { Table } from "./table.ts";
import { releaseTable } from "./table.ts";

/** Runs the plan; the result belongs to the caller. Everything else that it allocated is released, also when it fails. */
export async function runInMemory(context: QueryContext, plan: Plan, signal: AbortSignal | null = null): Promise<Table> {
  const run = new InMemoryRun(context, plan, signal);
  try {
    return await run.take(plan);
  } finally {
    run.releaseRest();
  }
}

interface Sides {
  readonly left: Plan;
  readonly right: Plan;
}

interface Held {
  readonly table: Table;
  readers: number;
}

class InMemoryRun {
  readonly #context: QueryContext;
  readonly #signal: AbortSignal | null;
  /** Edges that lead to each node. */
  readonly #edges = new Map<Plan, number>();
  readonly #held = new Map<Plan, Held>();

  constructor(context: QueryContext, root: Plan, signal: AbortSignal | null) {
    this.#context = context;
    this.#signal = signal;
    const pending: Plan[] = [root];
    this.#edges.set(root, 1);
    for (let plan = pending.pop(); plan !== undefined; plan = pending.pop()) {
      for (const child of children(plan)) {
        const edges = this.#edges.get(child) ?? 0;
        if (edges === 0) pending.push(child);
        this.#edges.set(child, edges + 1);
      }
    }
  }

  /** The root's table, which is the caller's from now on. */
  async take(root: Plan): Promise<Table> {
    const table = await this.#result(root);
    this.#held.delete(root);
    return table;
  }

  /** The node's table; call `#done` when it has been read. */
  async #result(plan: Plan): Promise<Table> {
    const held = this.#held.get(plan);
    if (held !== undefined) return held.table;
    this.#signal?.throwIfAborted();
    const table = await this.#run(plan);
    this.#held.set(plan, { table, readers: this.#edges.get(plan) ?? 1 });
    return table;
  }

  #done(plan: Plan): void {
    const held = this.#held.get(plan);
    if (held === undefined) return;
    held.readers -= 1;
    if (held.readers > 0) return;
    this.#held.delete(plan);
    releaseTable(held.table);
  }

  releaseRest(): void {
    for (const { table } of this.#held.values()) releaseTable(table);
    this.#held.clear();
  }

  #shared = (plan: Plan): boolean => (this.#edges.get(plan) ?? 1) > 1;

  async #inputs<T>(plans: readonly Plan[], read: (tables: readonly Table[]) => Promise<T> | T): Promise<T> {
    const tables: Table[] = [];
    for (const plan of plans) tables.push(await this.#result(plan));
    const value = await read(tables);
    for (const plan of plans) this.#done(plan);
    return value;
  }

  #sides({ left, right }: Sides, read: (left: Table, right: Table) => Promise<Table>): Promise<Table> {
    return this.#inputs([left, right], ([a, b]) => {
      if (a === undefined || b === undefined) throw new RangeError("a join has two inputs");
      return read(a, b);
    });
  }

  async #one<T>(plan: Plan, read: (table: Table) => Promise<T> | T): Promise<T> {
    const table = await this.#result(plan);
    const value = await read(table);
    this.#done(plan);
    return value;
  }

  async #run(plan: Plan): Promise<Table> {
    const context = this.#context;
    switch (plan.kind) {
      case "frame":
        return context.sources.frame(plan);
      case "scan":
        return context.sources.scan(plan);
      case "cpu":
        return this.#inputs(plan.inputs, (tables) => context.sources.cpu(plan, tables));
      case "project":
      case "filter":
        return this.#pipeline(plan, pipelineOf(plan, this.#shared));
      case "aggregate": {
        const { plan: fused, pipeline } = fusedAggregate(plan, this.#shared);
        return this.#one(pipeline.base, (base) => aggregate(context, fused, pipeline, base));
      }
      case "slice":
        return this.#one(plan.input, (input) => slice(context, plan, input));
      case "sort":
        return this.#one(plan.input, (input) => sort(context, plan, input));
      case "distinct": {
        const pipeline = distinctPipeline(plan, this.#shared);
        if (pipeline === null) return this.#one(plan.input, (input) => distinct(context, plan, input));
        return this.#one(pipeline.base, (base) => distinctOf(context, plan, pipeline, base));
      }
      case "row_index":
        return this.#one(plan.input, (input) => rowIndex(context, plan, input));
      case "explode":
        return this.#one(plan.input, (input) => explode(context, plan, input));
      case "require":
        return this.#one(plan.input, (input) => requireRows(context, plan, input));
      case "gather":
        return this.#one(plan.input, (input) => gatherRows(context, plan, input));
      case "gather_by":
        return this.#sides({ left: plan.input, right: plan.by }, (input, by) => gatherBy(context, plan, input, by));
      case "lookup":
        return this.#one(plan.input, (input) => lookup(context, plan, input));
      case "window":
        return this.#one(plan.input, (input) => window(context, plan, input));
      case "union":
        return this.#inputs(plan.inputs, (tables) => union(plan, tables));
      case "hconcat":
        return this.#inputs(plan.inputs, (tables) => hconcat(context, plan, tables));
      case "asof_join":
        return this.#sides(plan, (left, right) => asofJoin(context, plan, left, right));
      case "range_join":
        return this.#sides(plan, (left, right) => rangeJoin(context, plan, left, right));
      case "join": {
        const { plan: fused, predicates, ...bases } = fusedJoin(plan, this.#shared);
        return this.#sides(bases, (left, right) => join(context, fused, left, right, { predicates, unique: null, inPlace: false }));
      }
    }
  }

  #pipeline(plan: Plan, pipeline: Pipeline): Promise<Table> {
    return this.#one(pipeline.base, (base) => runPipelineOver(this.#context, base, pipeline, plan.schema));
  }
}
