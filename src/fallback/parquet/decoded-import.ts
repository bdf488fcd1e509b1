/** Columns of Parquet files to the device without CPU polars: decoded on threads of our own, read from memory straight into memory that the GPU reads. */

import { unlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Device } from "../../gpu/device.ts";
import type { Schema } from "../../ir/schema.ts";
import { addBatch, type ColumnFill, type FilledBatch, releaseFills } from "../column-fill.ts";
import type { ImportedBatch } from "../import.ts";
import { inLanes } from "../parallel.ts";
import { ScratchFolder } from "../scratch-folder.ts";
import { isStoredAs, type ParquetColumn } from "./columns.ts";
import { DECODERS, decoded } from "./decode-pool.ts";
import type { FilePart } from "./decoding.ts";
import { type ParquetFile, type PartOfFiles, rowsOfPart } from "./files.ts";

/** Bytes of a piece, if row groups are not larger: what one thread decodes and one upload takes. */
const PIECE = 1 << 23;
/** Pieces that are decoded or on their way to the device. */
const PIECES = 2 * DECODERS;

/** Columns that are stored in every file as they are on the device. */
export const decodable = (files: readonly ParquetFile[], schema: Schema): Schema =>
  schema.filter(({ name, dtype }) =>
    files.every(({ decodable: columns }) => {
      const column = columns.get(name);
      return column !== undefined && isStoredAs(dtype, column.element);
    }),
  );

interface Piece {
  readonly fill: ColumnFill;
  readonly parts: FilePart[];
  readonly row: number;
  rows: number;
}

/**
 * The rows of the part as one batch of `schema`, all of whose columns are `decodable`. Null where a file is not as its footer says, or cannot be
 * decoded or held in memory on the way: CPU polars may still read it.
 * @throws OutOfDeviceMemoryError, DeviceError
 */
export async function importDecoded(device: Device, part: PartOfFiles, schema: Schema): Promise<ImportedBatch | null> {
  const batches: FilledBatch[] = [];
  const open: FileHandle[] = [];
  const space = new ScratchFolder(PIECES * PIECE);
  try {
    for (const { path } of part.files) open.push(await opened(path));
    const { rows, fills } = addBatch(device, schema, rowsOfPart(part), (c) => mayBeNull(part, schema[c]?.name ?? ""), batches);
    const pieces = fills.flatMap((fill, c) => piecesOf(part, open, schema[c]?.name ?? "", fill));
    const slotBytes = Math.max(...pieces.map((piece) => piece.rows * piece.fill.valueBytes));
    const scratch = await scratchFile(space);
    open.push(scratch);
    const slots = Array.from({ length: Math.min(PIECES, pieces.length) }, (_, slot) => slot * slotBytes);
    // Pieces of the same rows of all columns are near one another in the files' order of use, and in that of the device.
    pieces.sort((a, b) => a.row - b.row);
    await inLanes(slots.length, pieces, async (piece) => {
      const at = slots.pop() ?? 0;
      await moved(piece, scratch, at);
      slots.push(at);
    });
    const columns = fills.map((fill, c) => [schema[c]?.name ?? "", fill.finish(null)] as const);
    return { rows, columns: new Map(columns) };
  } catch (error) {
    releaseFills(batches);
    if (error instanceof RangeError || isFileError(error)) return null;
    throw error;
  } finally {
    await Promise.all(open.map((file) => file.close()));
    space.remove();
  }
}

const opened = (path: string): Promise<FileHandle> => open(path, "r");

const isFileError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

/** Deleted as soon as it is open. */
async function scratchFile(space: ScratchFolder): Promise<FileHandle> {
  const path = space.path();
  if (path === null) throw new RangeError("no room for values on their way to the device");
  const file = await open(path, "w+");
  unlinkSync(path);
  return file;
}

async function moved({ fill, parts, row, rows }: Piece, scratch: FileHandle, at: number): Promise<void> {
  const valid = await decoded({ parts, rows, words: fill.valueBytes === 4 ? 1 : 2, into: { file: scratch.fd, at } });
  fill.placeValidity(valid, 0, row, rows);
  await fill.writeFrom(row, rows * fill.valueBytes, async (target) => {
    for (let done = 0; done < target.byteLength; ) {
      const { bytesRead } = await scratch.read(target, done, target.byteLength - done, at + done);
      if (bytesRead === 0) throw new RangeError("values on their way to the device are gone");
      done += bytesRead;
    }
  });
}

const columnOf = (file: ParquetFile, name: string): ParquetColumn => {
  const column = file.decodable.get(name);
  if (column === undefined) throw new RangeError(`the column ${JSON.stringify(name)} cannot be decoded`);
  return column;
};

const mayBeNull = ({ files }: PartOfFiles, name: string): boolean => files.some((file) => columnOf(file, name).mayBeNull);

/** Neighbouring parts of row groups together, up to the bytes of a piece. */
function piecesOf(part: PartOfFiles, open: readonly FileHandle[], name: string, fill: ColumnFill): readonly Piece[] {
  const from = part.rows?.offset ?? 0;
  const to = from + rowsOfPart(part);
  const pieces: Piece[] = [];
  let first = 0;
  for (const [f, file] of part.files.entries()) {
    for (const chunk of columnOf(file, name).chunks) {
      const skip = Math.max(0, from - first);
      const count = Math.min(chunk.rows, to - first) - skip;
      if (count > 0) {
        const last = pieces.at(-1);
        const own = { file: open[f]?.fd ?? -1, chunk, skip, count };
        if (last !== undefined && (last.rows + count) * fill.valueBytes <= PIECE) {
          last.parts.push(own);
          last.rows += count;
        } else pieces.push({ fill, parts: [own], row: first + skip - from, rows: count });
      }
      first += chunk.rows;
    }
  }
  return pieces;
}
