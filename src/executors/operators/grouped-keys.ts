/** A key column with the rows of each group together, in their order. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import type { KeyedRows } from "../../gpu/kernels/asof.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import { sortById } from "../../gpu/kernels/radix-sort.ts";
import type { QueryContext } from "../context.ts";
import { wordColumn } from "./group.ts";

/** The keys in the order of their groups; without groups in their own. The caller releases it. */
export interface GroupedKeys extends KeyedRows {
  /** The row at each place; null: the rows are in order. */
  readonly rows: DeviceBuffer | null;
}

/** `groups`: the group of each row, below `count`, or null for none. Keys and groups stay the caller's. */
export function keysByGroup({ device }: QueryContext, keys: Column, groups: DeviceBuffer | null, count: number): GroupedKeys {
  if (groups === null) {
    keys.buffer.retain();
    return { keys, groups: null, rows: null };
  }
  const rows = sortById(device, groups, keys.length, count);
  const [own, ids] = gather(device, [keys, wordColumn(groups, keys.length)], rows, keys.length, false);
  if (own === undefined || ids === undefined) throw new InternalError("gather gave no column");
  return { keys: own, groups: ids.buffer, rows };
}

export function releaseGrouped({ keys, groups, rows }: GroupedKeys): void {
  for (const buffer of [keys.buffer, groups, rows]) buffer?.release();
}
