/** As-of join: each left row with the nearest right row of its group. All rows of either side have to be in one batch. */

import { InternalError, InvalidPlanError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { asofSearch, unsortedFlag } from "../../gpu/kernels/asof.ts";
import { iota } from "../../gpu/kernels/fill.ts";
import { remap } from "../../gpu/kernels/remap.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, column, named } from "../../ir/expr.ts";
import type { AsofJoin } from "../../ir/plan.ts";
import { joinedBatches, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns, predicateMask, projectBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch } from "../table.ts";
import { groupBatch } from "./group.ts";
import { keysByGroup, releaseGrouped } from "./grouped-keys.ts";
import { assemble } from "./join.ts";

const BOOLEAN: DType = { kind: "Boolean" };

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
  const [groups, count] = await groupsOf(context, plan, left, right);
  const [asked, rightKey] = [await keyOf(context, left, plan.leftOn), await keyOf(context, right, plan.rightOn)];
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
  const joined = await assemble(context, plan.output, left, right, { left: rows, right: found, count: left.rows }, false, {
    left: false,
    right: true,
  });
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

async function keyOf(context: QueryContext, batch: Batch, expr: Expr): Promise<Column> {
  const [key] = await computeColumns(context, batch, [expr]);
  if (key === undefined) throw new InternalError("no key was computed");
  return key;
}

interface SideGroups {
  readonly left: DeviceBuffer;
  readonly right: DeviceBuffer;
}

/** The group of each row, 0xFFFFFFFF for rows with a null among what they are grouped by, and the number of groups. */
async function groupsOf(context: QueryContext, plan: AsofJoin, left: Batch, right: Batch): Promise<readonly [SideGroups | null, number]> {
  const { device } = context;
  if (plan.leftBy.length === 0) return [null, 0];
  const schema = plan.leftBy.map((e, i) => ({ name: `${i}`, dtype: e.dtype }));
  const numbered = (exprs: readonly Expr[]) => exprs.map((e, i) => named(`${i}`, e));
  const parts = [await projectBatch(context, left, numbered(plan.leftBy)), await projectBatch(context, right, numbered(plan.rightBy))];
  const all = await joinedBatches(context, parts, schema);
  const exprs = schema.map((f) => column(f.name, f.dtype));
  const present = exprs.map((e): Expr => call("is_not_null", [e], BOOLEAN)).reduce((a, b) => call("and", [a, b], BOOLEAN));
  const mask = await predicateMask(context, all, present);
  const { ids, groups, first } = await groupBatch(context, all, exprs, mask);
  for (const buffer of [mask, first]) buffer.release();
  releaseBatch(all);
  const part = (from: number, rows: number): DeviceBuffer => {
    const copy = device.alloc(Math.max(1, rows), "as-of groups");
    device.copy(ids, from, copy, 0, rows);
    return copy;
  };
  const sides = { left: part(0, left.rows), right: part(left.rows, right.rows) };
  ids.release();
  return [sides, groups];
}
