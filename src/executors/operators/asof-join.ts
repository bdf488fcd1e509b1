/** As-of join: each left row with the nearest right row of its group. All rows of either side have to be in one batch. */

import { InvalidPlanError } from "../../errors.ts";
import { asofSearch, unsortedFlag } from "../../gpu/kernels/asof.ts";
import { iota } from "../../gpu/kernels/fill.ts";
import { remap } from "../../gpu/kernels/remap.ts";
import type { AsofJoin } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch } from "../table.ts";
import { commonGroups, keyColumn, keysByGroup, releaseGrouped } from "./grouped-keys.ts";
import { assemble } from "./join-output.ts";

export async function asofJoin(context: QueryContext, plan: AsofJoin, left: Table, right: Table): Promise<Table> {
  const sides = [await singleBatch(context, left), await singleBatch(context, right)] as const;
  try {
    return { schema: plan.schema, batches: [await joinBatches(context, plan, ...sides)] };
  } finally {
    for (const side of sides) releaseBatch(side);
  }
}

async function joinBatches(context: QueryContext, plan: AsofJoin, left: Batch, right: Batch): Promise<Batch> {
  const { device } = context;
  const by = [
    { batch: left, exprs: plan.leftBy },
    { batch: right, exprs: plan.rightBy },
  ] as const;
  const groups = await commonGroups(context, by, "apart");
  const count = groups?.count ?? 0;
  const [asked, rightKey] = [await keyColumn(context, left, plan.leftOn), await keyColumn(context, right, plan.rightOn)];
  const sides = [
    keysByGroup(context, asked, groups?.left ?? null, count),
    keysByGroup(context, rightKey, groups?.right ?? null, count),
  ] as const;
  const flags = sides.map((side) => unsortedFlag(device, side));
  const unsorted = await device.readMany(flags.map((buffer) => ({ buffer, word: 0, words: 1 })));
  for (const flag of flags) flag.release();
  const [, sorted] = sides;
  if (unsorted.some((words) => words[0] !== 0)) throw new InvalidPlanError("an as-of join of keys that do not ascend");
  const places = asofSearch(device, { keys: asked, groups: groups?.left ?? null }, sorted, { ...plan, tolerance: wordsOf(plan) });
  const found = sorted.rows === null ? places.retain() : remap(device, places, sorted.rows, 0, left.rows);
  const rows = iota(device, 0, left.rows);
  const joined = await assemble(
    context,
    plan.output,
    left,
    right,
    { left: rows, right: found, count: left.rows },
    {
      left: false,
      right: true,
    },
  );
  for (const buffer of [rows, found, places, asked.buffer, rightKey.buffer, groups?.left, groups?.right]) buffer?.release();
  for (const side of sides) releaseGrouped(side);
  return joined;
}

/** The tolerance in the words of a value of the keys. */
function wordsOf({ tolerance, leftOn }: AsofJoin): readonly [number, number] | null {
  if (tolerance === null) return null;
  const view = new DataView(new ArrayBuffer(8));
  if (leftOn.dtype.kind === "Float64") view.setFloat64(0, tolerance, true);
  else view.setBigUint64(0, BigInt(tolerance), true);
  return [view.getUint32(0, true), view.getUint32(4, true)];
}
