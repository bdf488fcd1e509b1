/** Require: tests a condition over all rows, which for ascending keys have to be in one batch, and hands the rows on. */

import { InvalidPlanError } from "../../errors.ts";
import { unsortedFlag } from "../../gpu/kernels/asof.ts";
import type { Expr } from "../../ir/expr.ts";
import { named } from "../../ir/expr.ts";
import type { Require } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Table } from "../table.ts";
import { releaseBatch, retainTable, rowsOf } from "../table.ts";
import { group, groupBatch } from "./group.ts";
import { keyColumn, keysByGroup, releaseGrouped } from "./grouped-keys.ts";

/** @throws InvalidPlanError where the condition does not hold. */
export async function requireRows(context: QueryContext, { condition }: Pick<Require, "condition">, input: Table): Promise<Table> {
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
  const keys = await keyColumn(context, all, key);
  const groups = by.length === 0 ? null : await groupBatch(context, all, by, null);
  const grouped = keysByGroup(context, keys, groups?.ids ?? null, groups?.groups ?? 0);
  const flag = unsortedFlag(context.device, grouped);
  const [odd] = await context.device.read(flag, 0, 1);
  for (const buffer of [flag, keys.buffer, groups?.ids, groups?.first]) buffer?.release();
  releaseGrouped(grouped);
  releaseBatch(all);
  return odd === 0;
}
