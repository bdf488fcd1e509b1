/** Splits tables that are too large for one binding into partitions that fit: by hash for joins and distinct, by range for sorts. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import { GroupAccumulator } from "../../gpu/kernels/aggregate.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import type { KeyOrder, KeyPlanes } from "../../gpu/kernels/keys.ts";
import { encodeEquality, encodeOrder } from "../../gpu/kernels/keys.ts";
import { hashPartitions, rangePartitions } from "../../gpu/kernels/partition.ts";
import { sortById } from "../../gpu/kernels/radix-sort.ts";
import type { RowProgram } from "../../gpu/row-program.ts";
import { columnsProgram } from "../../gpu/row-program.ts";
import { physicalOf, storageOf, WORDS } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import type { Schema } from "../../ir/schema.ts";
import type { KeySide } from "../codes.ts";
import { compileKeys } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { gatherBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch, retainBatch } from "../table.ts";
import { wordColumn } from "./group.ts";
import { sliceBatch } from "./slice.ts";

/** Words that hashing needs for each row: a table of up to four words beside the key planes and the payload. */
const TABLE_WORDS = 4;
/** Rows that are sampled for each partition of a sort. */
const SAMPLES = 64;

/** Key words of a row: its values, and a word for nulls. */
const keyWords = (exprs: readonly Expr[]): number =>
  exprs.reduce((n, e) => n + 1 + (physicalOf(e.dtype) === "code" ? 1 : Math.ceil(WORDS[storageOf(e.dtype)])), 0);

/** Rows of the schema that one binding holds together with their keys. */
export function rowsThatFit(context: QueryContext, schema: Schema, keys: readonly Expr[]): number {
  const widest = Math.max(1, ...schema.map((f) => WORDS[storageOf(f.dtype)] + 1 / 16));
  return Math.floor(context.device.limits.bindingBytes / 4 / Math.max(widest, TABLE_WORDS, keyWords(keys)));
}

/** The rows of each side by the hash of their keys: `result[s][p]` has the rows of side s in partition p, in their order. */
export async function partitionByHash(
  context: QueryContext,
  sides: readonly KeySide[],
  partitions: number,
): Promise<readonly (readonly Batch[])[][]> {
  const compiled = await compileKeys(context, sides, () => "unique");
  const result: Batch[][][] = [];
  for (const [s, side] of sides.entries()) {
    const split: Batch[][] = Array.from({ length: partitions }, () => []);
    for (const [b, batch] of side.batches.entries()) {
      const keys = compiled[s]?.[b];
      if (keys === undefined) throw new InternalError("the partition keys were not compiled");
      const planes = encodeEquality(context.device, keys.programs, batch.rows);
      keys.release();
      const ids = hashPartitions(context.device, planes, partitions);
      planes.buffer.release();
      const parts = await splitRows(context, batch, ids, partitions);
      for (const [p, part] of parts.entries()) split[p]?.push(part);
      ids.release();
    }
    result.push(split);
  }
  return result;
}

/** The rows of each partition, in their order: one sort by partition, one gather, one round trip. The caller owns the batches. */
export async function splitRows(context: QueryContext, batch: Batch, ids: DeviceBuffer, partitions: number): Promise<readonly Batch[]> {
  const { device } = context;
  if (partitions === 1 || batch.rows === 0)
    return Array.from({ length: partitions }, (_, p) => (p === 0 ? retainBatch(batch) : sliceBatch(context, batch, 0, 0)));
  const counter = new GroupAccumulator(device, [{ kind: "len", input: -1 }], [], partitions);
  counter.accumulate(columnsProgram([]), batch.rows, ids, null, 0);
  const [lengths] = counter.finish();
  counter.release();
  if (lengths === undefined) throw new InternalError("the rows of partitions were not counted");
  const order = sortById(device, ids, batch.rows, partitions);
  const sorted = gatherBatch(context, batch, order, batch.rows, false);
  order.release();
  const counts = await device.read(lengths.buffer, 0, partitions);
  lengths.buffer.release();
  const empty = sliceBatch(context, sorted, 0, 0);
  let from = 0;
  const split = Array.from(counts, (count) => {
    const own = count === 0 ? retainBatch(empty) : sliceBatch(context, sorted, from, count);
    from += count;
    return own;
  });
  releaseBatch(empty);
  releaseBatch(sorted);
  return split;
}

export interface Range {
  readonly batches: readonly Batch[];
  /** All rows have equal keys: they are in order already. */
  readonly equal: boolean;
}

/** The rows of the table in ranges of ascending keys; rows of one range keep their order. The ranges belong to the caller. */
export async function partitionByRange(
  context: QueryContext,
  table: Table,
  exprs: readonly Expr[],
  order: readonly KeyOrder[],
  ranges: number,
): Promise<readonly Range[]> {
  const [compiled = []] = await compileKeys(context, [{ batches: table.batches, exprs }], () => "sorted");
  const nullable = exprs.map((_, k) => compiled.some((c) => c.outputs[k]?.nullable === true));
  const planes: KeyPlanes[] = [];
  for (const [b, batch] of table.batches.entries()) {
    const keys = compiled[b];
    if (keys === undefined) throw new InternalError("the sort keys were not compiled");
    planes.push(encodeOrder(context.device, withNullability(keys.programs, nullable), batch.rows, order));
    keys.release();
  }
  const splits = await splitPoints(context, planes, ranges);
  const words = planes[0]?.planes ?? 1;
  const count = splits.length / words;
  const buffer = context.device.alloc(Math.max(4, splits.length), "split points");
  context.device.write(buffer, 0, splits);
  const split: Batch[][] = Array.from({ length: 2 * count + 1 }, () => []);
  for (const [b, batch] of table.batches.entries()) {
    const own = planes[b];
    if (own === undefined) continue;
    const ids = rangePartitions(context.device, own, buffer, count);
    own.buffer.release();
    const parts = await splitRows(context, batch, ids, 2 * count + 1);
    for (const [p, part] of parts.entries()) split[p]?.push(part);
    ids.release();
  }
  buffer.release();
  return split.map((batches, p) => ({ batches, equal: p % 2 === 1 }));
}

/** The programs as if their outputs were nullable where told, so that the key planes of all batches are laid out alike. */
export function withNullability(programs: readonly RowProgram[], nullable: readonly boolean[]): readonly RowProgram[] {
  let first = 0;
  return programs.map((program) => {
    const own = nullable.slice(first, first + program.outputs.length);
    first += own.length;
    return {
      ...program,
      key: `${program.key}|${own.join(",")}`,
      outputs: program.outputs.map((o, k) => ({ ...o, nullable: own[k] ?? o.nullable })),
    };
  });
}

/** Distinct keys at even steps through a sample of all batches, ascending, `planes` words each. */
async function splitPoints(context: QueryContext, planes: readonly KeyPlanes[], ranges: number): Promise<Uint32Array> {
  const total = planes.reduce((n, p) => n + p.rows, 0);
  const step = Math.max(1, Math.floor(total / (ranges * SAMPLES)));
  const samples: Uint32Array[] = [];
  for (const keys of planes) samples.push(...(await sampleOf(context, keys, step)));
  samples.sort((a, b) => compareWords(a, b));
  const points: Uint32Array[] = [];
  for (let i = 1; i < ranges; i++) {
    const point = samples[Math.floor((i * samples.length) / ranges)];
    const last = points.at(-1);
    if (point !== undefined && (last === undefined || compareWords(last, point) !== 0)) points.push(point);
  }
  const width = planes[0]?.planes ?? 1;
  const flat = new Uint32Array(points.length * width);
  points.forEach((point, i) => {
    flat.set(point, i * width);
  });
  return flat;
}

/** Every `step`-th key of a batch. */
async function sampleOf(context: QueryContext, keys: KeyPlanes, step: number): Promise<readonly Uint32Array[]> {
  const { device } = context;
  const numbers = Uint32Array.from({ length: Math.ceil(keys.rows / step) }, (_, i) => i * step);
  if (numbers.length === 0) return [];
  const rows = device.alloc(numbers.length, "sample rows");
  device.write(rows, 0, numbers);
  const sampled = Array.from({ length: keys.planes }, (_, p) => {
    const plane = device.alloc(keys.rows, "sampled plane");
    device.copy(keys.buffer, p * keys.stride, plane, 0, keys.rows);
    const [words] = gather(device, [wordColumn(plane, keys.rows)], rows, numbers.length, false);
    plane.release();
    if (words === undefined) throw new InternalError("gather gave no column");
    return words.buffer;
  });
  rows.release();
  const read = await device.readMany(sampled.map((buffer) => ({ buffer, word: 0, words: numbers.length })));
  for (const buffer of sampled) buffer.release();
  return Array.from(numbers, (_, i) => Uint32Array.from(read, (words) => words[i] ?? 0));
}

function compareWords(a: Uint32Array, b: Uint32Array): number {
  for (let i = 0; i < a.length; i++) {
    const [x = 0, y = 0] = [a[i], b[i]];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
