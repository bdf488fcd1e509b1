/** Key columns with the rows of each group together, in their order; groups that two tables have in common. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import type { KeyedRows } from "../../gpu/kernels/asof.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import { sortById } from "../../gpu/kernels/radix-sort.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, column, named } from "../../ir/expr.ts";
import { joinedBatches } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns, predicateMask, projectBatch } from "../pipeline.ts";
import type { Batch } from "../table.ts";
import { releaseBatch } from "../table.ts";
import { groupBatch, wordColumn } from "./group.ts";

const BOOLEAN: DType = { kind: "Boolean" };

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

/** The key of each row; the caller releases it. */
export async function keyColumn(context: QueryContext, batch: Batch, expr: Expr): Promise<Column> {
  const [key] = await computeColumns(context, batch, [expr]);
  if (key === undefined) throw new InternalError("no key was computed");
  return key;
}

export interface CommonGroups {
  readonly left: DeviceBuffer;
  readonly right: DeviceBuffer;
  readonly count: number;
}

interface GroupedSide {
  readonly batch: Batch;
  readonly exprs: readonly Expr[];
}

/**
 * The group of each row of both sides by equal values, for the caller to release; null where they are grouped by nothing. `nulls`: null is
 * a value like others, or rows with one are apart, in group 0xFFFFFFFF.
 */
export async function commonGroups(
  context: QueryContext,
  sides: readonly [GroupedSide, GroupedSide],
  nulls: "equal" | "apart",
): Promise<CommonGroups | null> {
  const { device } = context;
  const [left, right] = sides;
  if (left.exprs.length === 0) return null;
  const schema = left.exprs.map((e, i) => ({ name: `${i}`, dtype: e.dtype }));
  const projected = ({ batch, exprs }: GroupedSide): Promise<Batch> =>
    projectBatch(
      context,
      batch,
      exprs.map((e, i) => named(`${i}`, e)),
    );
  const all = await joinedBatches(context, [await projected(left), await projected(right)], schema);
  const exprs = schema.map((f) => column(f.name, f.dtype));
  const present = exprs.map((e): Expr => call("is_not_null", [e], BOOLEAN)).reduce((a, b) => call("and", [a, b], BOOLEAN));
  const mask = nulls === "equal" ? null : await predicateMask(context, all, present);
  const { ids, groups, first } = await groupBatch(context, all, exprs, mask);
  for (const buffer of [mask, first]) buffer?.release();
  releaseBatch(all);
  const part = (from: number, rows: number): DeviceBuffer => {
    const copy = device.alloc(Math.max(1, rows), "groups of a side");
    device.copy(ids, from, copy, 0, rows);
    return copy;
  };
  const parts = { left: part(0, left.batch.rows), right: part(left.batch.rows, right.batch.rows), count: groups };
  ids.release();
  return parts;
}
