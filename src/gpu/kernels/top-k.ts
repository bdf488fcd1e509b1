/** The first rows of a sort without sorting all: rows beyond a threshold of their leading bits are dropped first. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { gather } from "./gather.ts";
import { WORKGROUP } from "./hash-group-insert.ts";
import { listCounted, ranksOf } from "./hash-group-rank.ts";
import type { KeyPlanes } from "./keys.ts";
import { type Scratch, withScratchAsync } from "./keys-scratch.ts";
import { packWords, planLeadingWord, sortRows, varyingPlanes } from "./radix-sort.ts";
import { comesBefore, isRanked, type RowsToRank, rankColumns, rankSort } from "./rank-sort.ts";

/** Bins of the histogram of leading bits. */
const BIN_BITS = 11;
const BINS = 2 ** BIN_BITS;

/** Rows that one workgroup counts. */
const SPAN = 16_384;

const HEAD = `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = group_id(wid, nwg);
  let row = group * ${WORKGROUP}u + lane;`;

/** Counts words by their leading bits, 8 KiB of workgroup memory: words -> histogram, which starts as 0. */
const HISTOGRAM: Kernel = {
  name: "top-histogram",
  key: "top-histogram",
  bindings: ["read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> histogram: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>; // rows
var<workgroup> bins: array<atomic<u32>, ${BINS}>;
${HEAD}
  let first = group * ${SPAN}u;
  let end = min(P[0].x, first + ${SPAN}u);
  for (var at = first + lane; at < end; at += ${WORKGROUP}u) { atomicAdd(&bins[words[at] >> ${32 - BIN_BITS}u], 1u); }
  workgroupBarrier();
  for (var bin = lane; bin < ${BINS}u; bin += ${WORKGROUP}u) {
    let count = atomicLoad(&bins[bin]);
    if (count != 0u) { atomicAdd(&histogram[bin], count); }
  }
}`),
};

/** Marks the rows whose leading bits are at most a threshold: words -> bits, counts. */
const THRESHOLD: Kernel = {
  name: "top-threshold",
  key: "top-threshold",
  bindings: ["read", "read_write", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>; // rows, words of the bitmap, threshold
var<workgroup> marks: array<atomic<u32>, ${WORKGROUP / 32}>;
${HEAD}
  if (row < P[0].x && words[row] >> ${32 - BIN_BITS}u <= P[0].z) { atomicOr(&marks[lane >> 5u], 1u << (lane & 31u)); }
  workgroupBarrier();
  let word = group * ${WORKGROUP / 32}u + lane;
  if (lane < ${WORKGROUP / 32}u && word < P[0].y) {
    let marked = atomicLoad(&marks[lane]);
    bits[word] = marked;
    counts[word] = countOneBits(marked);
  }
}`),
};

/** Rows of word planes at given places: planes, rows -> gathered; P = rows wanted, their stride, stride of the planes, planes. */
const GATHER: Kernel = {
  name: "top-gather",
  key: "top-gather",
  bindings: ["read", "read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> gathered: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;
${HEAD}
  if (row >= P[0].x) { return; }
  for (var plane = 0u; plane < P[0].w; plane++) { gathered[plane * P[0].y + row] = planes[plane * P[0].z + rows[row]]; }
}`),
};

/** Rows of a tile, of which the first ones are found by ranking each among all of it. */
const TILE = 1024;
/** Wanted rows up to which tiles leave a quarter of their rows at most, and rows up to which that takes no longer than two round trips. */
const TILE_WANTED = TILE / 4;
const TILED_ROWS = 1 << 19;

/** planes | rows in tiles, where not all are -> of each tile the first rows; P = rows, stride of the planes, planes, rows wanted of a tile. */
const topOfTiles = (listed: boolean): Kernel => {
  const reads = listed ? (["read", "read"] as const) : (["read"] as const);
  return {
    name: "top-tiles",
    key: `top-tiles(${listed})`,
    bindings: [...reads, "read_write"],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
${listed ? "@group(0) @binding(1) var<storage, read> list: array<u32>;" : ""}
@group(0) @binding(${reads.length}) var<storage, read_write> found: array<u32>;
@group(0) @binding(${reads.length + 1}) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> rows: array<u32, ${TILE}>;
var<workgroup> words: array<u32, ${TILE}>;
${comesBefore("P[0].z", "P[0].y")}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tile = group_id(wid, nwg);
  let first = tile * ${TILE}u;
  if (first >= P[0].x) { return; }
  let number = min(${TILE}u, P[0].x - first);
  for (var at = lane; at < number; at += ${WORKGROUP}u) {
    let row = ${listed ? "list[first + at]" : "first + at"};
    rows[at] = row;
    words[at] = planes[row];
  }
  workgroupBarrier();
  for (var at = lane; at < number; at += ${WORKGROUP}u) {
    let row = rows[at];
    let word = words[at];
    var place = 0u;
    for (var other = 0u; other < number; other++) {
      let seen = words[other];
      if (seen < word) { place += 1u; }
      if (seen == word) { place += u32(comes_before(rows[other], row)); }
    }
    if (place < P[0].w) { found[tile * P[0].w + place] = row; }
  }
}`),
  };
};

/** Rows few enough to be ranked, which the first `count` ones are among, held by `scratch`: the first ones of tiles, of these again. */
function firstOfTiles(device: Device, scratch: Scratch, keys: KeyPlanes, count: number): RowsToRank {
  let left: RowsToRank = { list: null, count: keys.rows };
  while (!isRanked(device, keys, left)) {
    const tiles = Math.ceil(left.count / TILE);
    const found = scratch.alloc(tiles * count, "top rows of tiles");
    device.launch({
      kernel: topOfTiles(left.list !== null),
      bindings: [keys.buffer, ...(left.list === null ? [] : [left.list]), found],
      params: [left.count, keys.stride, keys.planes, count],
      workgroups: tiles,
    });
    if (left.list !== null) scratch.drop(left.list);
    left = { list: found, count: (tiles - 1) * count + Math.min(count, left.count - (tiles - 1) * TILE) };
  }
  return left;
}

/**
 * The first `k` rows (all where there are fewer) of columns in the order of `sortRows`; the caller owns the results. Where the leading bits
 * do not set at least half of the rows apart from these, all rows are sorted. At most three round trips, none for few rows, and none for few
 * wanted ones of some hundred thousand.
 */
export function topColumns(device: Device, keys: KeyPlanes, columns: readonly Column[], k: number): Promise<readonly Column[]> {
  const count = Math.min(k, keys.rows);
  return withScratchAsync(device, async (scratch) => {
    const candidates = await candidatesOf(device, scratch, keys, count);
    const few = isRanked(device, keys, candidates);
    const ranked = few ? rankColumns(device, keys, candidates, columns, count) : null;
    if (ranked !== null) return ranked;
    const rows = scratch.own(
      few ? rankSort(device, keys, candidates, count) : await sortCandidates(device, scratch, keys, candidates, count),
    );
    return gather(device, columns, rows, count, false);
  });
}

/** Rows that the first `count` ones are among: all, or those that a threshold of the leading bits leaves, held by `scratch`. */
async function candidatesOf(device: Device, scratch: Scratch, keys: KeyPlanes, count: number): Promise<RowsToRank> {
  const { rows } = keys;
  const all = { list: null, count: rows };
  if (isRanked(device, keys, all) || count * 2 >= rows || keys.planes === 0) return all;
  if (count <= TILE_WANTED && rows <= TILED_ROWS) return firstOfTiles(device, scratch, keys, count);
  const varying = await varyingPlanes(device, scratch, keys);
  if (varying.length === 0) return all;
  const words = packWords(device, scratch, keys, planLeadingWord(varying), null);
  const histogram = scratch.zeroed(BINS, "top histogram");
  device.launch({ kernel: HISTOGRAM, bindings: [words, histogram], params: [rows, 0, 0, 0], workgroups: Math.ceil(rows / SPAN) });
  const bins = await device.read(histogram, 0, BINS);
  let candidates = 0;
  let threshold = -1;
  while (candidates < count) {
    threshold += 1;
    candidates += bins[threshold] ?? 0;
  }
  if (candidates * 2 > rows) return all;
  const bitmap = Math.ceil(rows / 32);
  const bits = scratch.alloc(bitmap, "top marks");
  const counts = scratch.alloc(bitmap, "top mark counts");
  const workgroups = Math.ceil(rows / WORKGROUP);
  device.launch({ kernel: THRESHOLD, bindings: [words, bits, counts], params: [rows, bitmap, Math.max(0, threshold), 0], workgroups });
  const { list } = listCounted(device, scratch, ranksOf(device, scratch, { bits, counts, rows }), null, candidates);
  return { list, count: candidates };
}

/** The first `count` candidates in order; owned by the caller, and longer than that where there are more. */
async function sortCandidates(
  device: Device,
  scratch: Scratch,
  keys: KeyPlanes,
  { list, count: candidates }: RowsToRank,
  count: number,
): Promise<DeviceBuffer> {
  if (list === null) return sortRows(device, keys);
  const take = (planes: DeviceBuffer, stride: number, width: number, at: DeviceBuffer, wanted: number): KeyPlanes => {
    const own = Math.max(64, Math.ceil(wanted / 64) * 64);
    const buffer = scratch.alloc(own * width, "top rows");
    const workgroups = Math.ceil(wanted / WORKGROUP);
    device.launch({ kernel: GATHER, bindings: [planes, at, buffer], params: [wanted, own, stride, width], workgroups });
    return { buffer, planes: width, rows: wanted, stride: own, nullPlane: null, interleaved: false };
  };
  const order = scratch.own(await sortRows(device, take(keys.buffer, keys.stride, keys.planes, list, candidates)));
  return scratch.keep(take(list, 0, 1, order, count).buffer);
}
