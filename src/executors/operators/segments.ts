/** Rows of a batch in segments: those with equal partition keys together, in the order of the sort keys. */

import type { DeviceBuffer } from "../../gpu/buffers.ts";
import { constantWords, iota } from "../../gpu/kernels/fill.ts";
import { sortById } from "../../gpu/kernels/radix-sort.ts";
import { remap } from "../../gpu/kernels/remap.ts";
import type { Segments } from "../../gpu/kernels/segments.ts";
import { segmentStarts } from "../../gpu/kernels/segments.ts";
import type { Expr, SortKey } from "../../ir/expr.ts";
import { column } from "../../ir/expr.ts";
import type { QueryContext } from "../context.ts";
import type { Batch } from "../table.ts";
import { groupBatch, wordColumn } from "./group.ts";
import { rowsByKeys } from "./key-order.ts";

/** Name of the column of segment numbers: no user column starts so. */
const SEGMENT = "\u0001segment";
const U32 = { kind: "UInt32" } as const;

/** The segments of each row of a batch. The owner releases `ids`. */
export interface Partition {
  readonly ids: DeviceBuffer;
  readonly segments: number;
}

/** Rows with equal keys, nulls being equal, in segments that are numbered in order of first appearance. Without keys: one segment. */
export async function partition(context: QueryContext, batch: Batch, keys: readonly Expr[]): Promise<Partition> {
  if (keys.length === 0) return { ids: constantWords(context.device, 0, batch.rows), segments: batch.rows === 0 ? 0 : 1 };
  const { ids, groups, first } = await groupBatch(context, batch, keys, null);
  first.release();
  return { ids, segments: groups };
}

/** The rows by segment, then by the sort keys, then by their number; owned by the caller. */
export async function segmentOrder(context: QueryContext, batch: Batch, of: Partition, by: readonly SortKey[]): Promise<DeviceBuffer> {
  const { device } = context;
  if (by.length === 0) return of.segments < 2 ? iota(device, 0, batch.rows) : sortById(device, of.ids, batch.rows, of.segments);
  const owner: SortKey = { expr: column(SEGMENT, U32), descending: false, nullsLast: false };
  const order = of.segments < 2 ? by : [owner, ...by];
  const numbered: Batch = { rows: batch.rows, columns: new Map([...batch.columns, [SEGMENT, wordColumn(of.ids, batch.rows)]]) };
  return rowsByKeys(context, numbered, order);
}

/** The partition's rows in the given order, which is that of `by`. The caller owns what is made; `order` stays its own. */
export function segmentsOf(context: QueryContext, rows: number, of: Partition, order: DeviceBuffer, by: readonly SortKey[]): Segments {
  const { device } = context;
  const segment = of.segments < 2 ? of.ids.retain() : remap(device, order, of.ids, 0, rows);
  return {
    rows,
    whole: of.segments < 2 && by.length === 0,
    order: order.retain(),
    segment,
    starts: segmentStarts(device, segment, rows, of.segments),
  };
}

export const releaseSegments = ({ order, segment, starts }: Segments): void => {
  for (const buffer of [order, segment, starts]) buffer.release();
};
