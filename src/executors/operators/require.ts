/** Require: tests a condition over all rows, which for ascending keys have to be in one batch, and hands the rows on. */

import { InternalError, InvalidPlanError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { unsortedFlag } from "../../gpu/kernels/asof.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import { sortById } from "../../gpu/kernels/radix-sort.ts";
import type { Expr } from "../../ir/expr.ts";
import { named } from "../../ir/expr.ts";
import type { Require } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch, retainTable, rowsOf } from "../table.ts";
import { group, groupBatch, wordColumn } from "./group.ts";

/** @throws InvalidPlanError where the condition does not hold. */
export async function requireRows(context: QueryContext, { condition }: Require, input: Table): Promise<Table> {
  const holds = condition.kind === "unique" ? await isUnique(context, input, condition.by) : await ascends(context, input, condition);
  if (!holds) throw new InvalidPlanError(condition.kind === "unique" ? "keys that repeat" : "a key that does not ascend");
  return retainTable(input);
}

async function isUnique(context: QueryContext, input: Table, by: readonly Expr[]): Promise<boolean> {
  const keys = by.map((e, i) => named(`${i}`, e));
  const grouped = await group(context, input.batches, null, keys, Number.POSITIVE_INFINITY);
  const groups = grouped?.groups ?? 0;
  grouped?.release();
  return groups === rowsOf(input);
}

async function ascends(
  context: QueryContext,
  input: Table,
  { key, by }: { readonly key: Expr; readonly by: readonly Expr[] },
): Promise<boolean> {
  const all = await singleBatch(context, input);
  const [keys] = await computeColumns(context, all, [key]);
  if (keys === undefined) throw new InternalError("no key was computed");
  const ordered = by.length === 0 ? { keys, groups: null } : await byGroup(context, all, keys, by);
  const flag = unsortedFlag(context.device, ordered);
  const [odd] = await context.device.read(flag, 0, 1);
  for (const buffer of [flag, ordered.keys.buffer, ordered.groups]) buffer?.release();
  releaseBatch(all);
  return odd === 0;
}

/** The keys with the rows of each group together, in their order; takes `keys` over. */
async function byGroup(
  context: QueryContext,
  all: Batch,
  keys: Column,
  by: readonly Expr[],
): Promise<{ readonly keys: Column; readonly groups: DeviceBuffer }> {
  const { device } = context;
  const { ids, groups, first } = await groupBatch(context, all, by, null);
  const rows = sortById(device, ids, all.rows, groups);
  const [own, sorted] = gather(device, [keys, wordColumn(ids, all.rows)], rows, all.rows, false);
  for (const buffer of [ids, first, rows, keys.buffer]) buffer.release();
  if (own === undefined || sorted === undefined) throw new InternalError("gather gave no column");
  return { keys: own, groups: sorted.buffer };
}
