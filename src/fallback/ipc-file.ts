/** Where the values of fixed-width columns stand in an Arrow IPC file: its footer and the metadata of its record batches, no data. */

import { Footer } from "apache-arrow/fb/footer";
import { Message } from "apache-arrow/fb/message";
import { RecordBatch } from "apache-arrow/fb/record-batch";
import { ByteBuffer } from "flatbuffers";
import { InternalError } from "../errors.ts";

/** `bytes` bytes of a file from byte `at` on. */
export interface Span {
  readonly at: number;
  readonly bytes: number;
}

/** A column of one record batch: little-endian values, bits for booleans, and the validity bitmap; null: no nulls. */
export interface ChunkColumn {
  readonly values: Span;
  readonly validity: Span | null;
}

/** A record batch. */
export interface Chunk {
  readonly rows: number;
  readonly columns: readonly ChunkColumn[];
}

/** A record batch as the footer has it: its metadata, with its body behind them. */
export interface Block {
  readonly metadata: Span;
}

const MAGIC = "ARROW1";
/** Length of the footer, 4 bytes, then the magic: the last bytes of a file. */
export const TAIL_BYTES = 4 + MAGIC.length;
/** Before the metadata stand a marker and their length, 4 bytes each. */
const PREFIX = 8;

/** Where the footer of a file of `size` bytes stands, by its last TAIL_BYTES bytes; null where they do not end an Arrow IPC file. */
export function footerSpan(tail: Uint8Array, size: number): Span | null {
  if (tail.byteLength !== TAIL_BYTES || String.fromCharCode(...tail.subarray(4)) !== MAGIC) return null;
  const bytes = new DataView(tail.buffer, tail.byteOffset).getInt32(0, true);
  const at = size - TAIL_BYTES - bytes;
  return bytes <= 0 || at < 0 ? null : { at, bytes };
}

/** The record batches in the order of their rows. */
export function blocksOf(footerBytes: Uint8Array): readonly Block[] {
  const footer = Footer.getRootAsFooter(new ByteBuffer(footerBytes));
  return Array.from({ length: footer.recordBatchesLength() }, (_, i) => {
    const block = footer.recordBatches(i);
    if (block === null) throw new InternalError("an Arrow footer lacks a record batch");
    return { metadata: { at: Number(block.offset()), bytes: block.metaDataLength() } };
  });
}

/** The layout of a record batch of `width` fixed-width columns. @throws InternalError for any other. */
export function chunkOf(block: Block, metadata: Uint8Array, width: number): Chunk {
  const batch = Message.getRootAsMessage(new ByteBuffer(metadata.subarray(PREFIX))).header(new RecordBatch());
  if (!(batch instanceof RecordBatch)) throw new InternalError("an Arrow message is not a record batch");
  if (batch.nodesLength() !== width || batch.buffersLength() !== 2 * width || batch.compression() !== null)
    throw new InternalError(`an Arrow record batch is not ${width} plain columns`);
  const body = block.metadata.at + block.metadata.bytes;
  const spanOf = (i: number): Span => {
    const buffer = batch.buffers(i);
    if (buffer === null) throw new InternalError("an Arrow record batch lacks a buffer");
    return { at: body + Number(buffer.offset()), bytes: Number(buffer.length()) };
  };
  const columns = Array.from({ length: width }, (_, c): ChunkColumn => {
    const validity = spanOf(2 * c);
    const nulls = batch.nodes(c)?.nullCount() ?? 0n;
    return { values: spanOf(2 * c + 1), validity: nulls > 0n && validity.bytes > 0 ? validity : null };
  });
  return { rows: Number(batch.length()), columns };
}
