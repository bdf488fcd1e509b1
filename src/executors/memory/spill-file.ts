/** Words of device buffers in an Arrow IPC file: one column, a record batch for each buffer. */

import { readFile, rm, writeFile } from "node:fs/promises";
import { Field, makeData, RecordBatch, Schema, Struct, Table, tableFromIPC, tableToIPC, Uint32 } from "apache-arrow";
import { InternalError } from "../../errors.ts";

const SCHEMA = new Schema([new Field("words", new Uint32(), false)]);

const batchOf = (data: Uint32Array): RecordBatch =>
  new RecordBatch(
    SCHEMA,
    makeData({
      type: new Struct(SCHEMA.fields),
      length: data.length,
      children: [makeData({ type: new Uint32(), length: data.length, data })],
    }),
  );

/** Leaves no file behind when it fails. */
export async function writeWords(path: string, buffers: readonly Uint32Array[]): Promise<void> {
  try {
    await writeFile(path, tableToIPC(new Table(SCHEMA, buffers.map(batchOf)), "file"));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

/** The buffers that `writeWords` wrote. */
export async function readWords(path: string): Promise<readonly Uint32Array[]> {
  const table = tableFromIPC(await readFile(path));
  return table.batches.map((batch) => {
    const values: unknown = batch.getChildAt(0)?.data[0]?.values;
    if (!(values instanceof Uint32Array)) throw new InternalError("a spill file without words");
    return values;
  });
}
