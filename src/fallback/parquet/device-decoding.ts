/** Columns of Parquet files whose pages the device decompresses and decodes: the bytes of the files are uploaded as they are. */

import type { FileHandle } from "node:fs/promises";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Device } from "../../gpu/device.ts";
import { decompressZstd } from "../../gpu/kernels/decompress-zstd.ts";
import { type PageRows, unpackPages } from "../../gpu/kernels/page-values.ts";
import { MOST_SOURCE, ZstdFrames } from "../../gpu/kernels/zstd-frames.ts";
import type { ColumnFill } from "../column-fill.ts";
import type { Span } from "../ipc-file.ts";
import { allEnded, inLanes } from "../parallel.ts";
import { readSpan } from "../read-span.ts";
import { foundLayout } from "./decode-pool.ts";
import type { PageLayout } from "./page-layout.ts";
import type { ColumnParts, PlacedPart } from "./placed-parts.ts";

/**
 * Uncompressed bytes that are worked on at once, where there is memory for them: pages are decompressed beside one another, each by few threads. The
 * first waves are smaller, so that the device has work while more is read.
 */
const WAVE_BYTES = 1 << 29;
const FIRST_WAVE_BYTES = 1 << 27;
/** A wave takes its compressed bytes, its uncompressed ones, and as much again while it is decompressed: half of what is free at most. */
const SHARE_OF_FREE = 1 / 6;
/** Bytes that are uploaded at once, and how many uploads run beside one another. */
const PIECE_BYTES = 1 << 24;
const LANES = 16;
/** Bytes between two column chunks that are rather read than asking twice. */
const GAP_BYTES = 1 << 16;

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
  const largest = Math.min(WAVE_BYTES, device.limits.bindingBytes / 2, free * SHARE_OF_FREE);
  const waves: Unit[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const unit of units) {
    const { uncompressedBytes, codec } = unit.part.chunk;
    const most = Math.min(largest, FIRST_WAVE_BYTES * 2 ** (waves.length - 1));
    if (uncompressedBytes > largest) throw new RangeError("a column chunk is too large to be decoded on the device");
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
  const layouts = allEnded(pieces.flatMap(({ spans }) => spans.flatMap(layoutsOf)));
  layouts.catch(() => undefined);
  try {
    await inLanes(LANES, pieces, (piece) => device.uploadFrom(source, piece.at / 4, piece.bytes, (target) => readPiece(piece, target)));
    const frames = new ZstdFrames();
    const pages = new Map<ColumnFill, PageRows[]>();
    let contentBytes = 0;
    let isStored = false;
    for (const { fill, part, place, layout } of await layouts) {
      isStored ||= layout.frames === null;
      const at = layout.frames === null ? place : contentBytes;
      if (layout.frames !== null) frames.include(layout.frames, place, at);
      contentBytes += layout.contentBytes;
      const own = pages.get(fill) ?? [];
      own.push(...layout.pages.map((page) => movedPage(page, at, part.row)));
      pages.set(fill, own);
    }
    const content = isStored ? source.retain() : decompressed(device, source, frames, contentBytes, failures);
    try {
      for (const [fill, own] of pages)
        unpackPages(device, { content, pages: own, words: fill.valueBytes === 4 ? 1 : 2, target: fill.values, failures });
    } finally {
      content.release();
    }
  } finally {
    // Threads read the files until then.
    await Promise.allSettled([layouts]);
    source.release();
  }
}

async function readPiece({ at, spans }: Piece, target: Uint8Array): Promise<void> {
  for (const { handle, span, place } of spans) await readSpan(handle, span, target.subarray(place - at, place - at + span.bytes));
}

function decompressed(device: Device, source: DeviceBuffer, frames: ZstdFrames, bytes: number, failures: DeviceBuffer): DeviceBuffer {
  if (Math.max(4 * wordsFor(bytes), frames.mostBytes) > device.limits.bindingBytes)
    throw new RangeError("pages are larger than their footer says, or take too much to be decompressed");
  const target = device.alloc(wordsFor(bytes), "pages");
  try {
    decompressZstd(device, { source, frames, target, failures });
    return target.retain();
  } finally {
    target.release();
  }
}

/** A unit whose chunk starts at byte `place` of a wave's, with its pages. */
interface LaidOut extends Unit {
  readonly place: number;
  readonly layout: PageLayout;
}

const layoutsOf = ({ span, place, units }: PlacedSpan): readonly Promise<LaidOut>[] =>
  units.map(async ({ fill, part }) => {
    const { handle, row, ...own } = part;
    const layout = await foundLayout({ kind: "layout", part: { ...own, file: handle.fd } });
    return { fill, part, place: place + part.chunk.at - span.at, layout };
  });

/** Where the content of its chunk starts at byte `at`, and its rows at row `row` of the column. */
function movedPage(page: PageRows, at: number, row: number): PageRows {
  const { dictionary } = page;
  const moved = dictionary?.kind === "values" ? { ...dictionary, at: dictionary.at + at } : dictionary;
  return { ...page, at: page.at + at, row: page.row + row, dictionary: moved };
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
