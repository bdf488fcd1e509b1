/** How sources are cut into partitions: frames by rows, Parquet files by row groups, other files by rows once they are read. */

import { storageOf, WORDS } from "../ir/dtype.ts";
import type { Schema } from "../ir/schema.ts";

/** How large partitions may be. */
export interface PartitionSize {
  /** Rows that one binding of the device holds, and the memory limit leaves room for, of a frame with these columns. */
  bound(schema: Schema): number;
  /** Most rows of a partition of a frame; null: as many as `bound` says. */
  readonly frameRows: number | null;
  /** Bytes that a partition of a file should have on the device; null: as many as `bound` says. */
  readonly fileBytes: number | null;
}

/** Bytes of a row on the device, nulls included. */
export const rowBytes = (schema: Schema): number =>
  Math.max(
    1,
    schema.reduce((n, f) => n + 4 * WORDS[storageOf(f.dtype)] + 1 / 8, 0),
  );

export const rowsOfFrames = (size: PartitionSize, schema: Schema): number =>
  Math.max(1, Math.min(size.bound(schema), size.frameRows ?? Number.POSITIVE_INFINITY));

export const rowsOfFiles = (size: PartitionSize, schema: Schema): number =>
  Math.max(
    1,
    Math.min(size.bound(schema), size.fileBytes === null ? Number.POSITIVE_INFINITY : Math.floor(size.fileBytes / rowBytes(schema))),
  );

/** By how many times more rows may be left of a partition than its predicate is expected to leave. */
const MORE_LEFT = 1.25;

/** Rows of a file that are read for a partition of `rows` rows where about the share `left` of them is left. */
export const rowsToRead = (rows: number, left: number): number => Math.floor(rows / Math.min(1, MORE_LEFT * left));

export interface Rows {
  readonly offset: number;
  readonly length: number;
}

/**
 * Neighbouring row groups together while they fit `maxRows`; larger ones are cut. Files are not torn apart that fit: a predicate skips what
 * it can of whole files. `files`: rows of the row groups of each. At least one range.
 */
export function rowGroupRanges(files: readonly (readonly number[])[], maxRows: number): readonly Rows[] {
  const ranges: Rows[] = [];
  let offset = 0;
  let length = 0;
  const close = (): void => {
    if (length > 0) ranges.push({ offset, length });
    offset += length;
    length = 0;
  };
  for (const groups of files) {
    const rows = groups.reduce((n, group) => n + group, 0);
    if (rows <= maxRows && length + rows > maxRows) close();
    for (const group of groups) {
      if (length + group > maxRows) close();
      for (length += group; length > maxRows; ) {
        const rest = length - maxRows;
        length = maxRows;
        close();
        length = rest;
      }
    }
  }
  close();
  return ranges.length === 0 ? [{ offset: 0, length: 0 }] : ranges;
}

/** The part of `ranges` that a slice leaves; at least one range. */
export function slicedRanges(ranges: readonly Rows[], slice: Rows | null): readonly Rows[] {
  if (slice === null) return ranges;
  const left = ranges.flatMap(({ offset, length }) => {
    const from = Math.max(offset, slice.offset);
    const to = Math.min(offset + length, slice.offset + slice.length);
    return to > from ? [{ offset: from, length: to - from }] : [];
  });
  return left.length === 0 ? [{ offset: slice.offset, length: 0 }] : left;
}
