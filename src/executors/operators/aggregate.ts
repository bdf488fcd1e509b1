/** Aggregate: filter, key and input expressions fused into the accumulation, over any number of batches. */

import type { Expr } from "../../ir/expr.ts";
import { aggregate as aggregateExpr, column, exprChildren, named } from "../../ir/expr.ts";
import type { AggregateName } from "../../ir/functions.ts";
import type { Aggregate } from "../../ir/plan.ts";
import type { QueryContext } from "../context.ts";
import type { Pipeline } from "../pipeline.ts";
import { filterBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch, releaseTable, retainBatch, rowsOf } from "../table.ts";
import type { Grouping } from "./group.ts";
import { group } from "./group.ts";
import { aggregateColumns, batchOfGroups, callsOf } from "./group-aggregates.ts";
import { needsOrder } from "./ordered-aggregate.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";
import { numberRows, ROW, ROW_FIELD, restoreRowOrder } from "./row-order.ts";

/** `pipeline` is the node's input with its expressions over the columns of `base`; keys and inputs are rewritten onto it by the caller. */
export async function aggregate(context: QueryContext, plan: Aggregate, pipeline: Pipeline, base: Table): Promise<Table> {
  const { predicate } = pipeline;
  if (plan.keys.length === 0) return aggregateGroups(context, plan, predicate, base, null);
  const limit = groupsThatFit(context, plan);
  const together = rowsThatSort(context, plan);
  if (rowsOf(base) > together) return aggregatePartitions(context, plan, predicate, base, Math.min(limit, together));
  const grouped = await group(context, base.batches, predicate, plan.keys, limit);
  return grouped === null
    ? aggregatePartitions(context, plan, predicate, base, limit)
    : aggregateGroups(context, plan, predicate, base, grouped);
}

/** Words of state that a group needs for an aggregate, at most: exact sums keep four bins of 64 bits, sums of squares six. */
const STATE_WORDS: Partial<Record<AggregateName, number>> = { sum: 16, mean: 16, var: 32, std: 32 };

/** Groups whose keys and state one binding holds. */
function groupsThatFit(context: QueryContext, plan: Aggregate): number {
  const keys = plan.keys.map((k) => k.expr);
  const words = plan.aggregates.map(({ expr }) => (expr.kind === "aggregate" ? (STATE_WORDS[expr.fn] ?? 8) : 8));
  return Math.min(rowsThatFit(context, plan.schema, keys), Math.floor(context.device.limits.bindingBytes / 4 / Math.max(1, ...words)));
}

/** Rows that a sort by group takes at once, where an aggregate needs one. */
function rowsThatSort(context: QueryContext, plan: Aggregate): number {
  const ordered = plan.aggregates.flatMap(({ expr }) => (expr.kind === "aggregate" && needsOrder(expr) ? [expr] : []));
  const fits = ordered.map((expr) => {
    const columns = exprChildren(expr).map((e, i) => ({ name: `${i}`, dtype: e.dtype }));
    return rowsThatFit(context, columns, [column(ROW, ROW_FIELD.dtype), ...exprChildren(expr)]);
  });
  return Math.min(Number.POSITIVE_INFINITY, ...fits);
}

/** Too many groups, or rows to sort, for one binding: rows are split by the hash of their keys, and groups sorted by their first row afterwards. */
async function aggregatePartitions(
  context: QueryContext,
  plan: Aggregate,
  predicate: Expr | null,
  base: Table,
  limit: number,
): Promise<Table> {
  const numbered = numberRows(context, base);
  const { schema } = numbered;
  const kept: Batch[] = [];
  for (const batch of numbered.batches) {
    const names = schema.map((f) => f.name);
    kept.push(predicate === null ? retainBatch(batch, names) : await filterBatch(context, batch, predicate, names));
  }
  releaseTable(numbered);
  const exprs = plan.keys.map((k) => k.expr);
  const count = Math.ceil((2 * kept.reduce((n, b) => n + b.rows, 0)) / limit);
  const [partitions = []] = await partitionByHash(context, [{ batches: kept, exprs }], count);
  for (const batch of kept) releaseBatch(batch);
  const ordered: Aggregate = {
    ...plan,
    aggregates: [...plan.aggregates, named(ROW, aggregateExpr("min", column(ROW, ROW_FIELD.dtype), ROW_FIELD.dtype))],
    schema: [...plan.schema, ROW_FIELD],
  };
  const parts: Batch[] = [];
  for (const batches of partitions) {
    const grouped = await group(context, batches, null, plan.keys, Number.POSITIVE_INFINITY);
    parts.push(...(await aggregateGroups(context, ordered, null, { schema, batches }, grouped)).batches);
    for (const batch of batches) releaseBatch(batch);
  }
  return restoreRowOrder(context, { schema: ordered.schema, batches: parts }, plan.schema);
}

/** The aggregates of each group; `grouped` null: all rows are one group. Frees the grouping. */
async function aggregateGroups(
  context: QueryContext,
  plan: Aggregate,
  predicate: Expr | null,
  base: Table,
  grouped: Grouping | null,
): Promise<Table> {
  const rows = { base, predicate, grouped, groups: grouped === null ? 1 : grouped.groups };
  try {
    const values = await aggregateColumns(context, rows, callsOf(plan));
    return { schema: plan.schema, batches: [batchOfGroups(context, plan.schema, rows, values)] };
  } finally {
    grouped?.release();
  }
}
