/** Columns of Parquet files to the device without CPU polars: decoded on threads of our own, read straight into memory that the GPU reads. */

import { type FileHandle, open } from "node:fs/promises";
import type { Device } from "../../gpu/device.ts";
import type { Schema } from "../../ir/schema.ts";
import type { NativePolars } from "../../polars/native.ts";
import { addBatch, type ColumnFill, type FilledBatch, releaseFills } from "../column-fill.ts";
import type { ImportedBatch } from "../import.ts";
import { inLanes } from "../parallel.ts";
import { readSpan } from "../read-span.ts";
import type { ParquetColumn } from "./columns.ts";
import { DECODERS, decodedValues } from "./decode-pool.ts";
import type { FilePart } from "./decoding.ts";
import { type ParquetFile, type PartOfFiles, rowsOfPart } from "./files.ts";
import { SLOT_BYTES, type Slots, withSlots } from "./scratch.ts";
import { type ChunkTexts, readTexts } from "./texts.ts";

/** Pieces that are decoded or on their way to the device. */
const PIECES = 2 * DECODERS;

interface Piece {
  readonly fill: ColumnFill;
  readonly parts: FilePart[];
  readonly row: number;
  rows: number;
}

/**
 * The rows of the part as one batch of `schema`, all of whose columns are `decodable`. Null where a file is not as its footer says, or holds what
 * cannot be decoded here: CPU polars may still read it.
 * @throws OutOfDeviceMemoryError, DeviceError
 */
export async function importDecoded(
  native: NativePolars,
  device: Device,
  part: PartOfFiles,
  schema: Schema,
): Promise<ImportedBatch | null> {
  const batches: FilledBatch[] = [];
  const files: FileHandle[] = [];
  try {
    for (const { path } of part.files) files.push(await open(path, "r"));
    const columns = schema.map(({ name }) => part.files.map((file) => columnOf(file, name)));
    const texts = await Promise.all(columns.map((own) => readTexts(native, own, files)));
    const mayBeNull = (c: number): boolean => columns[c]?.some((column) => column.mayBeNull) === true;
    const { rows, fills } = addBatch(device, schema, rowsOfPart(part), mayBeNull, batches);
    const pieces = fills.flatMap((fill, c) => piecesOf(part, files, columns[c] ?? [], texts[c] ?? null, fill));
    // Those of the same rows are near one another in the files.
    pieces.sort((a, b) => a.row - b.row);
    await withSlots(PIECES, (slots) => inLanes(PIECES, pieces, (piece) => moved(piece, slots)));
    return { rows, columns: new Map(fills.map((fill, c) => [schema[c]?.name ?? "", fill.finish(texts[c]?.dictionary ?? null)])) };
  } catch (error) {
    releaseFills(batches);
    if (error instanceof RangeError || isFileError(error)) return null;
    throw error;
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

const isFileError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

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

const columnOf = (file: ParquetFile, name: string): ParquetColumn => {
  const column = file.decodable.get(name);
  if (column === undefined) throw new RangeError(`the column ${JSON.stringify(name)} cannot be decoded`);
  return column;
};

/** Parts of row groups that fit a slot, neighbouring ones together. `columns`: the same one in each file. */
function piecesOf(
  part: PartOfFiles,
  files: readonly FileHandle[],
  columns: readonly ParquetColumn[],
  texts: ChunkTexts | null,
  fill: ColumnFill,
): readonly Piece[] {
  const from = part.rows?.offset ?? 0;
  const to = from + rowsOfPart(part);
  const fit = SLOT_BYTES / fill.valueBytes;
  const pieces: Piece[] = [];
  let first = 0;
  for (const [f, { chunks }] of columns.entries()) {
    for (const chunk of chunks) {
      const end = Math.min(chunk.rows, to - first);
      for (let skip = Math.max(0, from - first); skip < end; ) {
        const last = pieces.at(-1);
        const isFull = last === undefined || last.rows + Math.min(end - skip, fit) > fit;
        const count = Math.min(end - skip, fit);
        const own = { file: files[f]?.fd ?? -1, chunk, skip, count, firstCode: texts?.firstCodes.get(chunk) ?? 0 };
        if (isFull) pieces.push({ fill, parts: [own], row: first + skip - from, rows: count });
        else {
          last.parts.push(own);
          last.rows += count;
        }
        skip += count;
      }
      first += chunk.rows;
    }
  }
  return pieces;
}
