/** A column of a row group as bytes of the file -> values of fixed width and a validity bitmap, as columns are on the device. */

import zlib from "node:zlib";
import { snappyUncompress } from "hyparquet";
import type { Codec } from "./columns.ts";
import { decodeHybrid, isOneRunOfOnes } from "./levels.ts";
import { DATA_PAGE_V2, DICTIONARY_PAGE, type PageHeader, pageHeader, pagesOf } from "./page-header.ts";

/** What the footer says of a column of a row group that can be read here. */
export interface ColumnChunk {
  /** First byte in the file, and how many. */
  readonly at: number;
  readonly bytes: number;
  /** What they become, the headers of pages included. */
  readonly uncompressedBytes: number;
  /** Of its bytes the first ones that are the dictionary page; 0 where there is none. */
  readonly dictionaryBytes: number;
  readonly codec: Codec;
  readonly rows: number;
  /** Words of a value on the device: 1 or 2. */
  readonly words: 1 | 2;
  /** Whether values are texts of a dictionary, of which the device holds the numbers. */
  readonly isText: boolean;
  /** Whether values may be missing: there are definition levels. */
  readonly isOptional: boolean;
}

/** Rows `skip` to `skip + count` of a chunk. */
export interface ChunkPart {
  readonly chunk: ColumnChunk;
  readonly skip: number;
  readonly count: number;
  /** Of texts: the number of the chunk's first text. */
  readonly firstCode: number;
}

/** Numbers of `Encoding`. */
export const PLAIN = 0;
const PLAIN_DICTIONARY = 2;
const RLE_DICTIONARY = 8;

/** Whether the values of a page are indices of its chunk's dictionary. */
export const isIndexed = ({ encoding }: PageHeader): boolean => encoding === PLAIN_DICTIONARY || encoding === RLE_DICTIONARY;

/** Where the rows of a part go. */
export interface Target {
  /** Values; whatever they were where null. */
  readonly words: Uint32Array;
  /** The place of the first row, counted in rows. */
  readonly row: number;
  /** Bits of all rows, ones until a row is null. */
  readonly valid: Uint32Array;
}

/** The values that the indices of a chunk mean: words of its dictionary, or for texts the number of the first one. */
type Dictionary = Uint32Array | number;

/** Decodes the rows of a part out of the bytes of its chunk; how many of them are null. @throws RangeError for what cannot be read here. */
export function decodeChunk(bytes: Uint8Array, { chunk, skip, count, firstCode }: ChunkPart, target: Target): number {
  let dictionary: Dictionary | null = null;
  let nulls = 0;
  for (const { header, from: start, to: end, row } of pagesOf(bytes, skip + count)) {
    const body = bytes.subarray(start, end);
    if (header.type === DICTIONARY_PAGE) {
      dictionary = chunk.isText ? firstCode : dictionaryOf(header, body, chunk);
      continue;
    }
    const from = Math.max(row, skip);
    const to = Math.min(row + header.values, skip + count);
    const rows = { skip: from - row, count: to - from, row: target.row + from - skip };
    if (to > from) nulls += decodePage(header, body, chunk, dictionary, rows, target);
  }
  return nulls;
}

/** The texts of a chunk, as Parquet writes them behind one another: four bytes for the length of each, then its bytes. */
export function decodeTexts(bytes: Uint8Array, { codec }: ColumnChunk): { readonly bytes: Uint8Array; readonly count: number } {
  const header = pageHeader(bytes, 0);
  if (header.type !== DICTIONARY_PAGE) throw new RangeError("a chunk does not start with its dictionary");
  const body = bytes.subarray(header.headerBytes, header.headerBytes + header.compressedBytes);
  return { bytes: decompressed(body, codec, header.uncompressedBytes), count: header.values };
}

function dictionaryOf(header: PageHeader, body: Uint8Array, { codec, words }: ColumnChunk): Uint32Array {
  const dictionary = new Uint32Array(header.values * words);
  copyWords(decompressed(body, codec, header.uncompressedBytes), 0, dictionary, 0, dictionary.length);
  return dictionary;
}

/** Rows of a page, counted in the page, and where they go. */
interface PageRows {
  readonly skip: number;
  readonly count: number;
  readonly row: number;
}

/** How many of the rows are null. */
function decodePage(
  header: PageHeader,
  body: Uint8Array,
  { codec, words, isText, isOptional }: ColumnChunk,
  dictionary: Dictionary | null,
  { skip, count, row }: PageRows,
  target: Target,
): number {
  const { page, levels } = pageParts(header, body, codec, isOptional);
  const present = levels === null || isOneRunOfOnes(levels, header.values) ? null : presence(levels, header.values);
  const before = present === null ? skip : ones(present, 0, skip);
  const some = present === null ? count : ones(present, skip, skip + count);
  const isPlain = header.encoding === PLAIN && !isText;
  if (!isPlain && (dictionary === null || !isIndexed(header))) throw new RangeError(`a page of encoding ${header.encoding}`);
  const place = (out: Uint32Array, at: number): void => {
    if (isPlain) copyWords(page, before * words, out, at * words, some * words);
    else if (dictionary !== null) copyIndexed(page, dictionary, words, before, some, out, at);
  };
  if (present === null || some === count) {
    place(target.words, row);
    return 0;
  }
  const values = scratchOf(some * words);
  place(values, 0);
  for (let i = 0, next = 0; i < count; i++) {
    if (present[skip + i] === 0) {
      const bit = row + i;
      target.valid[bit >>> 5] = (target.valid[bit >>> 5] ?? 0) & ~(1 << (bit & 31));
      continue;
    }
    for (let w = 0; w < words; w++) target.words[(row + i) * words + w] = values[next * words + w] ?? 0;
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

/** 1 for each of the values that is there, else 0. */
function presence(levels: Uint8Array, values: number): Uint32Array {
  const present = new Uint32Array(values);
  decodeHybrid(levels, 0, 1, values, present);
  return present;
}

function ones(levels: Uint32Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i++) count += levels[i] ?? 0;
  return count;
}

/** Little-endian bytes as words. @throws RangeError where there are fewer. */
function copyWords(bytes: Uint8Array, from: number, out: Uint32Array, at: number, count: number): void {
  if (4 * (from + count) > bytes.byteLength) throw new RangeError("a page has too few values");
  new Uint8Array(out.buffer, out.byteOffset + 4 * at, 4 * count).set(bytes.subarray(4 * from, 4 * (from + count)));
}

/** The values that the `count` indices behind the first `skip` ones mean, from row `at` of `out` on. */
function copyIndexed(
  page: Uint8Array,
  dictionary: Dictionary,
  words: 1 | 2,
  skip: number,
  count: number,
  out: Uint32Array,
  at: number,
): void {
  if (count === 0) return;
  const indices = indicesOf(skip + count);
  decodeHybrid(page, 1, page[0] ?? 0, skip + count, indices);
  if (typeof dictionary === "number") for (let i = 0; i < count; i++) out[at + i] = dictionary + (indices[skip + i] ?? 0);
  else if (words === 1) for (let i = 0; i < count; i++) out[at + i] = dictionary[indices[skip + i] ?? 0] ?? 0;
  else
    for (let i = 0, to = 2 * at; i < count; i++, to += 2) {
      const entry = 2 * (indices[skip + i] ?? 0);
      out[to] = dictionary[entry] ?? 0;
      out[to + 1] = dictionary[entry + 1] ?? 0;
    }
}

/** Reused between pages: memory that is new is slow. */
let indexWords = new Uint32Array(1 << 16);
let scratchWords = new Uint32Array(0);

const indicesOf = (count: number): Uint32Array => {
  if (indexWords.length < count) indexWords = new Uint32Array(count);
  return indexWords;
};
const scratchOf = (count: number): Uint32Array => {
  if (scratchWords.length < count) scratchWords = new Uint32Array(count);
  return scratchWords;
};

function decompressed(bytes: Uint8Array, codec: Codec, size: number): Uint8Array {
  // A chunk that is not filled is the only one.
  const options = { chunkSize: size + 64 };
  switch (codec) {
    case "UNCOMPRESSED":
      return bytes;
    case "SNAPPY": {
      const out = new Uint8Array(size);
      snappyUncompress(bytes, out);
      return out;
    }
    case "GZIP":
      return zlib.gunzipSync(bytes, options);
    case "ZSTD":
      return zlib.zstdDecompressSync(bytes, options);
  }
}
