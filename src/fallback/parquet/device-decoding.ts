/** Columns of Parquet files whose pages the device decompresses and decodes: the bytes of the files are uploaded as they are. */

import type { FileHandle } from "node:fs/promises";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Device } from "../../gpu/device.ts";
import { decompressZstd } from "../../gpu/kernels/decompress-zstd.ts";
import { type PageRows, unpackPages } from "../../gpu/kernels/page-values.ts";
import { MOST_SOURCE, ZstdFrames } from "../../gpu/kernels/zstd-frames.ts";
import type { ColumnFill } from "../column-fill.ts";
import type { Span } from "../ipc-file.ts";
import { inLanes } from "../parallel.ts";
import { readSpan } from "../read-span.ts";
import { type ColumnChunk, isIndexed, PLAIN } from "./column-chunk.ts";
import { DATA_PAGE, DICTIONARY_PAGE, type PageHeader, pagesOf } from "./page-header.ts";
import type { ColumnParts, PlacedPart } from "./placed-parts.ts";

/** Uncompressed bytes that are worked on at once, where there is memory for them: pages are decompressed beside one another, each by few threads. */
const WAVE_BYTES = 1 << 28;
/** A wave takes its uncompressed bytes twice and its compressed ones: half of what is free at most. */
const SHARE_OF_FREE = 1 / 6;
/** Bytes that are uploaded at once, and how many uploads run beside one another. */
const PIECE_BYTES = 1 << 24;
const LANES = 16;
/** Bytes between two column chunks that are rather read than asking twice. */
const GAP_BYTES = 1 << 16;
/** Values of a page whose bits can be counted in 32 bits. */
const MOST_VALUES = 1 << 26;

interface Unit {
  readonly fill: ColumnFill;
  readonly part: PlacedPart;
}

/**
 * Decodes the values of all rows of the columns.
 * @throws RangeError for what the device cannot decode, and where there is too little memory for it: what the columns hold is undefined then.
 * @throws OutOfDeviceMemoryError, DeviceError
 */
export async function decodeOnDevice(device: Device, columns: readonly ColumnParts[]): Promise<void> {
  const units = columns.flatMap(({ fill, parts }) => parts.map((part): Unit => ({ fill, part })));
  units.sort((a, b) => a.part.row - b.part.row || a.part.chunk.at - b.part.chunk.at);
  const failures = device.allocZeroed(4, "failed pages");
  try {
    for (const wave of wavesOf(device, units)) await decodeWave(device, wave, failures);
    const [failed] = await device.read(failures, 0, 1);
    if (failed !== 0) throw new RangeError("pages that the device cannot decode");
  } finally {
    failures.release();
  }
}

/** Units of one codec that are worked on at once. */
function wavesOf(device: Device, units: readonly Unit[]): readonly (readonly Unit[])[] {
  const free = device.memoryLimit - device.stats.allocatedBytes;
  const most = Math.min(WAVE_BYTES, device.limits.bindingBytes / 2, free * SHARE_OF_FREE);
  const waves: Unit[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const unit of units) {
    const { uncompressedBytes, codec } = unit.part.chunk;
    if (uncompressedBytes > most) throw new RangeError("a column chunk is too large to be decoded on the device");
    const wave = waves.at(-1);
    if (wave === undefined || wave[0]?.part.chunk.codec !== codec || bytes + uncompressedBytes > most) {
      waves.push([unit]);
      bytes = uncompressedBytes;
    } else {
      wave.push(unit);
      bytes += uncompressedBytes;
    }
  }
  return waves;
}

async function decodeWave(device: Device, wave: readonly Unit[], failures: DeviceBuffer): Promise<void> {
  const pieces = piecesOf(spansOf(wave));
  const last = pieces.at(-1);
  const bytes = last === undefined ? 0 : last.at + last.bytes;
  if (bytes > Math.min(MOST_SOURCE, device.limits.bindingBytes) - 64)
    throw new RangeError("compressed pages are larger than their content");
  const source = device.alloc(wordsFor(bytes), "compressed pages");
  try {
    const isStored = wave[0]?.part.chunk.codec === "UNCOMPRESSED";
    const content = isStored ? new StoredContent() : new DecompressedContent();
    const pages = new Map<ColumnFill, PageRows[]>();
    await inLanes(LANES, pieces, ({ at, bytes, spans }) =>
      device.uploadFrom(source, at / 4, bytes, async (target) => {
        for (const { handle, span, place, units } of spans) {
          const read = target.subarray(place - at, place - at + span.bytes);
          await readSpan(handle, span, read);
          for (const { fill, part } of units) {
            const from = part.chunk.at - span.at;
            const own = pages.get(fill) ?? [];
            own.push(...pagesOfPart(read.subarray(from, from + part.chunk.bytes), place + from, part, content));
            pages.set(fill, own);
          }
        }
      }),
    );
    const uncompressed = content.decompressed(device, source, failures);
    try {
      for (const [fill, own] of pages)
        unpackPages(device, { content: uncompressed, pages: own, words: fill.valueBytes === 4 ? 1 : 2, target: fill.values, failures });
    } finally {
      uncompressed.release();
    }
  } finally {
    source.release();
  }
}

/** Bytes of a file that are read at once: those of chunks that stand near one another. */
interface FileSpan {
  readonly handle: FileHandle;
  readonly span: Span;
  readonly units: readonly Unit[];
}

/** `units`: in the order of their bytes, where they are of the same row group. */
function spansOf(units: readonly Unit[]): readonly FileSpan[] {
  const spans: { handle: FileHandle; span: Span; units: Unit[] }[] = [];
  for (const unit of units) {
    const { handle, chunk } = unit.part;
    const last = spans.at(-1);
    const gap = last === undefined ? -1 : chunk.at - last.span.at - last.span.bytes;
    const bytes = last === undefined ? 0 : chunk.at + chunk.bytes - last.span.at;
    if (last?.handle === handle && gap >= 0 && gap <= GAP_BYTES && bytes <= PIECE_BYTES) {
      last.span = { at: last.span.at, bytes };
      last.units.push(unit);
    } else spans.push({ handle, span: chunk, units: [unit] });
  }
  return spans;
}

/** A span that stands from byte `place` of a wave's on. */
interface PlacedSpan extends FileSpan {
  readonly place: number;
}

interface Piece {
  readonly at: number;
  bytes: number;
  readonly spans: PlacedSpan[];
}

function piecesOf(spans: readonly FileSpan[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const own of spans) {
    const bytes = Math.ceil(own.span.bytes / 4) * 4;
    const piece = pieces.at(-1);
    const place = piece === undefined ? 0 : piece.at + piece.bytes;
    if (piece === undefined || piece.bytes + bytes > PIECE_BYTES) pieces.push({ at: place, bytes, spans: [{ ...own, place }] });
    else {
      piece.spans.push({ ...own, place });
      piece.bytes += bytes;
    }
  }
  return pieces;
}

/** Words of a buffer of bytes that are read 4 at a time, two words at once. */
const wordsFor = (bytes: number): number => Math.ceil(bytes / 4) + 4;

/** Where the content of pages stands. */
interface Content {
  /** The first byte of what a page, which stands from byte `at` of the source on, becomes. @throws RangeError for what cannot be decompressed. */
  place(page: Uint8Array, at: number, uncompressedBytes: number): number;
  /** All of it, to be released by the caller. */
  decompressed(device: Device, source: DeviceBuffer, failures: DeviceBuffer): DeviceBuffer;
}

class StoredContent implements Content {
  place(page: Uint8Array, at: number, uncompressedBytes: number): number {
    if (page.byteLength !== uncompressedBytes) throw new RangeError("a page that is not compressed has two sizes");
    return at;
  }

  decompressed(_: Device, source: DeviceBuffer): DeviceBuffer {
    return source.retain();
  }
}

class DecompressedContent implements Content {
  readonly #frames = new ZstdFrames();
  #bytes = 0;

  place(page: Uint8Array, at: number, uncompressedBytes: number): number {
    const to = this.#bytes;
    this.#frames.add(page, at, to, uncompressedBytes);
    this.#bytes += Math.ceil(uncompressedBytes / 4) * 4;
    return to;
  }

  decompressed(device: Device, source: DeviceBuffer, failures: DeviceBuffer): DeviceBuffer {
    const words = wordsFor(this.#bytes);
    if (4 * words > device.limits.bindingBytes) throw new RangeError("pages are larger than their footer says");
    const target = device.alloc(words, "pages");
    try {
      decompressZstd(device, { source, frames: this.#frames, target, failures });
      return target.retain();
    } finally {
      target.release();
    }
  }
}

/** The pages that the rows of a part are in. `bytes`: those of its chunk, from byte `start` of the wave's on. */
function pagesOfPart(
  bytes: Uint8Array,
  start: number,
  { chunk, skip, count, firstCode, row: first }: PlacedPart,
  content: Content,
): PageRows[] {
  const pages: PageRows[] = [];
  let dictionary: PageRows["dictionary"] = null;
  for (const page of pagesOf(bytes, skip + count)) {
    const { header, row } = page;
    if (header.values > MOST_VALUES) throw new RangeError("a page of very many values");
    if (header.type === DICTIONARY_PAGE) {
      if (chunk.isText) dictionary = { kind: "codes", first: firstCode, count: header.values };
      else
        dictionary = {
          kind: "values",
          at: content.place(bytes.subarray(page.from, page.to), start + page.from, header.uncompressedBytes),
          count: header.values,
        };
      if (!chunk.isText && header.uncompressedBytes < 4 * chunk.words * header.values)
        throw new RangeError("a dictionary has too few values");
      continue;
    }
    const from = Math.max(row, skip);
    const to = Math.min(row + header.values, skip + count);
    if (to <= from) continue;
    if (header.type !== DATA_PAGE) throw new RangeError("a page whose levels are not compressed");
    pages.push({
      at: content.place(bytes.subarray(page.from, page.to), start + page.from, header.uncompressedBytes),
      bytes: header.uncompressedBytes,
      values: header.values,
      skip: from - row,
      count: to - from,
      row: first + from - skip,
      hasLevels: chunk.isOptional,
      dictionary: isPlain(header, chunk) ? null : indexed(header, dictionary),
    });
  }
  return pages;
}

const isPlain = ({ encoding }: PageHeader, { isText }: ColumnChunk): boolean => encoding === PLAIN && !isText;

function indexed(header: PageHeader, dictionary: PageRows["dictionary"]): PageRows["dictionary"] {
  if (dictionary === null || !isIndexed(header)) throw new RangeError(`a page of encoding ${header.encoding}`);
  return dictionary;
}
