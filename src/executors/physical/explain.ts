/** Physical plans as text and as data: partition counts, exchanges, estimated rows. */

import { taskGraph } from "../task-graph/graph.ts";
import { type PhysicalNode, physicalChildren, physicalOrder, usualChildren } from "./node.ts";

/** A node of a physical plan. */
export interface PhysicalNodeReport {
  /** Its number, by which traces and tasks name it. */
  readonly number: number;
  readonly name: string;
  readonly detail: string;
  readonly partitions: number;
  /** What rows of one partition have in common; null for nothing. */
  readonly partitionedBy: string | null;
  /** Estimated rows; null where nothing is known. */
  readonly rows: number | null;
  readonly inputs: readonly number[];
}

/** One task of the task graph, `node/step/partition`, and the tasks that it reads; choices being made beforehand. */
export interface TaskReport {
  readonly key: string;
  readonly name: string;
  readonly inputs: readonly string[];
}

export interface PhysicalReport {
  /** The plan as a tree, a line for each node, inputs indented below. */
  readonly text: string;
  readonly nodes: readonly PhysicalNodeReport[];
  readonly tasks: readonly TaskReport[];
}

export function physicalReport(root: PhysicalNode): PhysicalReport {
  const nodes = physicalOrder(root);
  const numbers = new Map(nodes.map((node, i) => [node, i]));
  const numberOf = (node: PhysicalNode): number => numbers.get(node) ?? -1;
  return {
    text: explainPhysical(root, numberOf),
    nodes: nodes.map((node, number) => ({
      number,
      name: node.name,
      detail: node.detail(),
      partitions: node.partitions,
      partitionedBy: node.partitionedBy,
      rows: node.rows,
      inputs: physicalChildren(node).map(numberOf),
    })),
    tasks: taskGraph(root).tasks.map(({ key, node, inputs, counted }) => ({
      key,
      name: node.name,
      inputs: [...new Set([...inputs, ...counted].flatMap((p) => p.map((slot) => slot.task.key)))],
    })),
  };
}

function explainPhysical(root: PhysicalNode, numberOf: (node: PhysicalNode) => number): string {
  const lines: string[] = [];
  const seen = new Set<PhysicalNode>();
  const pending: { readonly node: PhysicalNode; readonly depth: number }[] = [{ node: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, depth } = next;
    const start = `${"  ".repeat(depth)}#${numberOf(node)}`;
    if (seen.has(node)) {
      lines.push(start);
      continue;
    }
    seen.add(node);
    lines.push(`${start} ${describe(node)}`);
    for (const child of physicalChildren(node).toReversed()) pending.push({ node: child, depth: depth + 1 });
  }
  return lines.join("\n");
}

function describe({ name, detail, partitions, partitionedBy, rows }: PhysicalNode): string {
  const facts = [
    `${partitions} ${partitions === 1 ? "partition" : "partitions"}`,
    ...(partitionedBy === null ? [] : [`by ${partitionedBy}`]),
    ...(rows === null ? [] : [`~${rows} rows`]),
  ];
  return `${name} <${facts.join(", ")}> ${detail().replaceAll("\\u0001", "~").replaceAll("\u0001", "~")}`.trimEnd();
}

/** Operations that a run of the plan takes, about. */
export function operationsOf(root: PhysicalNode): number {
  const counts = physicalOrder(root, usualChildren).map((node) => {
    switch (node.kind) {
      case "union":
      case "choice":
        return 0;
      case "exchange":
        return node.input.partitions;
      case "reduce":
        return Math.max(1, Math.ceil((node.input.partitions - 1) / Math.max(1, node.arity - 1)));
      default:
        return node.partitions;
    }
  });
  return counts.reduce((a, b) => a + b, 0) + root.partitions;
}
