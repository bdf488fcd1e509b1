/** Grouping: rows of all batches get the number of their group, groups in order of first appearance. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import type { Groups } from "../../gpu/kernels/hash-group.ts";
import { groupRows } from "../../gpu/kernels/hash-group.ts";
import { hashKeys } from "../../gpu/kernels/keys.ts";
import { remap } from "../../gpu/kernels/remap.ts";
import type { Expr, NamedExpr } from "../../ir/expr.ts";
import { column, columnsOf } from "../../ir/expr.ts";
import { fieldsOf } from "../../ir/projection.ts";
import type { Schema } from "../../ir/schema.ts";
import { type CompiledKeys, compileKeys, concatBatches, keysOfBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { gatherBatch, predicateMask, projectBatch } from "../pipeline.ts";
import type { Batch } from "../table.ts";
import { batchOf, columnOf, releaseBatch } from "../table.ts";

export interface GroupedBatch {
  /** u32 group of each row; 0xFFFFFFFF for rows that the predicate drops. */
  readonly ids: DeviceBuffer;
  /** Bitmap of the rows that take part; null: all. */
  readonly mask: DeviceBuffer | null;
}

/** The caller owns every buffer; `release` frees them. */
export interface Grouping {
  readonly groups: number;
  /** The keys of each group. */
  readonly keys: Batch;
  readonly batches: readonly GroupedBatch[];
  release(): void;
}

/** Rows of several batches up to which they are grouped at once, not batch by batch: that takes fewer round trips. */
const TOGETHER = 1 << 20;

/** Entries of a dictionary from which on a round trip is worth not looking for equal ones. */
const MANY_ENTRIES = 1 << 15;

/** The groups of one batch by themselves. */
interface LocalGroups {
  /** As in GroupedBatch; null: every row is a group. */
  readonly ids: DeviceBuffer | null;
  readonly mask: DeviceBuffer | null;
  /** The keys of each group. */
  readonly keys: Batch;
}

type RowGroups = LocalGroups & GroupedBatch;

/** Groups the rows of `batches` for which `predicate` is true by the key expressions; null where the batches together have more than `limit` groups. */
export async function group(
  context: QueryContext,
  batches: readonly Batch[],
  predicate: Expr | null,
  keys: readonly NamedExpr[],
  limit: number,
): Promise<Grouping | null> {
  const rows = batches.reduce((n, batch) => n + batch.rows, 0);
  if (batches.length > 1 && predicate === null && rows <= Math.min(limit, TOGETHER)) {
    const local: LocalGroups[] = [];
    for (const batch of batches) local.push({ ids: null, mask: null, keys: await projectBatch(context, batch, keys) });
    return mergeGroups(context, local, keys);
  }
  const byCodes = await groupByCodes(context, batches, predicate, keys, limit);
  if (byCodes !== null) return byCodes;
  const exprs = keys.map((k) => k.expr);
  const [compiled = []] = await compileKeys(context, [{ batches, exprs }], () => "unique");
  const local: RowGroups[] = [];
  for (const [b, batch] of batches.entries()) {
    const keysOf = compiled[b];
    if (keysOf !== undefined) local.push(await groupsOfRows(context, batch, predicate, keys, keysOf));
  }
  const [only] = local;
  if (local.reduce((n, l) => n + l.keys.rows, 0) <= limit)
    return local.length === 1 && only !== undefined ? grouping(only.keys.rows, only.keys, [only]) : mergeGroups(context, local, keys);
  for (const groups of local) releaseGroups(groups);
  return null;
}

/**
 * The groups of a single batch where the values of large dictionaries need not be compared: rows of equal codes are grouped, and if the other keys
 * tell these groups apart already, no two of them can have equal values. Null where it is not so.
 */
async function groupByCodes(
  context: QueryContext,
  batches: readonly Batch[],
  predicate: Expr | null,
  keys: readonly NamedExpr[],
  limit: number,
): Promise<Grouping | null> {
  const [batch] = batches;
  if (batch === undefined || batches.length > 1) return null;
  const open = keys.map(({ expr }) => isOpen(context, batch, expr));
  const deciding = keys.filter((_, k) => open[k] === false).map(({ name, expr }) => column(name, expr.dtype));
  if (deciding.length === keys.length || deciding.length === 0) return null;
  const exprs = keys.map((k) => k.expr);
  const [[compiled] = []] = await compileKeys(context, [{ batches, exprs }], (k) => (open[k] === true ? "any" : "unique"));
  if (compiled === undefined) throw new InternalError("the keys of a batch were not compiled");
  const found = await groupsOfRows(context, batch, predicate, keys, compiled);
  if (found.keys.rows <= limit) {
    const { ids, groups, first } = await groupBatch(context, found.keys, deciding, null);
    for (const buffer of [ids, first]) buffer.release();
    if (groups === found.keys.rows) return grouping(groups, found.keys, [found]);
  }
  releaseGroups(found);
  return null;
}

/** Whether the key is a column of codes whose dictionary is large and may have equal entries, which were not looked for yet. */
function isOpen({ dictionaries }: QueryContext, batch: Batch, expr: Expr): boolean {
  const dictionary = expr.kind === "column" ? (batch.columns.get(expr.name)?.dictionary ?? null) : null;
  return dictionary !== null && dictionary.size >= MANY_ENTRIES && !dictionaries.isUnified(dictionary, "unique");
}

async function groupsOfRows(
  context: QueryContext,
  batch: Batch,
  predicate: Expr | null,
  keys: readonly NamedExpr[],
  compiled: CompiledKeys,
): Promise<RowGroups> {
  const mask = predicate === null ? null : await predicateMask(context, batch, predicate);
  const planes = hashKeys(context.device, compiled.programs, batch.rows);
  compiled.release();
  const names = [...columnsOf(keys.map((k) => k.expr))];
  const found = await groupRows(context.device, planes, mask, { wanted: names.map((name) => columnOf(batch, name)) });
  planes.buffer.release();
  const representatives = representativesOf(context, batch, found, names);
  const own = await projectBatch(context, representatives, keys);
  releaseBatch(representatives);
  return { ids: found.ids, mask, keys: own };
}

function releaseGroups({ ids, mask, keys }: RowGroups): void {
  ids.release();
  mask?.release();
  releaseBatch(keys);
}

/** The first row of each group, with the named columns, which are those that were wanted if any were; releases the numbers of these rows. */
export function representativesOf(
  context: QueryContext,
  batch: Batch,
  { groups, first, taken }: Groups,
  names: readonly string[] = [...batch.columns.keys()],
): Batch {
  const rows = taken === undefined ? gatherBatch(context, batch, first, groups, false, names) : batchOf(groups, names, taken);
  first.release();
  return rows;
}

/**
 * The groups of the rows of one batch with equal values of the expressions; `mask`: bitmap of the rows that take part, null for all; `wanted`:
 * as `groupRows` has it.
 */
export async function groupBatch(
  context: QueryContext,
  batch: Batch,
  exprs: readonly Expr[],
  mask: DeviceBuffer | null,
  wanted: readonly Column[] = [],
): Promise<Groups> {
  const keys = await keysOfBatch(context, batch, exprs, "unique");
  const planes = hashKeys(context.device, keys.programs, batch.rows);
  keys.release();
  const groups = await groupRows(context.device, planes, mask, { wanted });
  planes.buffer.release();
  return groups;
}

async function mergeGroups(context: QueryContext, local: readonly LocalGroups[], keys: readonly NamedExpr[]): Promise<Grouping> {
  const schema: Schema = fieldsOf(keys);
  const all = await concatBatches(
    context,
    local.map((l) => l.keys),
    schema,
  );
  const exprs = schema.map((f) => column(f.name, f.dtype));
  const names = schema.map((f) => f.name);
  const found = await groupBatch(
    context,
    all,
    exprs,
    null,
    names.map((name) => columnOf(all, name)),
  );
  const { ids: table, groups } = found;
  const representatives = representativesOf(context, all, found, names);
  let base = 0;
  const batches = local.map(({ ids: groupOfRow, mask, keys: own }) => {
    const ids =
      groupOfRow === null
        ? context.device.alloc(Math.max(1, own.rows), "group ids")
        : remap(context.device, groupOfRow, table, base, groupOfRow.words);
    if (groupOfRow === null) context.device.copy(table, base, ids, 0, own.rows);
    else groupOfRow.release();
    base += own.rows;
    releaseBatch(own);
    return { ids, mask };
  });
  table.release();
  releaseBatch(all);
  return grouping(groups, representatives, batches);
}

const grouping = (groups: number, keys: Batch, batches: readonly GroupedBatch[]): Grouping => ({
  groups,
  keys,
  batches,
  release: () => {
    releaseBatch(keys);
    for (const { ids, mask } of batches) {
      ids.release();
      mask?.release();
    }
  },
});

/** u32 words as a column without nulls. */
export const wordColumn = (buffer: DeviceBuffer, length: number): Column => ({
  dtype: { kind: "UInt32" },
  length,
  buffer,
  validityOffset: null,
  dictionary: null,
});

/** A batch of one u32 column called `name`. */
export const wordBatch = (name: string, buffer: DeviceBuffer, length: number): Batch =>
  batchOf(length, [name], [wordColumn(buffer, length)]);
