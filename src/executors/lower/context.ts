/** What lowering a node needs: the options, the inputs that are lowered already, and a note of what had to take one partition. */

import type { ExecutorConfig } from "../../config.ts";
import type { Frame, Plan, Scan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import type { SourcePartitions } from "../context.ts";
import type { PhysicalNode, Seen } from "../physical/node.ts";

/** Rows that were spread by the values of some columns, before they were brought back into order. */
export interface Spread {
  /** With the origin of each row in front; rows of a partition ascend by it. */
  readonly node: PhysicalNode;
  /** The node that the origins number the rows of. */
  readonly tags: PhysicalNode;
  readonly columns: readonly string[];
}

export interface LowerContext {
  readonly options: Pick<ExecutorConfig, "groupbyNAry" | "broadcastJoinLimit" | "uniqueFraction" | "maxRowsPerPartition">;
  /** Whether choices are left to when the query runs. */
  readonly dynamic: boolean;
  /** Whether groups, or distinct rows, are too many to be put together in one place. */
  readonly manyGroups: boolean;
  /** Rows of a partition with these columns that the device has room for, beside others and what is made of it. */
  rowsOfPartition(schema: Schema): number;
  /** The physical node of an input. */
  of(plan: Plan): PhysicalNode;
  source(plan: Frame | Scan): SourcePartitions;
  /** Numbers of the in-memory frames, as `explain` numbers them. */
  readonly frames: Map<number, number>;
  /** Whether several nodes read the plan. */
  shared(plan: Plan): boolean;
  /** Of nodes whose rows were brought back into order: the rows as they were spread before. */
  readonly spreads: Map<PhysicalNode, Spread>;
  /** Of joins that can leave their rows in place: the node that does, for who knows such tables and is the only one to read it. */
  readonly inPlace: Map<PhysicalNode, PhysicalNode>;
  /** Notes that a node takes one partition although its input has several. */
  onePartition(node: string): void;
  /** Notes that groups are put together in one place, which `manyGroups` would not do. */
  groupsTogether(): void;
}

/** The physical node of an input whose reader knows tables in place. */
export function inPlaceOf(lower: LowerContext, plan: Plan): PhysicalNode {
  const node = lower.of(plan);
  return (lower.shared(plan) ? undefined : lower.inPlace.get(node)) ?? node;
}

/** Partitions after which what becomes of rows is extrapolated. */
const SAMPLED = 2;
/** Groups for each row above which rows are shuffled rather than their groups put together. */
const MANY = 0.5;

/** Whether rows have so many groups that partial results are hardly fewer, and too many for one partition: 1, else 0. */
export const hasManyGroups =
  ({ options, rowsOfPartition }: LowerContext, partitions: number, schema: Schema) =>
  ([rows, groups]: readonly Seen[]): number | null => {
    if (rows === undefined || groups === undefined) return 0;
    if (groups.partitions < SAMPLED && !groups.ended) return null;
    const all = (groups.rows * partitions) / Math.max(1, groups.partitions);
    return groups.rows > MANY * rows.rows && all > Math.min(options.maxRowsPerPartition, rowsOfPartition(schema)) ? 1 : 0;
  };
