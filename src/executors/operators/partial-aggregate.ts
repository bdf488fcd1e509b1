/** Aggregates of parts of the rows, merged in any tree, then finished: the same bits as the aggregates of all rows at once. */

import { InternalError, OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { EntryAccumulator, finishEntries } from "../../gpu/kernels/aggregate-entries.ts";
import type { NamedExpr } from "../../ir/expr.ts";
import type { QueryContext } from "../context.ts";
import type { Pipeline } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, retainTable } from "../table.ts";
import type { GroupedRows, NamedAggregate } from "./accumulate.ts";
import { accumulateRows, resultColumn } from "./accumulate.ts";
import type { Decomposition, Unfinished } from "./decompose-aggregate.ts";
import { group } from "./group.ts";
import { aggregateColumns, batchOfGroups, emptyColumn } from "./group-aggregates.ts";
import { rowsThatFit } from "./partition.ts";

export type { Decomposition } from "./decompose-aggregate.ts";
export { decompose } from "./decompose-aggregate.ts";

/** Rows of partials that can be merged at once, and groups that a partial can have: what one binding holds. */
export function partialRowsThatFit(context: QueryContext, d: Decomposition): number {
  const words = Math.max(1, ...d.unfinished.map(({ shape }) => shape.layout.stride));
  return Math.min(keysThatFit(context, d), Math.floor(context.device.limits.bindingBytes / 4 / words) - 1);
}

const keysThatFit = (context: QueryContext, { plan, schema }: Decomposition): number =>
  rowsThatFit(
    context,
    schema,
    plan.keys.map((k) => k.expr),
  );

/**
 * One batch with a row for each group of the rows, in order of first appearance: keys, values, entries; without keys always one row. The
 * expressions of the plan are over the columns of `base`. @throws OutOfDeviceMemoryError where there are too many groups.
 */
export async function partialAggregate(context: QueryContext, d: Decomposition, pipeline: Pipeline, base: Table): Promise<Table> {
  return grouped(context, d, d.plan.keys, { base, predicate: pipeline.predicate }, d.values, (rows, unfinished) =>
    entriesOfRows(context, rows, unfinished),
  );
}

/** The partials, in the order of their rows, as one of the same shape. @throws OutOfDeviceMemoryError where there are too many groups. */
export async function mergePartials(context: QueryContext, d: Decomposition, parts: Table): Promise<Table> {
  const [first] = parts.batches;
  if (first === undefined) throw new InternalError("no partial aggregates to merge");
  const filled = parts.batches.filter((batch) => batch.rows > 0);
  const base = { schema: parts.schema, batches: filled.length === 0 ? [first] : filled };
  if (base.batches.length === 1) return retainTable(base);
  return grouped(context, d, d.keys, { base, predicate: null }, d.merges, (rows, unfinished, i) =>
    mergedEntries(context, rows, unfinished, i),
  );
}

/** The aggregation's own output, out of partials that have no group in common. */
export async function finishPartials(context: QueryContext, d: Decomposition, merged: Table): Promise<Table> {
  return { schema: d.plan.schema, batches: merged.batches.map((batch) => finishBatch(context, d, batch)) };
}

/** Groups the rows and makes a partial of them; `entries`: of one list of unfinished aggregates. */
async function grouped(
  context: QueryContext,
  d: Decomposition,
  keys: readonly NamedExpr[],
  { base, predicate }: Pick<GroupedRows, "base" | "predicate">,
  values: readonly NamedAggregate[],
  entries: (rows: GroupedRows, unfinished: Unfinished, index: number) => Promise<DeviceBuffer> | DeviceBuffer,
): Promise<Table> {
  const limit = keysThatFit(context, d);
  const grouping = keys.length === 0 ? null : await group(context, base.batches, predicate, keys, limit);
  if (keys.length > 0 && grouping === null) throw new OutOfDeviceMemoryError(`partial aggregates of more than ${limit} groups`);
  const rows = { base, predicate, grouped: grouping, groups: grouping === null ? 1 : grouping.groups };
  try {
    const made = batchOfGroups(context, d.schema, rows, await aggregateColumns(context, rows, values));
    const states: DeviceBuffer[] = [];
    for (const [i, unfinished] of d.unfinished.entries())
      states.push(rows.groups === 0 ? context.device.alloc(4, "no entries") : await entries(rows, unfinished, i));
    return { schema: d.schema, batches: [{ ...made, states }] };
  } finally {
    grouping?.release();
  }
}

async function entriesOfRows(context: QueryContext, rows: GroupedRows, { kernel, shape }: Unfinished): Promise<DeviceBuffer> {
  const { accumulator } = await accumulateRows(
    context,
    rows,
    kernel,
    () => new EntryAccumulator(context.device, shape, rows.groups, "rows"),
  );
  const entries = accumulator.entries();
  accumulator.release();
  return entries;
}

/** Of the `index`-th list of unfinished aggregates. */
function mergedEntries(context: QueryContext, rows: GroupedRows, { shape }: Unfinished, index: number): DeviceBuffer {
  const accumulator = new EntryAccumulator(context.device, shape, rows.groups, "entries");
  for (const [b, batch] of rows.base.batches.entries())
    accumulator.absorb(entriesOf(batch, index), batch.rows, rows.grouped?.batches[b]?.ids ?? null);
  const entries = accumulator.entries();
  accumulator.release();
  return entries;
}

function entriesOf({ states }: Batch, index: number): DeviceBuffer {
  const entries = states?.[index];
  if (entries === undefined) throw new InternalError("a partial aggregate without its entries");
  return entries;
}

function finishBatch(context: QueryContext, { plan, unfinished }: Decomposition, batch: Batch): Batch {
  const finished = new Map<string, Column>();
  if (batch.rows > 0) {
    for (const [i, { calls, shape }] of unfinished.entries()) {
      for (const [k, result] of finishEntries(context.device, shape, entriesOf(batch, i), batch.rows).entries()) {
        const call = calls[k];
        if (call !== undefined) finished.set(call.name, resultColumn(call.expr, result, batch.rows, null));
      }
    }
  }
  const columns = plan.schema.map(({ name, dtype }): Column => {
    const given = batch.columns.get(name);
    given?.buffer.retain();
    return given ?? finished.get(name) ?? emptyColumn(context, dtype);
  });
  return batchOf(
    batch.rows,
    plan.schema.map((f) => f.name),
    columns,
  );
}
