/** Large data from CPU polars to the device through files in memory: written, read and uploaded at the same time, a few files at once. */

import { availableParallelism } from "node:os";
import { DeviceError, InternalError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import type { Schema } from "../ir/schema.ts";
import type { DslExpr } from "../polars/dsl.ts";
import type { NativeLazyFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import type { BatchRows, FilledBatch } from "./column-fill.ts";
import { addBatch, releaseFills, slicesOf } from "./column-fill.ts";
import { inLanes } from "./parallel.ts";
import type { PhysicalFrame } from "./physical-frame.ts";
import { nullCounts } from "./physical-frame.ts";
import { ScratchFolder, type ScratchSpace } from "./scratch-folder.ts";
import { StreamedFile, type Window } from "./streamed-file.ts";

/** Bytes of one file of a frame, at most: large pieces for each column, little memory. */
const FILE_BYTES = 1 << 26;
/** Smaller files are not worth their overhead, even to have one for each writer. */
const SMALL_FILE_BYTES = 1 << 24;
/** Files that are written at once: each has one writer, on a thread of polars. */
const FILES = Math.max(2, Math.min(8, Math.floor(availableParallelism() / 2)));
/** Reads that are in flight at once, over all files. */
const READS = 16;
/** Rows of a file are a multiple of this, so that its bitmaps start at whole words. */
const ROWS_STEP = 1024;

/** Where files go by default: what a frame's files hold at once. */
export const frameSpace = (): ScratchSpace => new ScratchFolder(FILES * FILE_BYTES);

/** Failures of files, and what polars throws, leave the data as it was: it can be had in another way. */
const isOurs = (error: unknown): boolean => error instanceof DeviceError || error instanceof InternalError;

/** What `work` gives, or null when its files failed; its batches are given back when it fails, and its files in any case. */
async function attempt(space: ScratchSpace, work: (batches: FilledBatch[]) => Promise<void>): Promise<readonly FilledBatch[] | null> {
  const batches: FilledBatch[] = [];
  try {
    await work(batches);
    return batches;
  } catch (error) {
    releaseFills(batches);
    if (isOurs(error)) throw error;
    return null;
  } finally {
    space.remove();
  }
}

const pathIn = (space: ScratchSpace): string => {
  const path = space.path();
  if (path === null) throw new Error("no room for files on their way to the device");
  return path;
};

/**
 * The frame's rows in batches of `maxRows` rows, at least one. Null when its files could not be written or read.
 * @throws OutOfDeviceMemoryError, DeviceError
 */
export function streamFrame(
  native: NativePolars,
  device: Device,
  { frame, exprs }: Pick<PhysicalFrame, "frame" | "exprs">,
  schema: Schema,
  maxRows: BatchRows,
  space: ScratchSpace,
): Promise<readonly FilledBatch[] | null> {
  return attempt(space, async (batches) => {
    const files: { readonly offset: number; readonly window: Window }[] = [];
    for (const { offset, length } of slicesOf(frame.height, maxRows)) {
      const nulls = await nullCounts(
        native,
        quietly(() => frame.slice(offset, length)),
      );
      const { fills } = addBatch(device, schema, length, (c) => nulls[c] !== 0, batches);
      const rowBytes = fills.reduce((sum, { valueBytes }) => sum + valueBytes + 0.125, 0);
      const fileBytes = Math.min(FILE_BYTES, Math.max(SMALL_FILE_BYTES, (rowBytes * frame.height) / FILES));
      const step = Math.max(1, Math.ceil(fileBytes / rowBytes / ROWS_STEP)) * ROWS_STEP;
      for (const part of slicesOf(length, step))
        files.push({ offset: offset + part.offset, window: { from: 0, rows: part.length, fills, row: part.offset } });
    }
    await inLanes(FILES, files, async ({ offset, window }) => {
      const rows = quietly(() => frame.slice(offset, window.rows).lazy());
      const file = await StreamedFile.write(native, rows, exprs, pathIn(space));
      try {
        if (file.rows !== window.rows) throw new Error(`a file holds ${file.rows} rows instead of ${window.rows}`);
        await file.fill([window], Math.max(2, Math.ceil(READS / FILES)));
      } finally {
        await file.close();
      }
    });
  });
}

/**
 * The rows that `plan` gives, `exprs` of them, in batches of at most `maxRows`, at least one; no frame of them ever exists on the host.
 * `separable`: the columns of the plan may as well be read apart, by several runs of it at once. Null when the plan, or a file, failed.
 * @throws OutOfDeviceMemoryError, DeviceError
 */
export function streamPlan(
  native: NativePolars,
  device: Device,
  plan: NativeLazyFrame,
  exprs: readonly DslExpr[],
  schema: Schema,
  maxRows: number,
  separable: boolean,
  space: ScratchSpace,
): Promise<readonly FilledBatch[] | null> {
  const count = separable ? Math.min(FILES, exprs.length) : 1;
  /** Column c is in file c % count. */
  const groups = Array.from({ length: count }, (_, g) => exprs.filter((_, c) => c % count === g));
  return attempt(space, async (batches) => {
    const files = new Map<number, StreamedFile>();
    try {
      await inLanes(count, [...groups.entries()], async ([g, columns]) => {
        files.set(g, await StreamedFile.write(native, plan, columns, pathIn(space)));
      });
      const rows = files.get(0)?.rows ?? 0;
      if ([...files.values()].some((file) => file.rows !== rows)) throw new Error("the plan gives now more rows, now fewer");
      const isNullable = (offset: number, length: number) => (c: number) =>
        hasNulls(files.get(c % count), Math.floor(c / count), offset, length);
      for (const { offset, length } of slicesOf(rows, maxRows)) addBatch(device, schema, length, isNullable(offset, length), batches);
      await inLanes(count, [...files], ([g, file]) => file.fill(windowsOf(batches, g, count), Math.ceil(READS / count)));
    } finally {
      await Promise.all([...files.values()].map((file) => file.close()));
    }
  });
}

/** Where the rows of file `g` of `count` belong. */
function windowsOf(batches: readonly FilledBatch[], g: number, count: number): readonly Window[] {
  let from = 0;
  return batches.map(({ rows, fills }) => {
    const window: Window = { from, rows, fills: fills.filter((_, c) => c % count === g), row: 0 };
    from += rows;
    return window;
  });
}

/** Whether column `c` of the file has nulls in one of the chunks that these rows are part of. */
function hasNulls(file: StreamedFile | undefined, c: number, offset: number, length: number): boolean {
  let first = 0;
  for (const { rows, columns } of file?.chunks ?? []) {
    if (first < offset + length && first + rows > offset && (columns[c]?.validity ?? null) !== null) return true;
    first += rows;
  }
  return false;
}
