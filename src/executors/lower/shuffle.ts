/** Rows that change partitions: spread by the hash of keys, and back into the order that they came from. */

import type { Expr } from "../../ir/expr.ts";
import { describeExpr } from "../../ir/expr.ts";
import type { Schema } from "../../ir/schema.ts";
import { splitByHash, splitByOrigin } from "../operators/exchange.ts";
import { dropColumns, ORIGIN, originField, type Places, withOrigin } from "../operators/origin.ts";
import { sort } from "../operators/sort.ts";
import type { ExchangeNode, PhysicalNode } from "../physical/node.ts";
import type { LowerContext, Spread } from "./context.ts";
import { each, exchangeNode, mapNode, one } from "./nodes.ts";
import { spreadOf } from "./size.ts";

const keysText = (keys: readonly Expr[]): string => `[${keys.map(describeExpr).join(", ")}]`;

/** Rows with equal keys in one of `partitions` partitions, in their order. */
export const hashExchange = (node: PhysicalNode, keys: readonly Expr[], partitions: number): ExchangeNode =>
  exchangeNode({
    detail: () => `BY HASH ${keysText(keys)}`,
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

/** The rows of the node as they were spread by these keys, where they were. */
export function spreadBy({ spreads }: LowerContext, node: PhysicalNode, keys: readonly Expr[]): Spread | null {
  const spread = spreads.get(node);
  const isSame = keys.length === spread?.columns.length && keys.every((k, i) => k.kind === "column" && k.name === spread.columns[i]);
  return spread !== undefined && isSame ? spread : null;
}

/**
 * Rows with equal keys in one partition, tagged with their origin; those that are spread so already stay where they are. `partitions`: how many
 * there have to be; by default as many as there are then, or as the rows need.
 */
export function taggedExchange(
  lower: LowerContext,
  node: PhysicalNode,
  keys: readonly Expr[],
  partitions?: number,
): Omit<Spread, "columns"> {
  const spread = spreadBy(lower, node, keys);
  if (spread !== null && spread.node.partitions === (partitions ?? spread.node.partitions)) return spread;
  return { node: hashExchange(tagged(node), keys, partitions ?? spreadOf(lower, node)), tags: node };
}

interface Order {
  /** Without the columns to sort by. */
  readonly schema: Schema;
  /** Columns by whose values the rows are spread now; null where that is not said. */
  readonly spread?: readonly string[] | null;
  /** The columns to sort by and to drop, the origin first. */
  readonly by?: readonly string[];
  /** Whether there are rows without an origin, which come last. */
  readonly unmatched?: boolean;
}

/** Brings rows that were tagged as rows of `tags` back: to the partitions that they came from, or parts of them, and into their order. */
export function inOriginalOrder(lower: LowerContext, node: PhysicalNode, tags: PhysicalNode, order: Order): PhysicalNode {
  const { schema, by = [ORIGIN], unmatched = false, spread = null } = order;
  const cuts = Math.ceil(spreadOf(lower, { ...node, partitions: tags.partitions }) / tags.partitions);
  const places: Places = { partitions: tags.partitions, cuts, rows: Math.max(1, Math.ceil(tags.atMost / tags.partitions / cuts)) };
  const count = tags.partitions * cuts + (unmatched ? 1 : 0);
  const back = exchangeNode({
    detail: () => "BY ORIGIN",
    input: node,
    partitions: count,
    split: (context, table) => splitByOrigin(context, table, places, count),
  });
  const keys = by.map((name) => ({
    expr: { kind: "column", name, dtype: originField(name).dtype } as const,
    descending: false,
    nullsLast: true,
  }));
  const ordered = mapNode({
    name: "ORIGINAL ORDER",
    schema,
    rows: node.rows,
    atMost: node.atMost,
    logical: node.logical,
    inputs: [each(back)],
    run: async (context, [table]) => {
      const sorted = await sort(context, { by: keys, limit: null, schema: node.schema }, one(table));
      return dropColumns(sorted, by);
    },
  });
  if (spread !== null) lower.spreads.set(ordered, { node, tags, columns: spread });
  return ordered;
}
