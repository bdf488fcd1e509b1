/** n_unique: distinct pairs of group and value, found batch by batch and counted for each group; null is a value. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { GroupAccumulator } from "../../gpu/kernels/aggregate.ts";
import { constantColumn } from "../../gpu/kernels/fill.ts";
import { columnsProgram } from "../../gpu/row-program.ts";
import type { DType } from "../../ir/dtype.ts";
import type { AggregateExpr, Expr } from "../../ir/expr.ts";
import { call, column, named } from "../../ir/expr.ts";
import type { Schema } from "../../ir/schema.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { predicateMask, projectBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, columnOf, releaseBatch, rowsOf } from "../table.ts";
import type { Grouping } from "./group.ts";
import { groupBatch, representativesOf, wordColumn } from "./group.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";

const U32: DType = { kind: "UInt32" };

/** A u32 column of `groups` counts; `grouped` null: all rows for which the predicate is true are one group. */
export async function countDistinct(
  context: QueryContext,
  base: Table,
  predicate: Expr | null,
  grouped: Grouping | null,
  counted: AggregateExpr,
  groups: number,
): Promise<Column> {
  const { arg: value, where } = counted;
  if (value === null) throw new InternalError("a count of nothing");
  const schema: Schema = [...(grouped === null ? [] : [{ name: "group", dtype: U32 }]), { name: "value", dtype: value.dtype }];
  const exprs = schema.map((f) => column(f.name, f.dtype));
  const pairs: Batch[] = [];
  for (const [b, batch] of base.batches.entries()) {
    const own = grouped?.batches[b];
    const shared = own !== undefined && where === null;
    const condition = both(predicate, where);
    const mask = shared ? own.mask : condition === null ? null : await predicateMask(context, batch, condition);
    const all = await withGroups(context, batch, value, own?.ids ?? null);
    pairs.push(await distinctRows(context, all, exprs, mask));
    releaseBatch(all);
    if (!shared) mask?.release();
  }
  // Those of one batch differ already.
  const differ = pairs.length === 1;
  const parts = await partsThatFit(context, { schema, batches: pairs }, exprs);
  const counter = new GroupAccumulator(context.device, [{ kind: "len", input: -1 }], [], groups);
  let total = 0;
  for (const part of parts) {
    const distinct = differ ? part : await distinctRows(context, part, exprs, null);
    if (!differ) releaseBatch(part);
    total += distinct.rows;
    if (grouped !== null) {
      const owner = columnOf(distinct, "group");
      counter.accumulate(columnsProgram([owner]), distinct.rows, owner.buffer, null, 0);
    }
    releaseBatch(distinct);
  }
  const [counts] = counter.finish();
  counter.release();
  if (counts === undefined) throw new InternalError("no count was made");
  if (grouped !== null) return wordColumn(counts.buffer, groups);
  counts.buffer.release();
  return constantColumn(context.device, { kind: "UInt32" }, 1, total, 0, null);
}

const both = (a: Expr | null, b: Expr | null): Expr | null => (a === null || b === null ? (a ?? b) : call("and", [a, b], b.dtype));

/** The value of each row beside the number of its group. */
async function withGroups(context: QueryContext, batch: Batch, value: Expr, ids: DeviceBuffer | null): Promise<Batch> {
  const values = await projectBatch(context, batch, [named("value", value)]);
  const own = columnOf(values, "value");
  return ids === null ? values : batchOf(batch.rows, ["group", "value"], [wordColumn(ids.retain(), batch.rows), own]);
}

/** One row for each different row, of those in the mask. */
async function distinctRows(context: QueryContext, batch: Batch, exprs: readonly Expr[], mask: DeviceBuffer | null): Promise<Batch> {
  const found = await groupBatch(context, batch, exprs, mask, [...batch.columns.values()]);
  found.ids.release();
  return representativesOf(context, batch, found);
}

/** The rows of the table, in batches that each fit a binding and share no equal rows; takes the table's batches over. */
async function partsThatFit(context: QueryContext, table: Table, exprs: readonly Expr[]): Promise<readonly Batch[]> {
  const fit = rowsThatFit(context, table.schema, exprs);
  const count = rowsOf(table) > fit ? Math.ceil((2 * rowsOf(table)) / fit) : 1;
  const partitions =
    count === 1 ? [table.batches] : ((await partitionByHash(context, [{ batches: table.batches, exprs }], count))[0] ?? []);
  const parts: Batch[] = [];
  for (const batches of partitions) {
    parts.push(await singleBatch(context, { schema: table.schema, batches }));
    if (count > 1) for (const batch of batches) releaseBatch(batch);
  }
  for (const batch of table.batches) releaseBatch(batch);
  return parts;
}
