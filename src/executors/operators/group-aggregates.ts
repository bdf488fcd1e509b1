/** The aggregates of grouped rows, each by the way that it takes, as columns with a row for each group. */

import { InternalError } from "../../errors.ts";
import type { Column } from "../../gpu/column.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import { describeExpr } from "../../ir/expr.ts";
import type { Aggregate } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import type { QueryContext } from "../context.ts";
import type { Batch } from "../table.ts";
import { batchOf } from "../table.ts";
import type { GroupedRows, NamedAggregate } from "./accumulate.ts";
import { accumulate, buffersBound, partsOfCalls } from "./accumulate.ts";
import { countDistinct } from "./distinct-count.ts";
import { needsOrder, orderedAggregates } from "./ordered-aggregate.ts";

/** The aggregates of a plan, which all are aggregate expressions. */
export const callsOf = (plan: Aggregate): readonly NamedAggregate[] =>
  plan.aggregates.map(({ name, expr }) => {
    if (expr.kind !== "aggregate") throw new InternalError(`${describeExpr(expr)} is not an aggregate`);
    return { name, expr };
  });

/** The aggregates by name, owned by the caller; none where there are no groups. */
export async function aggregateColumns(
  context: QueryContext,
  rows: GroupedRows,
  calls: readonly NamedAggregate[],
): Promise<ReadonlyMap<string, Column>> {
  const { base, predicate, grouped, groups } = rows;
  const values = new Map<string, Column>();
  if (groups === 0) return values;
  const ordered = calls.filter(({ expr }) => needsOrder(expr));
  const accumulated = calls.filter(({ expr }) => expr.fn !== "n_unique" && !needsOrder(expr));
  const mask = grouped === null ? predicate : null;
  const bound = (part: readonly NamedAggregate[]): boolean => buffersBound(mask, part) <= context.device.limits.storageBuffers;
  for (const part of partsOfCalls(accumulated, bound)) {
    for (const [name, column] of await accumulate(context, rows, part)) values.set(name, column);
  }
  for (const { name, expr } of calls) {
    if (expr.fn === "n_unique") values.set(name, await countDistinct(context, base, predicate, grouped, expr, groups));
  }
  for (const [name, column] of await orderedAggregates(context, base, predicate, grouped, ordered, groups)) values.set(name, column);
  return values;
}

/** The keys of the groups, which are shared, and their values, which are taken over, as the columns of a schema. */
export function batchOfGroups(
  context: QueryContext,
  schema: Schema,
  { grouped, groups }: GroupedRows,
  values: ReadonlyMap<string, Column>,
): Batch {
  const columns = schema.map(({ name, dtype }) => {
    const key = grouped?.keys.columns.get(name);
    key?.buffer.retain();
    return key ?? values.get(name) ?? emptyColumn(context, dtype);
  });
  return batchOf(
    groups,
    schema.map((f) => f.name),
    columns,
  );
}

/** A column of no rows. */
export const emptyColumn = (context: QueryContext, dtype: DType): Column => ({
  dtype,
  length: 0,
  buffer: context.device.alloc(4, "empty"),
  validityOffset: null,
  dictionary: physicalOf(dtype) === "code" ? context.dictionaries.literal(null, dtype) : null,
});
