/** Where the pages of a column chunk stand and what they become, for the device to decompress and decode: found on a thread, since memory of the GPU is slow to read. */

import type { PageRows } from "../../gpu/kernels/page-values.ts";
import { ZstdFrames, type ZstdLists } from "../../gpu/kernels/zstd-frames.ts";
import { type ChunkPart, type ColumnChunk, isIndexed, PLAIN } from "./column-chunk.ts";
import { DATA_PAGE, DICTIONARY_PAGE, type PageHeader, pagesOf } from "./page-header.ts";

/** Values of a page whose bits can be counted in 32 bits. */
const MOST_VALUES = 1 << 26;

export interface PageLayout {
  /** The pages that the wanted rows are in: bytes are counted in the content, rows from the first wanted one. */
  readonly pages: readonly PageRows[];
  /** How the content comes of the chunk's bytes; null: it is these bytes. */
  readonly frames: ZstdLists | null;
  /** Bytes of the content, a multiple of 4. */
  readonly contentBytes: number;
}

/** @throws RangeError for what the device cannot decode. */
export function pageLayout(bytes: Uint8Array, { chunk, skip, count, firstCode }: ChunkPart): PageLayout {
  const pages: PageRows[] = [];
  const content = new Content(chunk);
  let dictionary: PageRows["dictionary"] = null;
  for (const { header, from: start, to: end, row } of pagesOf(bytes, skip + count)) {
    if (header.values > MOST_VALUES) throw new RangeError("a page of very many values");
    const own = bytes.subarray(start, end);
    if (header.type === DICTIONARY_PAGE) {
      dictionary = chunk.isText
        ? { kind: "codes", first: firstCode, count: header.values }
        : { kind: "values", at: content.place(own, start, header.uncompressedBytes), count: header.values };
      if (!chunk.isText && header.uncompressedBytes < 4 * chunk.words * header.values)
        throw new RangeError("a dictionary has too few values");
      continue;
    }
    const from = Math.max(row, skip);
    const to = Math.min(row + header.values, skip + count);
    if (to <= from) continue;
    if (header.type !== DATA_PAGE) throw new RangeError("a page whose levels are not compressed");
    pages.push({
      at: content.place(own, start, header.uncompressedBytes),
      bytes: header.uncompressedBytes,
      values: header.values,
      skip: from - row,
      count: to - from,
      row: from - skip,
      hasLevels: chunk.isOptional,
      dictionary: isPlain(header, chunk) ? null : indexed(header, dictionary),
    });
  }
  return { pages, ...content.layout };
}

const isPlain = ({ encoding }: PageHeader, { isText }: ColumnChunk): boolean => encoding === PLAIN && !isText;

function indexed(header: PageHeader, dictionary: PageRows["dictionary"]): PageRows["dictionary"] {
  if (dictionary === null || !isIndexed(header)) throw new RangeError(`a page of encoding ${header.encoding}`);
  return dictionary;
}

/** Where the content of pages stands. */
class Content {
  readonly #frames: ZstdFrames | null;
  #bytes: number;

  constructor({ codec, bytes }: ColumnChunk) {
    this.#frames = codec === "ZSTD" ? new ZstdFrames() : null;
    this.#bytes = codec === "ZSTD" ? 0 : Math.ceil(bytes / 4) * 4;
  }

  /** The first byte of what a page that starts at byte `at` of the chunk becomes. */
  place(page: Uint8Array, at: number, uncompressedBytes: number): number {
    if (this.#frames === null) {
      if (page.byteLength !== uncompressedBytes) throw new RangeError("a page that is not compressed has two sizes");
      return at;
    }
    const to = this.#bytes;
    this.#frames.add(page, at, to, uncompressedBytes);
    this.#bytes += Math.ceil(uncompressedBytes / 4) * 4;
    return to;
  }

  get layout(): Omit<PageLayout, "pages"> {
    return { frames: this.#frames?.lists ?? null, contentBytes: this.#bytes };
  }
}
