/** Row numbers as a column, so that tables that were worked on in partitions come back into the order that they had. */

import { column } from "../../ir/expr.ts";
import type { Schema } from "../../ir/schema.ts";
import type { QueryContext } from "../context.ts";
import type { Table } from "../table.ts";
import { columnOf, releaseTable, withoutColumn } from "../table.ts";
import { numberedBatches } from "./slice.ts";
import { sort } from "./sort.ts";

/** Name of the column: no user column starts so. */
export const ROW = "\u0001row";
export const ROW_FIELD = { name: ROW, dtype: { kind: "UInt32" } } as const;

/** The table with its row numbers in front; the rows are shared, and the caller owns the references. */
export const numberRows = (context: QueryContext, table: Table): Table => ({
  schema: [ROW_FIELD, ...table.schema],
  batches: numberedBatches(context, table, ROW, 0),
});

/** The rows by their numbers, which are dropped; rows without a number come last. Takes the table over. `schema`: the columns without ROW. */
export async function restoreRowOrder(context: QueryContext, table: Table, schema: Schema): Promise<Table> {
  const sorted = await sort(
    context,
    { by: [{ expr: column(ROW, ROW_FIELD.dtype), descending: false, nullsLast: true }], limit: null, schema: table.schema },
    table,
  );
  releaseTable(table);
  for (const batch of sorted.batches) columnOf(batch, ROW).buffer.release();
  return { schema, batches: sorted.batches.map((batch) => withoutColumn(batch, ROW)) };
}
