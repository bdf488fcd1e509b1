/** Where a row came from, as a column: rows that an exchange has spread over other partitions find their place again by it. */

import { InternalError } from "../../errors.ts";
import { iota } from "../../gpu/kernels/fill.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, column, literal } from "../../ir/expr.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { columnOf, retainBatch, withoutColumn } from "../table.ts";
import { wordBatch } from "./group.ts";

const U32: DType = { kind: "UInt32" };
const U64: DType = { kind: "UInt64" };

/** Names of the columns, one for each side of a join: no user column starts so. */
export const ORIGIN = "\u0001origin";
export const RIGHT_ORIGIN = "\u0001right origin";

/** The number of the partition in the high word, the row in the low one: ascending in row order. */
export const originField = (name: string) => ({ name, dtype: U64 });

/** The table with the origin of its rows in front; the rows are shared, and the caller owns the references. */
export async function withOrigin(context: QueryContext, table: Table, partition: number, name = ORIGIN): Promise<Table> {
  const batches: Batch[] = [];
  let row = 0;
  for (const batch of table.batches) {
    const rows = wordBatch("row", iota(context.device, row, batch.rows), batch.rows);
    const [origin] = await computeColumns(context, rows, [
      call("add", [call("cast", [column("row", U32)], U64), literal(BigInt(partition) << 32n, U64)], U64),
    ]);
    columnOf(rows, "row").buffer.release();
    if (origin === undefined) throw new InternalError("no origin was computed");
    batches.push({ rows: batch.rows, columns: new Map([[name, origin], ...retainBatch(batch).columns]) });
    row += batch.rows;
  }
  return { schema: [originField(name), ...table.schema], batches };
}

/** The partition that a row came from; `none` for rows without an origin. */
export const partitionOfOrigin = (none: number, name = ORIGIN): Expr =>
  call(
    "coalesce",
    [call("cast", [call("floor_div", [column(name, U64), literal(1n << 32n, U64)], U64)], U32), literal(BigInt(none), U32)],
    U32,
  );

/** The table without the named columns, which are released. */
export const dropColumns = (table: Table, names: readonly string[]): Table => ({
  schema: table.schema.filter((f) => !names.includes(f.name)),
  batches: table.batches.map((batch) =>
    names.reduce((rest, name) => {
      columnOf(rest, name).buffer.release();
      return withoutColumn(rest, name);
    }, batch),
  ),
});
