/** Makes one chunk and writes it as Parquet; the work of a generating process. */
import { join } from "node:path";
import { type Chunk, framesOf, type TableName, tableNames } from "./chunks.ts";
import { generators } from "./tables/index.ts";

/** One chunk of the tables of a stream, to be written as `<directory>/<table>/part-NNN.parquet`. */
export interface ChunkJob {
  readonly stream: string;
  readonly scale: number;
  readonly directory: string;
  readonly chunk: Chunk;
}

/** Rows that were written, by table. */
export type WrittenRows = Readonly<Partial<Record<TableName, number>>>;

/** Does a job; the directories must be there. Throws for an unknown stream. */
export function writeChunk({ stream, scale, directory, chunk }: ChunkJob): WrittenRows {
  const generator = generators.get(stream);
  if (generator === undefined) throw new RangeError(`there is no stream ${stream}`);
  const frames = framesOf(generator, scale, chunk);
  const rows: Partial<Record<TableName, number>> = {};
  for (const name of tableNames) {
    const frame = frames[name];
    if (frame === undefined) continue;
    frame.writeParquet(join(directory, name, `part-${String(chunk.number).padStart(3, "0")}.parquet`), { compression: "zstd" });
    rows[name] = frame.height;
  }
  return rows;
}
