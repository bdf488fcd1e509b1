/** The texts of a column of Parquet files: the dictionaries of its row groups behind one another, as one dictionary of the host. */

import type { FileHandle } from "node:fs/promises";
import { LOOKUP_COLUMN } from "../../ir/expr.ts";
import type { NativePolars } from "../../polars/native.ts";
import { quietly } from "../../polars/quiet.ts";
import { HostDictionary } from "../host-dictionary.ts";
import { allEnded } from "../parallel.ts";
import type { ColumnChunk } from "./column-chunk.ts";
import type { ParquetColumn } from "./columns.ts";
import { decodedTexts } from "./decode-pool.ts";

export interface ChunkTexts {
  /** The number of the first text of each chunk. */
  readonly firstCodes: ReadonlyMap<ColumnChunk, number>;
  readonly dictionary: HostDictionary;
}

/** Null for columns of numbers. `columns`: the same one in each of the files. @throws RangeError for what cannot be decoded here. */
export async function readTexts(
  native: NativePolars,
  columns: readonly ParquetColumn[],
  files: readonly FileHandle[],
): Promise<ChunkTexts | null> {
  const chunks = columns.flatMap((column, f) => column.chunks.map((chunk) => ({ chunk, file: files[f]?.fd ?? -1 })));
  if (!chunks.some(({ chunk }) => chunk.isText)) return null;
  const decoded = await allEnded(chunks.map(({ chunk, file }) => decodedTexts({ kind: "texts", chunk, file })));
  const firstCodes = new Map<ColumnChunk, number>();
  const texts: string[] = [];
  for (const [i, { bytes, count }] of decoded.entries()) {
    const { chunk } = chunks[i] ?? {};
    if (chunk !== undefined) firstCodes.set(chunk, texts.length);
    texts.push(...textsIn(bytes, count));
  }
  const frame = quietly(() => new native.JsDataFrame([native.JsSeries.newOptStr(LOOKUP_COLUMN, texts, true)]));
  return { firstCodes, dictionary: new HostDictionary(frame, { kind: "String" }, "any") };
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textsIn(bytes: Uint8Array, count: number): readonly string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const texts: string[] = [];
  for (let at = 0; texts.length < count; ) {
    const length = view.getUint32(at, true);
    if (at + 4 + length > bytes.byteLength) throw new RangeError("a dictionary has too few texts");
    texts.push(textOf(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return texts;
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    throw new RangeError("a dictionary holds bytes that are no text", { cause: error });
  }
}
