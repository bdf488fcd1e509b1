/** How the rows of one partition are split over others: by the hash of their keys, by ranges of ordered keys, by where they came from. */

import { InternalError } from "../../errors.ts";
import { encodeEquality, encodeOrder, type KeyPlanes } from "../../gpu/kernels/keys.ts";
import { hashPartitions, rangePartitions } from "../../gpu/kernels/partition.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr, SortKey } from "../../ir/expr.ts";
import { call, column, LOOKUP_COLUMN, literal, lookup, named } from "../../ir/expr.ts";
import { fieldsOf } from "../../ir/projection.ts";
import type { Schema } from "../../ir/schema.ts";
import { compileKeys, joinedBatches, keysOfBatch, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns, gatherBatch, projectBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { columnOf, releaseBatch, releaseTable } from "../table.ts";
import { distinct } from "./distinct.ts";
import { wordBatch } from "./group.ts";
import { type Places, placeOfOrigin } from "./origin.ts";
import { splitRows, withNullability } from "./partition.ts";
import { sort } from "./sort.ts";

const U32: DType = { kind: "UInt32" };
const U64: DType = { kind: "UInt64" };
/** Rows that are sampled of each partition: together many times as many as there are ranges. */
const SAMPLES = 64;

/** Polars' hash of a value, for seeds that never change. */
const HASH = `{"Function":{"input":[{"Column":${JSON.stringify(LOOKUP_COLUMN)}}],"function":{"Hash":[0,0,0,0]}}}`;

/** Codes differ from partition to partition: what they stand for is hashed instead. */
const hashable = (key: Expr): Expr => {
  if (key.dtype.kind === "Null") return literal(0n, U32);
  return physicalOf(key.dtype) === "code" ? lookup(HASH, key, U64) : key;
};

/** Batches in parts as one table for each part. */
const tablesOf = (schema: Schema, parts: readonly (readonly Batch[])[], count: number): readonly Table[] =>
  Array.from({ length: count }, (_, p) => ({ schema, batches: parts.flatMap((split) => split[p] ?? []) }));

/** Rows of equal keys go to the same one of `count` partitions, whichever table they are in; rows of a partition keep their order. */
export async function splitByHash(context: QueryContext, table: Table, keys: readonly Expr[], count: number): Promise<readonly Table[]> {
  const parts: (readonly Batch[])[] = [];
  for (const batch of table.batches) {
    const compiled = await keysOfBatch(context, batch, keys.map(hashable), "unique");
    const planes = encodeEquality(context.device, compiled.programs, batch.rows);
    compiled.release();
    const ids = hashPartitions(context.device, planes, count);
    planes.buffer.release();
    parts.push(await splitRows(context, batch, ids, count));
    ids.release();
  }
  return tablesOf(table.schema, parts, count);
}

/** Rows go back to where they came from; those without an origin, to the last of `count` partitions. */
export async function splitByOrigin(context: QueryContext, table: Table, places: Places, count: number): Promise<readonly Table[]> {
  const parts: (readonly Batch[])[] = [];
  for (const batch of table.batches) {
    const [ids] = await computeColumns(context, batch, [placeOfOrigin(places, count - 1)]);
    if (ids === undefined) throw new InternalError("no partition was computed");
    parts.push(await splitRows(context, batch, ids.buffer, count));
    ids.buffer.release();
  }
  return tablesOf(table.schema, parts, count);
}

const keyName = (k: number): string => `\u0001key ${k}`;
const keysOf = (by: readonly SortKey[]) => by.map((key, k) => named(keyName(k), key.expr));
const overKeys = (by: readonly SortKey[]): readonly SortKey[] => by.map((key, k) => ({ ...key, expr: column(keyName(k), key.expr.dtype) }));

/** Schema of what is sampled for a sort. */
export const sampleSchema = (by: readonly SortKey[]): Schema => fieldsOf(keysOf(by));

/** The sort keys of rows at even steps; at least one row of a table that has any. */
export async function sampleKeys(context: QueryContext, table: Table, by: readonly SortKey[]): Promise<Table> {
  const rows = table.batches.reduce((n, b) => n + b.rows, 0);
  const step = Math.max(1, Math.floor(rows / SAMPLES));
  const batches: Batch[] = [];
  for (const batch of table.batches) {
    const numbers = Uint32Array.from({ length: Math.ceil(batch.rows / step) }, (_, i) => i * step);
    const at = context.device.alloc(numbers.length, "sample rows");
    if (numbers.length > 0) context.device.write(at, 0, numbers);
    const sampled = gatherBatch(context, batch, at, numbers.length, false);
    at.release();
    batches.push(await projectBatch(context, sampled, keysOf(by)));
    releaseBatch(sampled);
  }
  const schema = sampleSchema(by);
  return { schema, batches: [await joinedBatches(context, batches, schema)] };
}

/** At most `ranges - 1` different keys that cut the sampled rows into parts of similar size, ascending. */
export async function splitPoints(context: QueryContext, samples: Table, by: readonly SortKey[], ranges: number): Promise<Table> {
  const schema = sampleSchema(by);
  const sorted = await sort(context, { by: overKeys(by), limit: null, schema }, samples);
  const all = await singleBatch(context, sorted);
  releaseTable(sorted);
  const numbers = Uint32Array.from({ length: all.rows === 0 ? 0 : ranges - 1 }, (_, i) => Math.floor(((i + 1) * all.rows) / ranges));
  const at = context.device.alloc(numbers.length, "split rows");
  if (numbers.length > 0) context.device.write(at, 0, numbers);
  const chosen: Table = { schema, batches: [gatherBatch(context, all, at, numbers.length, false)] };
  at.release();
  releaseBatch(all);
  const different = await distinct(context, { subset: schema.map((f) => f.name), keep: "first", schema }, chosen);
  releaseTable(chosen);
  return different;
}

/** Rows below the first split point go to partition 0, those from split point i - 1 on to partition i; equal keys share one. */
export async function splitByRange(
  context: QueryContext,
  table: Table,
  splits: Table,
  by: readonly SortKey[],
  count: number,
): Promise<readonly Table[]> {
  const { device } = context;
  const points = await singleBatch(context, splits);
  const sides = [
    { batches: table.batches, exprs: by.map((k) => k.expr) },
    { batches: [points], exprs: overKeys(by).map((k) => k.expr) },
  ];
  const [own = [], ofPoints = []] = await compileKeys(context, sides, () => "sorted");
  const nullable = by.map((_, k) => [...own, ...ofPoints].some((c) => c.outputs[k]?.nullable === true));
  const [pointKeys] = ofPoints;
  if (pointKeys === undefined) throw new InternalError("the split points were not compiled");
  const pointPlanes = encodeOrder(device, withNullability(pointKeys.programs, nullable), points.rows, by);
  pointKeys.release();
  const bounds = await rowMajor(context, pointPlanes);
  const parts: (readonly Batch[])[] = [];
  for (const [b, batch] of table.batches.entries()) {
    const keys = own[b];
    if (keys === undefined) throw new InternalError("the sort keys were not compiled");
    const planes = encodeOrder(device, withNullability(keys.programs, nullable), batch.rows, by);
    keys.release();
    const places = rangePartitions(device, planes, bounds, points.rows);
    planes.buffer.release();
    const numbered = wordBatch("place", places, batch.rows);
    const [ids] = await computeColumns(context, numbered, [
      call("floor_div", [call("add", [column("place", U32), literal(1n, U32)], U32), literal(2n, U32)], U32),
    ]);
    columnOf(numbered, "place").buffer.release();
    if (ids === undefined) throw new InternalError("no range was computed");
    parts.push(await splitRows(context, batch, ids.buffer, count));
    ids.buffer.release();
  }
  bounds.release();
  releaseBatch(points);
  return tablesOf(table.schema, parts, count);
}

/** The words of each key behind one another; takes the planes over. */
async function rowMajor({ device }: QueryContext, { buffer, planes, rows, stride }: KeyPlanes) {
  const words =
    rows === 0 ? [] : await device.readMany(Array.from({ length: planes }, (_, p) => ({ buffer, word: p * stride, words: rows })));
  buffer.release();
  const flat = new Uint32Array(Math.max(4, rows * planes));
  words.forEach((plane, p) => {
    plane.forEach((word, row) => {
      flat[row * planes + p] = word;
    });
  });
  const target = device.alloc(flat.length, "split points");
  device.write(target, 0, flat);
  return target;
}
