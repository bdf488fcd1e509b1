/** Row numbers of a batch in the order of sort keys. */

import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { KeyPlanes } from "../../gpu/kernels/keys.ts";
import { encodeOrder } from "../../gpu/kernels/keys.ts";
import { sortRows } from "../../gpu/kernels/radix-sort.ts";
import type { SortKey } from "../../ir/expr.ts";
import { keysOfBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch } from "../table.ts";

/** The keys as planes that compare as they do; the caller releases them. */
export async function orderPlanes(context: QueryContext, batch: Batch, by: readonly SortKey[]): Promise<KeyPlanes> {
  const exprs = by.map((k) => k.expr);
  const keys = await keysOfBatch(context, batch, exprs, "sorted");
  const planes = encodeOrder(context.device, keys.programs, batch.rows, by);
  keys.release();
  return planes;
}

/** All row numbers, stable; owned by the caller. */
export async function rowsByKeys(context: QueryContext, batch: Batch, by: readonly SortKey[]): Promise<DeviceBuffer> {
  const planes = await orderPlanes(context, batch, by);
  const rows = await sortRows(context.device, planes);
  planes.buffer.release();
  return rows;
}
