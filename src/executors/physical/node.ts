/**
 * Physical plans: what is done to partitions. Six kinds of node, each an operation on tables that both streaming engines drive; they differ
 * only in who runs an operation when. A partition is a table; partitions follow one another in row order.
 */

import type { Plan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import type { QueryContext } from "../context.ts";
import type { Table } from "../table.ts";

/** What an operation is told besides its tables. */
export interface TaskInfo {
  /** The number of the partition, from 0. */
  readonly partition: number;
  /** Rows of the partitions of the first input, as far as the node asks for them; else none. */
  readonly counts: readonly number[];
}

interface Described {
  /** Short, in capitals, as `explain` prints it. */
  readonly name: string;
  /** Made for those who read it: plans are lowered for every run. */
  detail(): string;
  readonly schema: Schema;
  readonly partitions: number;
  /** What rows of one partition have in common: equal values of these expressions; null for nothing. */
  readonly partitionedBy: string | null;
  /** Estimated rows of all partitions; null where nothing is known. */
  readonly rows: number | null;
  /** Rows that there is to be room for: as many as are estimated, else as many as the input with the most has. */
  readonly atMost: number;
  /** About which share of its rows predicates left, of those that there would be without any. */
  readonly kept: number;
  /** The logical node that this is a part of. */
  readonly logical: Plan;
}

/** Data that comes from CPU polars, partition by partition. */
export interface SourceNode extends Described {
  readonly kind: "source";
  load(context: QueryContext, info: TaskInfo): Promise<Table>;
}

/** `each`: the partition of the same number; `all`: every partition, behind one another as one table. */
export interface Input {
  readonly node: PhysicalNode;
  readonly take: "each" | "all";
}

/** Rows of its first input that an operation has to know: none, those of earlier partitions, of all, or whether there is more than one. */
export type CountsNeeded = "none" | "earlier" | "all" | "several";

/** One table out of one table of each input, which stay the caller's; the result is the caller's as well. */
export interface MapNode extends Described {
  readonly kind: "map";
  readonly inputs: readonly Input[];
  readonly counts: CountsNeeded;
  /** Rows of the first input after which its further partitions give no rows; null: all may. Whatever reads the node collapses it. */
  readonly limit: number | null;
  run(context: QueryContext, tables: readonly Table[], info: TaskInfo): Promise<Table>;
}

/** Rows change partitions: every input partition is split into one part for each output partition, which is its parts in input order. */
export interface ExchangeNode extends Described {
  readonly kind: "exchange";
  readonly input: PhysicalNode;
  /** Taken as a whole by every split. */
  readonly sides: readonly PhysicalNode[];
  split(context: QueryContext, table: Table, sides: readonly Table[], info: TaskInfo): Promise<readonly Table[]>;
}

/** All partitions become one, at most `arity` of them at a time, always neighbours. */
export interface ReduceNode extends Described {
  readonly kind: "reduce";
  readonly input: PhysicalNode;
  readonly arity: number;
  merge(context: QueryContext, parts: Table): Promise<Table>;
}

/** The partitions of the inputs behind one another. */
export interface UnionNode extends Described {
  readonly kind: "union";
  readonly inputs: readonly PhysicalNode[];
}

/** What has been seen of the partitions of a node. */
export interface Seen {
  readonly rows: number;
  readonly partitions: number;
  /** There are no more. */
  readonly ended: boolean;
}

/** One of several ways to the same rows, chosen while the query runs, by the first partitions of some nodes. */
export interface ChoiceNode extends Described {
  readonly kind: "choice";
  readonly watched: readonly PhysicalNode[];
  readonly options: readonly PhysicalNode[];
  /** The option where nothing can be watched. */
  readonly usual: number;
  /** The number of an option; null: more has to be seen. Once every watched node has ended an option has to be chosen. */
  choose(seen: readonly Seen[]): number | null;
}

export type PhysicalNode = SourceNode | MapNode | ExchangeNode | ReduceNode | UnionNode | ChoiceNode;

export function physicalChildren(node: PhysicalNode): readonly PhysicalNode[] {
  switch (node.kind) {
    case "source":
      return [];
    case "map":
      return node.inputs.map((i) => i.node);
    case "exchange":
      return [node.input, ...node.sides];
    case "reduce":
      return [node.input];
    case "union":
      return node.inputs;
    case "choice":
      return [...node.watched, ...node.options];
  }
}

/** The children as far as choices are made beforehand. */
export function usualChildren(node: PhysicalNode): readonly PhysicalNode[] {
  if (node.kind !== "choice") return physicalChildren(node);
  const usual = node.options[node.usual];
  return usual === undefined ? [] : [usual];
}

/** Every node once, inputs before those that read them. */
export function physicalOrder(root: PhysicalNode, childrenOf = physicalChildren): readonly PhysicalNode[] {
  const done = new Set<PhysicalNode>();
  const order: PhysicalNode[] = [];
  const pending: { readonly node: PhysicalNode; readonly entered: boolean }[] = [{ node: root, entered: false }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, entered } = next;
    if (done.has(node)) continue;
    if (entered) {
      done.add(node);
      order.push(node);
      continue;
    }
    pending.push({ node, entered: true });
    for (const child of childrenOf(node).toReversed()) if (!done.has(child)) pending.push({ node: child, entered: false });
  }
  return order;
}
