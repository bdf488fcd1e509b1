/** Columns of Parquet files to the device without CPU polars: decoded by the device, or on threads of our own. */

import { type FileHandle, open } from "node:fs/promises";
import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { Device } from "../../gpu/device.ts";
import type { Schema } from "../../ir/schema.ts";
import type { NativePolars } from "../../polars/native.ts";
import { addBatch, type FilledBatch, releaseFills } from "../column-fill.ts";
import type { ImportedBatch } from "../import.ts";
import { allEnded, inLanes } from "../parallel.ts";
import { type Decoding, decodesOnDevice, type ParquetColumn } from "./columns.ts";
import { decodeOnDevice } from "./device-decoding.ts";
import { type ParquetFile, type PartOfFiles, rowsOfPart } from "./files.ts";
import { type ColumnParts, placedParts } from "./placed-parts.ts";
import { readTexts } from "./texts.ts";
import { decodeOnThreads } from "./thread-decoding.ts";

const OPENED_AT_ONCE = 16;

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
  decoding: Decoding,
): Promise<ImportedBatch | null> {
  const batches: FilledBatch[] = [];
  const opened = new Map<string, FileHandle>();
  try {
    await inLanes(OPENED_AT_ONCE, part.files, async ({ path }) => void opened.set(path, await open(path, "r")));
    const files = part.files.map(({ path }) => opened.get(path)).filter((file) => file !== undefined);
    const columns = schema.map(({ name }) => part.files.map((file) => columnOf(file, name)));
    const texts = await allEnded(columns.map((own) => readTexts(native, own, files)));
    const mayBeNull = (c: number): boolean => columns[c]?.some((column) => column.mayBeNull) === true;
    const { rows, fills } = addBatch(device, schema, rowsOfPart(part), mayBeNull, batches);
    const onThreads: ColumnParts[] = [];
    const onDevice: ColumnParts[] = [];
    for (const [c, fill] of fills.entries()) {
      const own = columns[c] ?? [];
      const way = decoding === "device" && own.every(decodesOnDevice) ? onDevice : onThreads;
      way.push({ fill, parts: placedParts(part, files, own, texts[c] ?? null) });
    }
    const works = [() => decodeOnThreads(onThreads), () => decodeByDevice(device, onDevice)];
    await inLanes(works.length, works, (work) => work());
    return { rows, columns: new Map(fills.map((fill, c) => [schema[c]?.name ?? "", fill.finish(texts[c]?.dictionary ?? null)])) };
  } catch (error) {
    releaseFills(batches);
    if (error instanceof RangeError || isFileError(error)) return null;
    throw error;
  } finally {
    await Promise.all([...opened.values()].map((file) => file.close()));
  }
}

const isFileError = (error: unknown): boolean => error instanceof Error && "syscall" in error;

/** On threads, which take no memory of the device, where the device finds that it cannot or has no room. */
async function decodeByDevice(device: Device, columns: readonly ColumnParts[]): Promise<void> {
  if (columns.length === 0) return;
  try {
    await decodeOnDevice(device, columns);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof OutOfDeviceMemoryError)) throw error;
    await decodeOnThreads(columns);
  }
}

const columnOf = (file: ParquetFile, name: string): ParquetColumn => {
  const column = file.decodable.get(name);
  if (column === undefined) throw new RangeError(`the column ${JSON.stringify(name)} cannot be decoded`);
  return column;
};
