/** Slice, row index, union and horizontal concatenation: operators that only rearrange batches. */

import { InvalidPlanError } from "../../errors.ts";
import type { Column } from "../../gpu/column.ts";
import { concat } from "../../gpu/kernels/concat.ts";
import { constantWords, iota, nullColumn } from "../../gpu/kernels/fill.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import { slice as sliceColumn } from "../../gpu/kernels/slice.ts";
import type { HConcat, RowIndex, Slice, Union } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, releaseBatch, retainBatch, rowsOf } from "../table.ts";
import { wordColumn } from "./group.ts";

/** Rows `offset .. offset + length` of a batch; owned by the caller. */
export function sliceBatch(context: QueryContext, batch: Batch, offset: number, length: number): Batch {
  const columns = new Map([...batch.columns].map(([name, column]) => [name, sliceColumn(context.device, column, offset, length)]));
  return { rows: length, columns };
}

export function slice(context: QueryContext, plan: Pick<Slice, "offset" | "length" | "schema">, input: Table): Table {
  const rows = rowsOf(input);
  const wanted = plan.offset < 0 ? rows + plan.offset : plan.offset;
  const end = Math.min(rows, plan.length === null ? rows : wanted + plan.length);
  const start = Math.min(Math.max(0, wanted), rows);
  const batches: Batch[] = [];
  let base = 0;
  for (const batch of input.batches) {
    const from = Math.max(start - base, 0);
    const to = Math.min(end - base, batch.rows);
    if (to > from) batches.push(sliceBatch(context, batch, from, to - from));
    base += batch.rows;
  }
  const [first] = input.batches;
  if (batches.length === 0 && first !== undefined) batches.push(sliceBatch(context, first, 0, 0));
  return { schema: plan.schema, batches };
}

export const rowIndex = (context: QueryContext, plan: RowIndex, input: Table): Table => ({
  schema: plan.schema,
  batches: numberedBatches(context, input, plan.name, plan.offset),
});

/** The batches with a column of row numbers, from `offset` on, in front; owned by the caller. */
export function numberedBatches(context: QueryContext, input: Table, name: string, offset: number): readonly Batch[] {
  let base = offset;
  return input.batches.map((batch) => {
    const index = wordColumn(iota(context.device, base, batch.rows), batch.rows);
    base += batch.rows;
    return { rows: batch.rows, columns: new Map([[name, index], ...retainBatch(batch).columns]) };
  });
}

export const union = (plan: Union, inputs: readonly Table[]): Table => ({
  schema: plan.schema,
  batches: inputs.flatMap((input) => input.batches.map((b) => retainBatch(b))),
});

export async function hconcat(context: QueryContext, plan: HConcat, inputs: readonly Table[]): Promise<Table> {
  const height = Math.max(...inputs.map(rowsOf));
  const columns: Column[] = [];
  for (const input of inputs) {
    const batch = await singleBatch(context, input);
    for (const column of batch.columns.values()) columns.push(stretch(context, column, height, plan.lengths));
    releaseBatch(batch);
  }
  return {
    schema: plan.schema,
    batches: [
      batchOf(
        height,
        plan.schema.map((f) => f.name),
        columns,
      ),
    ],
  };
}

/** The column with `height` rows: padded with nulls, or its only row repeated. @throws InvalidPlanError where neither is allowed. */
function stretch(context: QueryContext, column: Column, height: number, lengths: HConcat["lengths"]): Column {
  const { device } = context;
  if (column.length === height) {
    column.buffer.retain();
    return column;
  }
  if (lengths !== "pad") {
    if (lengths === "equal" || column.length !== 1)
      throw new InvalidPlanError(`horizontal concatenation of ${column.length} and ${height} rows`);
    const rows = constantWords(device, 0, height);
    const [repeated] = gather(device, [column], rows, height, false);
    rows.release();
    return repeated ?? column;
  }
  const padding = nullColumn(device, column.dtype, height - column.length, column.dictionary);
  const padded = concat(device, [column, padding]);
  padding.buffer.release();
  return padded;
}
