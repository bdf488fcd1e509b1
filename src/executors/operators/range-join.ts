/** Range join: each left row with the right rows of its group within a range of keys. All rows of either side have to be in one batch. */

import { InvalidPlanError } from "../../errors.ts";
import { unsortedFlag } from "../../gpu/kernels/asof.ts";
import { iota } from "../../gpu/kernels/fill.ts";
import { rangeSearch } from "../../gpu/kernels/range-search.ts";
import type { RangeJoin } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch } from "../table.ts";
import { commonGroups, keyColumn, keysByGroup, releaseGrouped } from "./grouped-keys.ts";
import { assemble, partsOfRows, releaseRows } from "./join-output.ts";

/** @throws InvalidPlanError where the right keys do not ascend within their groups. */
export async function rangeJoin(context: QueryContext, plan: RangeJoin, left: Table, right: Table): Promise<Table> {
  const sides = [await singleBatch(context, left), await singleBatch(context, right)] as const;
  try {
    return { schema: plan.schema, batches: await joinBatches(context, plan, ...sides) };
  } finally {
    for (const side of sides) releaseBatch(side);
  }
}

async function joinBatches(context: QueryContext, plan: RangeJoin, left: Batch, right: Batch): Promise<readonly Batch[]> {
  const { device } = context;
  const by = [
    { batch: left, exprs: plan.leftBy },
    { batch: right, exprs: plan.rightBy },
  ] as const;
  const groups = await commonGroups(context, by, "equal");
  const [from, to] = [await keyColumn(context, left, plan.from), await keyColumn(context, left, plan.to)];
  const key = await keyColumn(context, right, plan.key);
  const sorted = keysByGroup(context, key, groups?.right ?? null, groups?.count ?? 0);
  const flag = unsortedFlag(device, sorted);
  const [odd] = await device.read(flag, 0, 1);
  if (odd !== 0) throw new InvalidPlanError("a range join of keys that do not ascend");
  const listed = sorted.rows?.retain() ?? iota(device, 0, right.rows);
  const rows = await rangeSearch(device, { from, to, groups: groups?.left ?? null }, sorted, listed);
  for (const buffer of [flag, listed, from.buffer, to.buffer, key.buffer, groups?.left, groups?.right]) buffer?.release();
  releaseGrouped(sorted);
  const batches: Batch[] = [];
  for (const part of partsOfRows(context, plan, rows)) {
    batches.push(await assemble(context, plan.output, left, right, part, { left: false, right: false }));
    releaseRows(part);
  }
  return batches;
}
