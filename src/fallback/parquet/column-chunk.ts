/** A column of a row group as bytes of the file -> values of fixed width and a validity bitmap, as columns are on the device. */

import zlib from "node:zlib";
import { snappyUncompress } from "hyparquet";
import { decodeHybrid } from "./levels.ts";
import { DATA_PAGE_V2, DICTIONARY_PAGE, type PageHeader, pageHeader } from "./page-header.ts";

/** What the footer says of a column of a row group that can be read here. */
export interface ColumnChunk {
  /** First byte in the file, and how many. */
  readonly at: number;
  readonly bytes: number;
  readonly codec: Codec;
  readonly rows: number;
  /** Words of a value: 1 or 2. */
  readonly words: 1 | 2;
  /** Whether values may be missing: there are definition levels. */
  readonly isOptional: boolean;
}

/** Rows `skip` to `skip + count` of a chunk. */
export interface ChunkPart {
  readonly chunk: ColumnChunk;
  readonly skip: number;
  readonly count: number;
}

export const CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"] as const;
export type Codec = (typeof CODECS)[number];

/** Numbers of `Encoding`. */
const PLAIN = 0;
const PLAIN_DICTIONARY = 2;
const RLE_DICTIONARY = 8;

/** Where the rows of a chunk go. */
export interface Target {
  /** Values, zero where null. */
  readonly words: Uint32Array;
  /** The first row's place, counted in rows. */
  readonly row: number;
  /** Bits of all rows, set by the caller for all that no chunk says is null. */
  readonly valid: Uint32Array;
}

/** Decodes the rows of a part out of the bytes of its chunk; how many of them are null. @throws RangeError for what cannot be read here. */
export function decodeChunk(bytes: Uint8Array, { chunk, skip, count }: ChunkPart, target: Target): number {
  let dictionary: Uint32Array | null = null;
  let nulls = 0;
  for (let at = 0, row = 0; row < chunk.rows; ) {
    const header = pageHeader(bytes, at);
    const body = bytes.subarray(at + header.headerBytes, at + header.headerBytes + header.compressedBytes);
    at += header.headerBytes + header.compressedBytes;
    if (header.type === DICTIONARY_PAGE) {
      dictionary = wordsOf(decompressed(body, chunk.codec, header.uncompressedBytes), 0, header.values * chunk.words);
      continue;
    }
    const from = Math.max(row, skip);
    const to = Math.min(row + header.values, skip + count);
    if (to > from) nulls += decodePage(header, body, chunk, dictionary, from - row, to - from, target, target.row + from - skip);
    row += header.values;
  }
  return nulls;
}

function decodePage(
  header: PageHeader,
  body: Uint8Array,
  { codec, words, isOptional }: ColumnChunk,
  dictionary: Uint32Array | null,
  skip: number,
  count: number,
  target: Target,
  row: number,
): number {
  const { page, levels } = pageParts(header, body, codec, isOptional);
  const present = levels === null ? null : presence(levels, header.values);
  const before = present === null ? skip : ones(present, 0, skip);
  const some = present === null ? count : ones(present, skip, skip + count);
  const values = valuesOf(header, page, words, dictionary, before, some);
  const { words: out } = target;
  if (present === null || some === count) {
    out.set(values, row * words);
    return 0;
  }
  for (let i = 0, next = 0; i < count; i++) {
    if (present[skip + i] === 0) {
      const bit = row + i;
      target.valid[bit >>> 5] = (target.valid[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
      continue;
    }
    for (let w = 0; w < words; w++) out[(row + i) * words + w] = values[next * words + w] ?? 0;
    next += 1;
  }
  return count - some;
}

/** The values of a page, uncompressed, and its definition levels; null where there are none. */
function pageParts(
  { type, levels, uncompressedBytes }: PageHeader,
  body: Uint8Array,
  codec: Codec,
  isOptional: boolean,
): { readonly page: Uint8Array; readonly levels: Uint8Array | null } {
  if (type === DATA_PAGE_V2 && levels !== null) {
    const front = levels.repetition + levels.definition;
    const rest = body.subarray(front);
    const page = levels.isCompressed ? decompressed(rest, codec, uncompressedBytes - front) : rest;
    return { page, levels: isOptional ? body.subarray(levels.repetition, front) : null };
  }
  const page = decompressed(body, codec, uncompressedBytes);
  if (!isOptional) return { page, levels: null };
  const bytes = new DataView(page.buffer, page.byteOffset, page.byteLength).getUint32(0, true);
  return { page: page.subarray(4 + bytes), levels: page.subarray(4, 4 + bytes) };
}

/** Which of the values are there; null: all of them, which the usual single run says at once. */
function presence(levels: Uint8Array, values: number): Uint32Array | null {
  const present = decodeHybrid(levels, 0, levels.byteLength, 1, values);
  return present.includes(0) ? present : null;
}

function ones(levels: Uint32Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) count += levels[i] ?? 0;
  return count;
}

/** `count` values from value `skip` on. */
function valuesOf(
  { encoding, values }: PageHeader,
  page: Uint8Array,
  words: 1 | 2,
  dictionary: Uint32Array | null,
  skip: number,
  count: number,
): Uint32Array {
  if (encoding === PLAIN) return wordsOf(page, skip * words, count * words);
  if (dictionary === null || (encoding !== PLAIN_DICTIONARY && encoding !== RLE_DICTIONARY))
    throw new RangeError(`a page of encoding ${encoding}`);
  const out = new Uint32Array(count * words);
  if (count === 0) return out;
  const indices = decodeHybrid(page, 1, page.byteLength, page[0] ?? 0, Math.min(values, skip + count));
  if (words === 1) for (let i = 0; i < count; i++) out[i] = dictionary[indices[skip + i] ?? 0] ?? 0;
  else
    for (let i = 0; i < count; i++) {
      const entry = 2 * (indices[skip + i] ?? 0);
      out[2 * i] = dictionary[entry] ?? 0;
      out[2 * i + 1] = dictionary[entry + 1] ?? 0;
    }
  return out;
}

/** Words of little-endian bytes. @throws RangeError where there are fewer. */
function wordsOf(bytes: Uint8Array, from: number, count: number): Uint32Array {
  const start = bytes.byteOffset + 4 * from;
  if (4 * (from + count) > bytes.byteLength) throw new RangeError("a page has too few values");
  if (start % 4 === 0) return new Uint32Array(bytes.buffer, start, count);
  const copy = new Uint32Array(count);
  new Uint8Array(copy.buffer).set(bytes.subarray(4 * from, 4 * (from + count)));
  return copy;
}

function decompressed(bytes: Uint8Array, codec: Codec, size: number): Uint8Array {
  switch (codec) {
    case "UNCOMPRESSED":
      return bytes;
    case "SNAPPY": {
      const out = new Uint8Array(size);
      snappyUncompress(bytes, out);
      return out;
    }
    case "GZIP":
      return zlib.gunzipSync(bytes, { chunkSize: Math.max(64, size) });
    case "ZSTD":
      return zlib.zstdDecompressSync(bytes, { chunkSize: Math.max(64, size) });
  }
}
