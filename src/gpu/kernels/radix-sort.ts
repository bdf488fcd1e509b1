/** Stable sorting: a permutation of row numbers by radix passes from the least significant digit, over the bits that vary. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Binding } from "../kernel.ts";
import { iota } from "./fill.ts";
import type { KeyPlanes } from "./keys.ts";
import { type Scratch, withScratch, withScratchAsync } from "./keys-scratch.ts";
import { countKernel, MOST_PIECES, packKernel, RANGES, scatterKernel, TILE, WORKGROUP } from "./radix-sort-kernels.ts";
import { isRanked, rankSort } from "./rank-sort.ts";
import { exclusiveScan } from "./scan.ts";

/** `bits` bits of what varies in a plane, to be put at bit `place` of a packed word: (word - least) >> shift. */
interface Piece {
  readonly plane: number;
  readonly least: number;
  readonly shift: number;
  readonly bits: number;
  readonly place: number;
}

/** Words to sort by in one go, and how to read their digits: (min(word, ceiling) - floor) >> shift, `bits` bits of it. */
interface Digits {
  readonly words: Binding;
  readonly ceiling: number;
  readonly floor: number;
  readonly shift: number;
  readonly bits: number;
}

const bitLength = (word: number): number => 32 - Math.clz32(word);
const maskOf = (bits: number): number => (bits >= 32 ? 0xffffffff : 2 ** bits - 1);

/** The bits that vary in a plane: (word - least) >> shift, of `bits` bits. */
interface Varying {
  readonly plane: number;
  readonly least: number;
  readonly shift: number;
  readonly bits: number;
}

/** The planes that vary, most significant first. One round trip. At least one row and one plane. */
export async function varyingPlanes(device: Device, scratch: Scratch, keys: KeyPlanes): Promise<readonly Varying[]> {
  const { rows, planes, stride } = keys;
  const ranges = scratch.zeroed(planes * 4, "sort ranges");
  const parts = Math.min(1024, Math.ceil(rows / TILE));
  device.launch({ kernel: RANGES, bindings: [keys.buffer, ranges], params: [rows, stride, parts, planes], workgroups: planes * parts });
  const words = await device.read(ranges, 0, planes * 4);
  return Array.from({ length: planes }, (_, plane) => {
    const [inverted = 0, most = 0, some = 0, someNot = 0] = words.subarray(plane * 4, plane * 4 + 4);
    const least = ~inverted >>> 0;
    const varying = (some & someNot) >>> 0;
    const shift = varying === 0 ? 0 : 31 - Math.clz32(varying & -varying);
    return { plane, least, shift, bits: bitLength(((most - least) >>> 0) >>> shift) };
  }).filter(({ bits }) => bits > 0);
}

/** What varies in each plane, in as few 32-bit words as hold it, least significant word first. */
function planWords(varying: readonly Varying[]): readonly (readonly Piece[])[] {
  const words: Piece[][] = [];
  let room = 0;
  for (const { plane, least, ...rest } of varying.toReversed()) {
    let { shift, bits } = rest;
    while (bits > 0) {
      let word = words.at(-1);
      if (word === undefined || room === 0 || word.length === MOST_PIECES) {
        word = [];
        words.push(word);
        room = 32;
      }
      const taken = Math.min(bits, room);
      word.push({ plane, least, shift, bits: taken, place: 32 - room });
      shift += taken;
      bits -= taken;
      room -= taken;
    }
  }
  return words;
}

/** The most significant bits that vary, at the top of one word: rows ordered by it are in order, but for those with equal words. */
export function planLeadingWord(varying: readonly Varying[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let room = 32;
  for (const { plane, least, shift, bits } of varying) {
    const taken = Math.min(bits, room);
    if (taken === 0 || pieces.length === MOST_PIECES) break;
    room -= taken;
    pieces.push({ plane, least, shift: shift + bits - taken, bits: taken, place: room });
  }
  return pieces;
}

/** Packs the pieces of each row into a word, held by `scratch`; `order`: the rows in the order wanted, null for their own. */
export function packWords(
  device: Device,
  scratch: Scratch,
  keys: KeyPlanes,
  pieces: readonly Piece[],
  order: DeviceBuffer | null,
): DeviceBuffer {
  const words = scratch.alloc(keys.rows, "sort words");
  device.launch({
    kernel: packKernel(order === null),
    bindings: [keys.buffer, words, ...(order === null ? [] : [order])],
    params: [
      keys.rows,
      keys.stride,
      pieces.length,
      0,
      ...pieces.flatMap((piece) => [piece.plane, piece.least, piece.shift | (piece.place << 8), maskOf(piece.bits)]),
    ],
    workgroups: Math.ceil(keys.rows / WORKGROUP),
  });
  return words;
}

/** Tiles up to which each adds up the counts of all by itself. */
const TILES_ADDED_UP = 64;

/** The counts, which are released, as sums of those in front; held by `scratch`. */
const offsetsOf = (device: Device, scratch: Scratch, counts: DeviceBuffer, number: number): DeviceBuffer => {
  const { offsets, total } = exclusiveScan(device, counts, number);
  total.release();
  scratch.drop(counts);
  return scratch.own(offsets);
};

/**
 * Sorts by all digits of `digits`, least significant first. `start`: the permutation so far, null for the row numbers themselves;
 * taken over. Returns the new one, held by `scratch`.
 */
function sortByWords(device: Device, scratch: Scratch, digits: Digits, rows: number, start: DeviceBuffer | null): DeviceBuffer | null {
  const tiles = Math.ceil(rows / TILE);
  const passes = Math.ceil(digits.bits / 8);
  const places = tiles <= TILES_ADDED_UP ? "counts" : "offsets";
  let words = digits.words;
  let permutation = start;
  for (let pass = 0, done = 0; pass < passes; pass++) {
    const bits = Math.ceil((digits.bits - done) / (passes - pass));
    const mask = maskOf(bits);
    const params = [rows, tiles, 16, 0, digits.ceiling, digits.floor, digits.shift + done, mask];
    const counts = scratch.alloc(tiles * (places === "counts" ? 256 : mask + 1), "sort digit counts");
    device.launch({ kernel: countKernel(places), bindings: [words, counts], params, workgroups: tiles });
    const ranks = places === "counts" ? counts : offsetsOf(device, scratch, counts, tiles * (mask + 1));
    const movedRows = scratch.alloc(rows, "sort rows");
    const movedWords = pass + 1 < passes ? scratch.alloc(rows, "sort words") : null;
    device.launch({
      kernel: scatterKernel({ identity: permutation === null, keepWords: movedWords !== null, unrolled: !device.adapter.software, places }),
      bindings: [words, ranks, movedRows, ...(permutation === null ? [] : [permutation]), ...(movedWords === null ? [] : [movedWords])],
      params,
      workgroups: tiles,
    });
    scratch.drop(ranks);
    if (permutation !== null) scratch.drop(permutation);
    if (!("buffer" in words)) scratch.drop(words);
    permutation = movedRows;
    if (movedWords !== null) words = movedWords;
    done += bits;
  }
  return permutation;
}

function sortByPieces(
  device: Device,
  scratch: Scratch,
  keys: KeyPlanes,
  pieces: readonly Piece[],
  start: DeviceBuffer | null,
): DeviceBuffer | null {
  const { rows } = keys;
  const bits = pieces.reduce((sum, piece) => sum + piece.bits, 0);
  const [only] = pieces;
  if (start === null && pieces.length === 1 && only !== undefined) {
    const words = { buffer: keys.buffer, offset: only.plane * keys.stride * 4, size: rows * 4 };
    return sortByWords(device, scratch, { words, ceiling: 0xffffffff, floor: only.least, shift: only.shift, bits }, rows, null);
  }
  const words = packWords(device, scratch, keys, pieces, start);
  return sortByWords(device, scratch, { words, ceiling: 0xffffffff, floor: 0, shift: 0, bits }, rows, start);
}

const checkRows = (device: Device, rows: number): void => {
  if (rows * 4 > device.limits.bindingBytes) {
    throw new OutOfDeviceMemoryError(
      `a sort of ${rows} rows needs words of ${rows * 4} bytes, a binding holds ${device.limits.bindingBytes}`,
    );
  }
};

/**
 * The row numbers ordered by their key words, compared plane by plane as unsigned numbers; rows with equal words keep their order. Bits
 * that are the same in all rows cost nothing. One round trip, none for few rows. The caller owns the result.
 */
export async function sortRows(device: Device, keys: KeyPlanes): Promise<DeviceBuffer> {
  const { rows, planes } = keys;
  checkRows(device, rows);
  const all = { list: null, count: rows };
  if (isRanked(device, keys, all)) return rankSort(device, keys, all, rows);
  return withScratchAsync(device, async (scratch) => {
    if (rows < 2 || planes === 0) return iota(device, 0, rows);
    const words = planWords(await varyingPlanes(device, scratch, keys));
    let permutation: DeviceBuffer | null = null;
    for (const pieces of words) permutation = sortByPieces(device, scratch, keys, pieces, permutation);
    return permutation === null ? iota(device, 0, rows) : scratch.keep(permutation);
  });
}

/**
 * The row numbers ordered by `ids` (one u32 for each row), rows of one id in their order; ids of `idLimit` and above all come last,
 * as one. Only as many digits are sorted as `idLimit` has. No round trip. The caller owns the result.
 */
export function sortById(device: Device, ids: DeviceBuffer, rows: number, idLimit: number): DeviceBuffer {
  checkRows(device, rows);
  return withScratch(device, (scratch) => {
    if (rows < 2 || idLimit === 0) return iota(device, 0, rows);
    const words = { buffer: ids, offset: 0, size: rows * 4 };
    const digits = { words, ceiling: idLimit, floor: 0, shift: 0, bits: bitLength(idLimit) };
    const permutation = sortByWords(device, scratch, digits, rows, null);
    return permutation === null ? iota(device, 0, rows) : scratch.keep(permutation);
  });
}
