/** What lowering a node needs: the options, the inputs that are lowered already, and a note of what had to take one partition. */

import type { ExecutorConfig } from "../../config.ts";
import type { Expr } from "../../ir/expr.ts";
import { describeExpr } from "../../ir/expr.ts";
import type { Frame, Plan, Scan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import { concatWhereFits } from "../codes.ts";
import type { SourcePartitions } from "../context.ts";
import { splitByHash, splitByOrigin } from "../operators/exchange.ts";
import { dropColumns, ORIGIN, originField, withOrigin } from "../operators/origin.ts";
import { sort } from "../operators/sort.ts";
import type { ExchangeNode, Input, MapNode, PhysicalNode, ReduceNode, Seen } from "../physical/node.ts";

export interface LowerContext {
  readonly options: Pick<ExecutorConfig, "groupbyNAry" | "broadcastJoinLimit" | "uniqueFraction" | "maxRowsPerPartition">;
  /** Whether choices are left to when the query runs. */
  readonly dynamic: boolean;
  /** Whether groups, or distinct rows, are too many to be put together in one place. */
  readonly manyGroups: boolean;
  /** The physical node of an input. */
  of(plan: Plan): PhysicalNode;
  source(plan: Frame | Scan): SourcePartitions;
  /** Numbers of the in-memory frames, as `explain` numbers them. */
  readonly frames: Map<number, number>;
  /** Whether several nodes read the plan. */
  shared(plan: Plan): boolean;
  /** Notes that a node takes one partition although its input has several. */
  onePartition(node: string): void;
}

type Optional = "detail" | "partitionedBy" | "rows" | "counts" | "limit" | "schema" | "partitions";
type MapSpec = Omit<MapNode, "kind" | Optional> & Partial<Pick<MapNode, Optional>>;

/** A map; by default over as many partitions as its first input that is taken one by one, with the schema of its logical node. */
export function mapNode(spec: MapSpec): MapNode {
  const each = spec.inputs.find((i) => i.take === "each");
  return {
    kind: "map",
    detail: "",
    schema: spec.logical.schema,
    partitions: each?.node.partitions ?? 1,
    partitionedBy: null,
    rows: null,
    counts: "none",
    limit: null,
    ...spec,
  };
}

type ReduceSpec = Pick<ReduceNode, "name" | "input" | "arity" | "merge"> &
  Partial<Pick<ReduceNode, "detail" | "schema" | "rows" | "logical">>;

/** A reduction; by default with the schema and the logical node of its input, and without an estimate. */
export const reduceNode = (spec: ReduceSpec): ReduceNode => ({
  kind: "reduce",
  detail: Number.isFinite(spec.arity) ? `${spec.arity} AT A TIME` : "",
  schema: spec.input.schema,
  partitions: 1,
  partitionedBy: null,
  rows: null,
  logical: spec.input.logical,
  ...spec,
});

type ExchangeSpec = Pick<ExchangeNode, "detail" | "input" | "partitions" | "split"> &
  Partial<Pick<ExchangeNode, "partitionedBy" | "sides" | "logical">>;

/** A shuffle of the rows of its input, as they are. */
export const exchangeNode = (spec: ExchangeSpec): ExchangeNode => ({
  kind: "exchange",
  name: "SHUFFLE",
  schema: spec.input.schema,
  partitionedBy: null,
  rows: spec.input.rows,
  logical: spec.input.logical,
  sides: [],
  ...spec,
});

export const each = (node: PhysicalNode): Input => ({ node, take: "each" });
export const all = (node: PhysicalNode): Input => ({ node, take: "all" });

/** One of two ways, chosen while the query runs where the engine can, else the first. */
export function choice(
  lower: LowerContext,
  options: readonly [PhysicalNode, PhysicalNode],
  watched: readonly PhysicalNode[],
  choose: (seen: readonly Seen[]) => number | null,
): PhysicalNode {
  const [usual, other] = options;
  if (!lower.dynamic) return usual;
  return {
    kind: "choice",
    name: "CHOICE",
    detail: `${usual.name} OR ${other.name}`,
    schema: usual.schema,
    partitions: Math.max(usual.partitions, other.partitions),
    partitionedBy: null,
    rows: null,
    logical: usual.logical,
    watched,
    options,
    usual: 0,
    choose,
  };
}

/** Partitions after which what becomes of rows is extrapolated. */
const SAMPLED = 2;
/** Groups for each row above which rows are shuffled rather than their groups put together. */
const MANY = 0.5;

/** Whether rows have so many groups that partial results are hardly fewer, and too many for one partition: 1, else 0. */
export const hasManyGroups =
  ({ options }: LowerContext, partitions: number) =>
  ([rows, groups]: readonly Seen[]): number | null => {
    if (rows === undefined || groups === undefined) return 0;
    if (groups.partitions < SAMPLED && !groups.ended) return null;
    const all = (groups.rows * partitions) / Math.max(1, groups.partitions);
    return groups.rows > MANY * rows.rows && all > options.maxRowsPerPartition ? 1 : 0;
  };

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

const keysText = (keys: readonly Expr[]): string => `[${keys.map(describeExpr).join(", ")}]`;

/** Rows with equal keys in one of `partitions` partitions, in their order. */
export const hashExchange = (node: PhysicalNode, keys: readonly Expr[], partitions: number): ExchangeNode =>
  exchangeNode({
    detail: `BY HASH ${keysText(keys)}`,
    input: node,
    partitions,
    partitionedBy: keysText(keys),
    split: (context, table) => splitByHash(context, table, keys, partitions),
  });

/** The node's rows with their origin in front. */
export const tagged = (node: PhysicalNode, name = ORIGIN): PhysicalNode =>
  mapNode({
    name: "ROW ORIGIN",
    schema: [originField(name), ...node.schema],
    rows: node.rows,
    logical: node.logical,
    inputs: [each(node)],
    run: (context, [table], { partition }) => withOrigin(context, one(table), partition, name),
  });

/**
 * Brings tagged rows back: to the partitions that they came from, `partitions` of them, and into their order; rows without an origin come
 * last. `by`: the columns to sort by and to drop, the origin first. `schema`: without them.
 */
export function inOriginalOrder(
  node: PhysicalNode,
  partitions: number,
  schema: Schema,
  by: readonly string[] = [ORIGIN],
  unmatched = false,
): PhysicalNode {
  const count = partitions + (unmatched ? 1 : 0);
  const back = exchangeNode({
    detail: "BY ORIGIN",
    input: node,
    partitions: count,
    split: (context, table) => splitByOrigin(context, table, count),
  });
  const keys = by.map((name) => ({
    expr: { kind: "column", name, dtype: originField(name).dtype } as const,
    descending: false,
    nullsLast: true,
  }));
  return mapNode({
    name: "ORIGINAL ORDER",
    schema,
    rows: node.rows,
    logical: node.logical,
    inputs: [each(back)],
    run: async (context, [table]) => {
      const sorted = await sort(context, { by: keys, limit: null, schema: node.schema }, one(table));
      return dropColumns(sorted, by);
    },
  });
}

/** An input that has to be there. */
export function one<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError("an operation lacks an input");
  return value;
}
