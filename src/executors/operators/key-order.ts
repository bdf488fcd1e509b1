/** Rows of a batch in the order of sort keys. */

import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { encodeOrder } from "../../gpu/kernels/keys.ts";
import { sortRows } from "../../gpu/kernels/radix-sort.ts";
import { sortEncoded } from "../../gpu/kernels/rank-sort.ts";
import { topColumns } from "../../gpu/kernels/top-k.ts";
import type { SortKey } from "../../ir/expr.ts";
import { type CompiledKeys, keysOfBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch } from "../table.ts";

/** All row numbers, stable; owned by the caller. */
export async function rowsByKeys(context: QueryContext, batch: Batch, by: readonly SortKey[]): Promise<DeviceBuffer> {
  const keys = await keysOfOrder(context, batch, by);
  const planes = encodeOrder(context.device, keys.programs, batch.rows, by);
  keys.release();
  const rows = await sortRows(context.device, planes);
  planes.buffer.release();
  return rows;
}

/** The first `most` rows of all columns, stable; owned by the caller. */
export async function sortedColumns(context: QueryContext, batch: Batch, by: readonly SortKey[], most: number): Promise<readonly Column[]> {
  const { device } = context;
  const keys = await keysOfOrder(context, batch, by);
  const columns = [...batch.columns.values()];
  const [program, ...others] = keys.programs;
  const few = program === undefined || others.length > 0 ? null : sortEncoded(device, program, batch.rows, by, columns, most);
  if (few !== null) {
    keys.release();
    return few;
  }
  const planes = encodeOrder(device, keys.programs, batch.rows, by);
  keys.release();
  const sorted = await topColumns(device, planes, columns, most);
  planes.buffer.release();
  return sorted;
}

const keysOfOrder = (context: QueryContext, batch: Batch, by: readonly SortKey[]): Promise<CompiledKeys> =>
  keysOfBatch(
    context,
    batch,
    by.map((k) => k.expr),
    "sorted",
  );
