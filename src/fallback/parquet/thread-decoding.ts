/** Columns of Parquet files that are decoded on threads of our own, and read straight into memory that the GPU reads. */

import type { ColumnFill } from "../column-fill.ts";
import { inLanes } from "../parallel.ts";
import { readSpan } from "../read-span.ts";
import { DECODERS, decodedValues } from "./decode-pool.ts";
import type { FilePart } from "./decoding.ts";
import type { ColumnParts } from "./placed-parts.ts";
import { SLOT_BYTES, type Slots, withSlots } from "./scratch.ts";

/** Pieces that are decoded or on their way to the device. */
const PIECES = 2 * DECODERS;

interface Piece {
  readonly fill: ColumnFill;
  readonly parts: FilePart[];
  readonly row: number;
  rows: number;
}

/** Decodes the values and the validity of all rows of the columns. @throws RangeError for what cannot be decoded here. */
export async function decodeOnThreads(columns: readonly ColumnParts[]): Promise<void> {
  const pieces = columns.flatMap(piecesOf);
  if (pieces.length === 0) return;
  // Those of the same rows are near one another in the files.
  pieces.sort((a, b) => a.row - b.row);
  await withSlots(PIECES, (slots) => inLanes(PIECES, pieces, (piece) => moved(piece, slots)));
}

/** Parts of row groups that fit a slot, neighbouring ones together. */
function piecesOf({ fill, parts }: ColumnParts): readonly Piece[] {
  const fit = SLOT_BYTES / fill.valueBytes;
  const pieces: Piece[] = [];
  for (const { handle, row, skip, count, ...chunk } of parts) {
    for (let done = 0; done < count; ) {
      const rows = Math.min(count - done, fit);
      const part = { ...chunk, file: handle.fd, skip: skip + done, count: rows };
      const last = pieces.at(-1);
      if (last === undefined || last.rows + rows > fit) pieces.push({ fill, parts: [part], row: row + done, rows });
      else {
        last.parts.push(part);
        last.rows += rows;
      }
      done += rows;
    }
  }
  return pieces;
}

async function moved({ fill, parts, row, rows }: Piece, slots: Slots): Promise<void> {
  const slot = await slots.take();
  try {
    const words = fill.valueBytes === 4 ? 1 : 2;
    const { valid } = await decodedValues({ kind: "values", parts, rows, words, into: slot.fd });
    if (valid !== null && !fill.isNullable) throw new RangeError("a column has nulls where its footer says that it has none");
    fill.placeValidity(valid, 0, row, rows);
    await fill.writeFrom(row, rows * fill.valueBytes, (target) => readSpan(slot, { at: 0, bytes: target.byteLength }, target));
  } finally {
    slots.give(slot);
  }
}
