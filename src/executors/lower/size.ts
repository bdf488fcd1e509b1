/** How much room rows take: what one operation can hold of them, and over how many partitions they have to be spread. */

import { concatWhereFits } from "../codes.ts";
import type { PhysicalNode } from "../physical/node.ts";
import type { LowerContext } from "./context.ts";
import { reduceNode } from "./nodes.ts";

/** Partitions' worth of rows that one operation takes at once beside another input: a quarter of the memory limit. */
const AT_ONCE = 4;

/** Partitions of the size that the device has room for which the rows of a node fill; at least 1. */
const weight = ({ rowsOfPartition }: LowerContext, { atMost, schema }: PhysicalNode): number =>
  Math.max(1, Math.ceil(atMost / rowsOfPartition(schema)));

/** Whether all rows of the node fit into one operation. */
export const fitsAtOnce = (lower: LowerContext, node: PhysicalNode): boolean => weight(lower, node) <= AT_ONCE;

/** Rows that fit into one operation. */
export const rowsAtOnce = ({ rowsOfPartition }: LowerContext, { schema }: PhysicalNode): number => AT_ONCE * rowsOfPartition(schema);

/** Whether the node is one partition that an operation can take as it is. */
export const isOne = (lower: LowerContext, node: PhysicalNode): boolean => node.partitions === 1 && fitsAtOnce(lower, node);

/** Parts that a shuffle makes at most where there is a choice: each has buffers of its own. */
const MOST_PARTS = 1 << 14;
/** Partitions that rows are spread over at most where there is a choice: bringing them back makes as many parts of each. */
const MOST_SPREAD = 1 << 8;

/** Over how many partitions the rows of the nodes are spread when they are shuffled. */
export function spreadOf(lower: LowerContext, ...nodes: readonly PhysicalNode[]): number {
  const partitions = Math.max(...nodes.map((node) => node.partitions));
  const wanted = Math.max(...nodes.map((node) => weight(lower, node)));
  return Math.max(partitions, Math.min(wanted, MOST_SPREAD, Math.ceil(MOST_PARTS / partitions)));
}

/** All partitions as one, behind one another. */
export function collapsed(node: PhysicalNode): PhysicalNode {
  if (node.partitions === 1) return node;
  return reduceNode({ name: "CONCAT", input: node, rows: node.rows, arity: Number.POSITIVE_INFINITY, merge: concatWhereFits });
}

/** As `collapsed`, for a node that could not be done partition by partition. */
export function forcedToOne(lower: LowerContext, node: PhysicalNode, name: string): PhysicalNode {
  if (node.partitions > 1) lower.onePartition(name);
  return collapsed(node);
}
