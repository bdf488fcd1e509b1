/** CPU polars -> device: frames become batches of columns, strings and everything without a kernel become codes into a dictionary. */

import { availableParallelism } from "node:os";
import { InternalError } from "../errors.ts";
import type { Column } from "../gpu/column.ts";
import type { Device } from "../gpu/device.ts";
import type { Dictionary } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { physicalOf } from "../ir/dtype.ts";
import type { Schema } from "../ir/schema.ts";
import { exprFromDsl } from "../polars/composing.ts";
import type { NativeDataFrame, NativeLazyFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import type { HostColumn } from "./arrow-frames.ts";
import { useFrame } from "./arrow-frames.ts";
import type { FilledBatch } from "./column-fill.ts";
import { addBatch, type BatchRows, type ColumnFill, releaseFills, slicesOf } from "./column-fill.ts";
import { rename, select } from "./host-dictionary.ts";
import type { PhysicalFrame } from "./physical-frame.ts";
import { physicalFrame, plainExpr } from "./physical-frame.ts";
import { ScratchFolder, type ScratchSpace } from "./scratch-folder.ts";
import { frameSpace, streamFrame, streamPlan } from "./streamed-import.ts";

export interface ImportedBatch {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Column>;
}

export interface ImportOptions {
  /** Whether the columns of a plan may as well be read apart, by several runs at once: files of columns without a filter. Default false. */
  readonly separable?: boolean;
  /** Whether the plan gives the same rows each time, so that columns with dictionaries may be read by another run of it. Default `separable`. */
  readonly repeatable?: boolean;
  /** Frames of more bytes go to the device through files; default `STREAM_ABOVE`. */
  readonly streamAbove?: number;
  /** Where these files go; default: a folder of a memory file system, or of the system's temporary files. */
  readonly space?: ScratchSpace;
}

/**
 * Bytes above which data goes to the device through files, which other threads write and read. On two cores both ways are equally fast at 32
 * MiB; where there are more, this thread is what everything else waits for: half the time for partitions of 32 MiB on 16 cores.
 */
export const STREAM_ABOVE = availableParallelism() > 4 ? 1 << 22 : 1 << 25;
/** Chunks of fewer rows cost more than to copy them into one. */
const SMALL_CHUNK = 1 << 15;

/** The columns of `schema` in batches of `maxRows` rows; at least one batch. Owned by the caller. */
export async function importFrame(
  native: NativePolars,
  device: Device,
  frame: NativeDataFrame,
  schema: Schema,
  maxRows: BatchRows,
  { streamAbove = STREAM_ABOVE, space = frameSpace() }: ImportOptions = {},
): Promise<readonly ImportedBatch[]> {
  if (schema.length === 0) return slicesOf(frame.height, maxRows).map(({ length }) => ({ rows: length, columns: new Map() }));
  const physical = await physicalFrame(native, frame, schema);
  const large = frame.height > 0 && physical.frame.estimatedSize() > streamAbove;
  const streamed = large ? await streamFrame(native, device, physical, schema, maxRows, space) : null;
  const batches = streamed ?? (await copyFrame(native, device, physical, schema, maxRows));
  try {
    return finish(batches, schema, await physical.dictionaries());
  } catch (error) {
    releaseFills(batches);
    throw error;
  }
}

/**
 * The columns of `schema` of what `plan` gives, as `importFrame`. Plain values never are a frame on the host, unless their files fail, or the
 * plan also has columns that need a dictionary and is not `repeatable`: else those are read by another run of the plan, beside the first one.
 */
export async function importPlan(
  native: NativePolars,
  device: Device,
  plan: NativeLazyFrame,
  schema: Schema,
  maxRows: number,
  { space = new ScratchFolder(0), separable = false, repeatable = separable, ...options }: ImportOptions = {},
): Promise<readonly ImportedBatch[]> {
  const whole = async (fields: Schema) => importFrame(native, device, await collect(native, plan, fields), fields, maxRows, options);
  const coded = schema.filter(({ dtype }) => physicalOf(dtype) === "code");
  const plain = schema.filter(({ dtype }) => physicalOf(dtype) !== "code");
  if (plain.length === 0 || (coded.length > 0 && !repeatable)) return whole(schema);
  const exprs = plain.map(({ name, dtype }, i) => rename(plainExpr({ Column: name }, dtype), `c${i}`));
  const [values, codes] = await Promise.allSettled([
    streamPlan(native, device, plan, exprs, plain, maxRows, separable, space),
    coded.length === 0 ? [] : whole(coded),
  ]);
  const filled = values.status === "fulfilled" && values.value !== null ? values.value : [];
  const imported = codes.status === "fulfilled" ? codes.value : [];
  const streamed = finish(
    filled,
    plain,
    plain.map(() => null),
  );
  if (streamed.length > 0 && codes.status === "fulfilled" && (coded.length === 0 || sameRows(streamed, imported)))
    return streamed.map(({ rows, columns }, b) => ({ rows, columns: new Map([...columns, ...(imported[b]?.columns ?? [])]) }));
  for (const { columns } of [...streamed, ...imported]) for (const { buffer } of columns.values()) buffer.release();
  for (const result of [values, codes]) if (result.status === "rejected") throw result.reason;
  return whole(schema);
}

/** A single column of a frame. */
export async function importColumn(
  native: NativePolars,
  device: Device,
  frame: NativeDataFrame,
  name: string,
  dtype: DType,
): Promise<Column> {
  const [batch] = await importFrame(native, device, frame, [{ name, dtype }], Number.MAX_SAFE_INTEGER);
  const column = batch?.columns.get(name);
  if (column === undefined) throw new InternalError(`column ${JSON.stringify(name)} was not imported`);
  return column;
}

const collect = (native: NativePolars, plan: NativeLazyFrame, schema: Schema): Promise<NativeDataFrame> =>
  quietly(() => plan.select(schema.map(({ name }) => exprFromDsl(native, { Column: name }))).collect());

const sameRows = (a: readonly ImportedBatch[], b: readonly ImportedBatch[]): boolean =>
  a.length === b.length && a.every(({ rows }, i) => rows === b[i]?.rows);

const finish = (batches: readonly FilledBatch[], schema: Schema, dictionaries: readonly (Dictionary | null)[]): readonly ImportedBatch[] =>
  batches.map(({ rows, fills }) => ({
    rows,
    columns: new Map(
      schema.flatMap(({ name }, c) => {
        const fill = fills[c];
        return fill === undefined ? [] : [[name, fill.finish(dictionaries[c] ?? null)] as const];
      }),
    ),
  }));

/** The batches of a frame through memory of this process. */
async function copyFrame(
  native: NativePolars,
  device: Device,
  { frame, exprs }: PhysicalFrame,
  schema: Schema,
  maxRows: BatchRows,
): Promise<readonly FilledBatch[]> {
  const values = await select(native, frame, exprs);
  const batches: FilledBatch[] = [];
  try {
    for (const { offset, length } of slicesOf(values.height, maxRows)) {
      const part = quietly(() => {
        const slice = length === values.height ? values : values.slice(offset, length);
        return slice.nChunks() > 1 && length < slice.nChunks() * SMALL_CHUNK ? slice.rechunk() : slice;
      });
      useFrame(part, (chunks) => {
        const isNullable = (c: number): boolean => chunks.some((columns) => (columns[c]?.validity ?? null) !== null);
        copyChunks(chunks, addBatch(device, schema, length, isNullable, batches).fills);
      });
    }
    return batches;
  } catch (error) {
    releaseFills(batches);
    throw error;
  }
}

function copyChunks(chunks: readonly (readonly HostColumn[])[], fills: readonly ColumnFill[]): void {
  for (const [c, fill] of fills.entries()) {
    let row = 0;
    for (const columns of chunks) {
      const column = columns[c];
      if (column === undefined) throw new InternalError(`column ${c} was not exported`);
      const { rows, values, validity } = column;
      if (fill.valueBytes === 0) fill.placeBooleans(wordsOf(values), 0, row, rows);
      else fill.write(row, values.subarray(0, rows * fill.valueBytes));
      fill.placeValidity(validity === null ? null : wordsOf(validity), 0, row, rows);
      row += rows;
    }
    if (row !== fill.rows) throw new InternalError(`${row} of ${fill.rows} rows were exported`);
  }
}

/** Whole words with at least these bytes. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const words = new Uint32Array(Math.ceil(bytes.byteLength / 4));
  new Uint8Array(words.buffer).set(bytes);
  return words;
}
