/** One Arrow IPC file on its way to the device: CPU polars writes it on its own threads, its values are read straight into memory that the GPU reads. */

import { unlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { exprFromDsl } from "../polars/composing.ts";
import type { DslExpr } from "../polars/dsl.ts";
import type { NativeLazyFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import type { ColumnFill } from "./column-fill.ts";
import type { Chunk, Span } from "./ipc-file.ts";
import { blocksOf, chunkOf, footerSpan, TAIL_BYTES } from "./ipc-file.ts";
import { inLanes } from "./parallel.ts";
import { readSpan } from "./read-span.ts";

/** Rows of a file and where they belong: `fills` are the file's columns, `row` the row in them of the file's row `from`. */
export interface Window {
  readonly from: number;
  readonly rows: number;
  readonly fills: readonly ColumnFill[];
  readonly row: number;
}

/** Bytes of one upload. */
const PIECE = 1 << 24;
/** Reads of metadata that are in flight at once. */
const METADATA_LANES = 16;

interface SinkOptions {
  readonly compatLevel: "oldest";
  readonly compression: "uncompressed";
  readonly syncOnClose: "none";
  readonly maintainOrder: boolean;
  readonly mkdir: boolean;
}
interface Sinking {
  /** A plan that writes its rows to a file and gives none. */
  sinkIpc(path: string, options: SinkOptions): NativeLazyFrame;
}
const canSink = (plan: NativeLazyFrame): plan is NativeLazyFrame & Sinking => "sinkIpc" in plan && typeof plan.sinkIpc === "function";

const OPTIONS: SinkOptions = {
  compatLevel: "oldest",
  compression: "uncompressed",
  syncOnClose: "none",
  maintainOrder: true,
  mkdir: false,
};

export class StreamedFile {
  readonly #file: FileHandle;
  readonly chunks: readonly Chunk[];
  readonly rows: number;

  /**
   * Writes `exprs` over `plan`, all of fixed width, to a new file at `path`, which is deleted when it is open.
   * Rejects with what polars or the file system say.
   */
  static async write(native: NativePolars, plan: NativeLazyFrame, exprs: readonly DslExpr[], path: string): Promise<StreamedFile> {
    await quietly(() => {
      const columns = plan.select(exprs.map((e) => exprFromDsl(native, e)));
      if (!canSink(columns)) throw new Error("this version of polars writes no files");
      return columns.sinkIpc(path, OPTIONS).collect();
    });
    const file = await open(path, "r");
    try {
      unlinkSync(path);
      return new StreamedFile(file, await readChunks(file, exprs.length));
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  private constructor(file: FileHandle, chunks: readonly Chunk[]) {
    this.#file = file;
    this.chunks = chunks;
    this.rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Brings the rows of the windows to the device with at most `lanes` reads at once; everything has ended when it returns or rejects. */
  fill(windows: readonly Window[], lanes: number): Promise<void> {
    const works = windows.flatMap((window) => window.fills.flatMap((fill, c) => this.#works(window, fill, c)));
    return inLanes(lanes, works, (work) => work());
  }

  #works(window: Window, fill: ColumnFill, c: number): readonly (() => Promise<void>)[] {
    const parts = this.#partsOf(window, c);
    const works = [() => this.#validity(fill, parts)];
    if (fill.valueBytes === 0) return [...works, () => this.#booleans(fill, parts)];
    for (const piece of piecesOf(parts, fill.valueBytes))
      works.push(() => fill.writeFrom(piece.row, piece.bytes, (target) => this.#readAll(piece.spans, target)));
    return works;
  }

  /** The parts of the chunks of a column that lie in a window. */
  #partsOf({ from, rows, row }: Window, c: number): readonly Part[] {
    const parts: Part[] = [];
    let first = 0;
    for (const chunk of this.chunks) {
      const start = Math.max(first, from);
      const count = Math.min(first + chunk.rows, from + rows) - start;
      const column = chunk.columns[c];
      if (count > 0 && column !== undefined) parts.push({ ...column, skip: start - first, count, row: row + start - from });
      first += chunk.rows;
    }
    return parts;
  }

  async #validity(fill: ColumnFill, parts: readonly Part[]): Promise<void> {
    for (const { validity, skip, count, row } of parts) {
      const bits = validity === null ? null : await this.#readBits(validity, skip, count);
      fill.placeValidity(bits, skip % 8, row, count);
    }
  }

  async #booleans(fill: ColumnFill, parts: readonly Part[]): Promise<void> {
    for (const { values, skip, count, row } of parts) fill.placeBooleans(await this.#readBits(values, skip, count), skip % 8, row, count);
  }

  /** Bits `skip` to `skip + count` of a bitmap, from bit `skip % 8` on. */
  async #readBits({ at }: Span, skip: number, count: number): Promise<Uint32Array> {
    const first = Math.floor(skip / 8);
    const bytes = Math.ceil((skip + count) / 8) - first;
    const words = new Uint32Array(Math.ceil(bytes / 4));
    await readSpan(this.#file, { at: at + first, bytes }, new Uint8Array(words.buffer));
    return words;
  }

  async #readAll(spans: readonly Span[], target: Uint8Array): Promise<void> {
    let at = 0;
    for (const span of spans) {
      await readSpan(this.#file, span, target.subarray(at, at + span.bytes));
      at += span.bytes;
    }
  }
}

/** Rows `skip` to `skip + count` of a chunk's column, which belong to row `row` of what is filled. */
interface Part {
  readonly values: Span;
  readonly validity: Span | null;
  readonly skip: number;
  readonly count: number;
  readonly row: number;
}

/** Values that follow one another on the device. */
interface Piece {
  readonly row: number;
  bytes: number;
  readonly spans: Span[];
}

function piecesOf(parts: readonly Part[], width: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let piece: Piece | null = null;
  for (const { values, skip, count, row } of parts) {
    for (let done = 0; done < count; ) {
      if (piece === null || piece.bytes === PIECE) {
        piece = { row: row + done, bytes: 0, spans: [] };
        pieces.push(piece);
      }
      const taken = Math.min(count - done, (PIECE - piece.bytes) / width);
      piece.spans.push({ at: values.at + (skip + done) * width, bytes: taken * width });
      piece.bytes += taken * width;
      done += taken;
    }
  }
  return pieces;
}

async function readChunks(file: FileHandle, width: number): Promise<readonly Chunk[]> {
  const { size } = await file.stat();
  const end = Math.min(size, TAIL_BYTES);
  const footer = footerSpan(await read(file, { at: size - end, bytes: end }), size);
  if (footer === null) throw new Error("a file on its way to the device is not whole");
  const blocks = blocksOf(await read(file, footer));
  const chunks = new Map<number, Chunk>();
  await inLanes(METADATA_LANES, [...blocks.entries()], async ([i, block]) => {
    chunks.set(i, chunkOf(block, await read(file, block.metadata), width));
  });
  return blocks.flatMap((_, i) => chunks.get(i) ?? []);
}

async function read(file: FileHandle, span: Span): Promise<Uint8Array> {
  const bytes = new Uint8Array(span.bytes);
  await readSpan(file, span, bytes);
  return bytes;
}
