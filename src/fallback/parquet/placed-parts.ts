/** Which parts of which column chunks the rows of a part of Parquet files are in. */

import type { FileHandle } from "node:fs/promises";
import type { ColumnFill } from "../column-fill.ts";
import type { ChunkPart } from "./column-chunk.ts";
import type { ParquetColumn } from "./columns.ts";
import { type PartOfFiles, rowsOfPart } from "./files.ts";
import type { ChunkTexts } from "./texts.ts";

/** A part of a chunk, in a file that is open. */
export interface PlacedPart extends ChunkPart {
  readonly handle: FileHandle;
  /** The row of the column that its first one becomes. */
  readonly row: number;
}

/** A column on its way to the device, and where its rows come from. */
export interface ColumnParts {
  readonly fill: ColumnFill;
  readonly parts: readonly PlacedPart[];
}

/** The parts of a column, a chunk each, in the order of its rows. `columns`: the same one in each file. */
export function placedParts(
  part: PartOfFiles,
  files: readonly FileHandle[],
  columns: readonly ParquetColumn[],
  texts: ChunkTexts | null,
): readonly PlacedPart[] {
  const from = part.rows?.offset ?? 0;
  const to = from + rowsOfPart(part);
  const parts: PlacedPart[] = [];
  let first = 0;
  for (const [f, { chunks }] of columns.entries()) {
    const handle = files[f];
    for (const chunk of chunks) {
      const skip = Math.max(0, from - first);
      const count = Math.min(chunk.rows, to - first) - skip;
      if (count > 0 && handle !== undefined)
        parts.push({ handle, chunk, skip, count, firstCode: texts?.firstCodes.get(chunk) ?? 0, row: first + skip - from });
      first += chunk.rows;
    }
  }
  return parts;
}
