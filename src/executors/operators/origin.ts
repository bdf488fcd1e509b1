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

/** Partitions that rows go back to: `cuts` for each one that they came from, of about `rows` rows. */
export interface Places {
  readonly partitions: number;
  readonly cuts: number;
  readonly rows: number;
}

/** The place of a row by its origin; `none` for rows without one. */
export function placeOfOrigin({ cuts, rows }: Places, none: number, name = ORIGIN): Expr {
  const number = (value: number | bigint) => literal(BigInt(value), U64);
  const origin = column(name, U64);
  const partition = call("floor_div", [origin, number(1n << 32n)], U64);
  const row = call("bit_and", [origin, number((1n << 32n) - 1n)], U64);
  const cut = call("min_horizontal", [call("floor_div", [row, number(rows)], U64), number(cuts - 1)], U64);
  const place = cuts === 1 ? partition : call("add", [call("mul", [partition, number(cuts)], U64), cut], U64);
  return call("coalesce", [call("cast", [place], U32), literal(BigInt(none), U32)], U32);
}

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
