/** The kernels of the radix sort: what varies in the planes, packing it, counting digits, scattering by them. */

import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";

export const WORKGROUP = 256;

/** Rows that one workgroup counts and scatters. */
export const TILE = 4096;

/** Pieces of planes that one packed word can be made of. */
export const MOST_PIECES = 8;

const HEAD = `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = group_id(wid, nwg);`;

/**
 * For each plane, over its rows: max(~word), max(word), or(word), or(~word), in 4 words that start as 0.
 *
 *     planes | ranges: 4 words for each plane
 */
export const RANGES: Kernel = {
  name: "radix-ranges",
  key: "radix-ranges",
  bindings: ["read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read_write> ranges: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>; // rows, stride, workgroups of a plane, planes
var<workgroup> shared_: array<atomic<u32>, 4>;
${HEAD}
  let plane = group / P[0].z;
  if (plane >= P[0].w) { return; }
  var range = vec4<u32>(0u);
  for (var row = (group % P[0].z) * ${WORKGROUP}u + lane; row < P[0].x; row += P[0].z * ${WORKGROUP}u) {
    let word = planes[plane * P[0].y + row];
    range = vec4<u32>(max(range.x, ~word), max(range.y, word), range.z | word, range.w | ~word);
  }
  atomicMax(&shared_[0], range.x);
  atomicMax(&shared_[1], range.y);
  atomicOr(&shared_[2], range.z);
  atomicOr(&shared_[3], range.w);
  workgroupBarrier();
  if (lane < 2u) { atomicMax(&ranges[plane * 4u + lane], atomicLoad(&shared_[lane])); }
  else if (lane < 4u) { atomicOr(&ranges[plane * 4u + lane], atomicLoad(&shared_[lane])); }
}`),
};

/**
 * Makes one word of several pieces of planes, in the order of the permutation: planes, [rows: the permutation] -> packed.
 * A piece is (plane, least word, shift | place << 8, mask): ((word - least) >> shift & mask) << place.
 */
export const packKernel = (identity: boolean): Kernel => ({
  name: "radix-pack",
  key: `radix-pack(${identity})`,
  bindings: ["read", "read_write", ...(identity ? [] : (["read"] as const))],
  params: 4 + 4 * MOST_PIECES,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read_write> packed: array<u32>;
${identity ? "" : "@group(0) @binding(2) var<storage, read> rows: array<u32>;"}
@group(0) @binding(${identity ? 2 : 3}) var<uniform> P: array<vec4<u32>, ${1 + MOST_PIECES}>; // rows, stride, pieces; the pieces
${HEAD}
  let at = group * ${WORKGROUP}u + lane;
  if (at >= P[0].x) { return; }
  let row = ${identity ? "at" : "rows[at]"};
  var word = 0u;
  for (var k = 1u; k <= P[0].z; k++) {
    let piece = P[k];
    word |= (((planes[piece.x * P[0].y + row] - piece.y) >> (piece.z & 0xffu)) & piece.w) << (piece.z >> 8u);
  }
  packed[at] = word;
}`),
});

/** The digit of a word in this pass: P[1] = ceiling, floor, shift, mask. */
const DIGIT = `
fn digit_of(word: u32) -> u32 { return ((min(word, P[1].x) - P[1].y) >> P[1].z) & P[1].w; }`;

/**
 * What tells where the rows of a tile go: the counts of all tiles, which each adds up by itself, at [tile * 256 + digit], or sums of the counts, of
 * those in front in the order of [digit * tiles + tile].
 */
export type Places = "counts" | "offsets";

/** Counts the digits of each tile: words -> counts, laid out for `places`. */
export const countKernel = (places: Places): Kernel => ({
  name: "radix-count",
  key: `radix-count(${places})`,
  bindings: ["read", "read_write"],
  params: 8,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 2>; // rows, tiles; ceiling, floor, shift, mask
${DIGIT}
var<workgroup> sums: array<atomic<u32>, 256>;
${HEAD}
  if (group >= P[0].y) { return; }
  for (var part = 0u; part < ${TILE / WORKGROUP}u; part++) {
    let row = group * ${TILE}u + part * ${WORKGROUP}u + lane;
    if (row < P[0].x) { atomicAdd(&sums[digit_of(words[row])], 1u); }
  }
  workgroupBarrier();
  if (lane <= P[1].w) { counts[${places === "counts" ? "group * 256u + lane" : "lane * P[0].y + group"}] = atomicLoad(&sums[lane]); }
}`),
});

/** The rows of the invocation's digit in all tiles, and in those in front. */
const OWN_COUNTS = `
  var all = 0u;
  var in_front = 0u;
  if (lane <= P[1].w) {
    for (var tile = 0u; tile < P[0].y; tile += 4u) {
      var four: array<u32, 4>;
      for (var k = 0u; k < 4u; k++) { four[k] = counts[min(tile + k, P[0].y - 1u) * 256u + lane]; }
      for (var k = 0u; k < 4u; k++) {
        let count = select(0u, four[k], tile + k < P[0].y);
        all += count;
        in_front += select(0u, count, tile + k < group);
      }
    }
  }
  var all_upto = all;
  atomicStore(&stage[512u + lane], all_upto);`;

export interface ScatterSpec {
  /** The permutation so far is the row numbers themselves. */
  readonly identity: boolean;
  /** A further pass follows: it needs the words in their new order. */
  readonly keepWords: boolean;
  /** The rounds are a constant, so that what an invocation keeps of each round stays in registers; software adapters compile too long. */
  readonly unrolled: boolean;
  readonly places: Places;
}

/**
 * Moves the rows of a tile to where their digit goes, keeping their order.
 *
 *     words, counts or offsets -> moved rows | [rows: the permutation so far] | [moved words]
 *
 * Rank: 8 teams of 32 invocations; a team owns 512 consecutive rows and takes 32 of them in a round. In a round each invocation sets
 * its bit in the mask of its digit, so the mask's lower bits are the rank within the round, and `sums` has what the team counted before.
 * Scan: `sums` becomes the place in the sorted tile of each team's first row of a digit; beside it the places of digits among all rows, where
 *   the counts are added up here.
 * Move: half a tile at a time is put in order in workgroup memory, so that neighbours in a run are written by neighbours.
 *
 *     workgroup memory, 16 KiB: stage: masks[team][digit], then the half tile | sums[team][digit], then shifts[digit]
 */
export const scatterKernel = ({ identity, keepWords, unrolled, places }: ScatterSpec): Kernel => ({
  name: "radix-scatter",
  key: `radix-scatter(${identity},${keepWords},${unrolled},${places})`,
  bindings: ["read", "read", "read_write", ...(identity ? [] : (["read"] as const)), ...(keepWords ? (["read_write"] as const) : [])],
  params: 8,
  workgroup: WORKGROUP,
  wgsl: () => {
    const rounds = unrolled ? "16u" : "P[0].z";
    const own = places === "counts";
    return link(`
@group(0) @binding(0) var<storage, read> words: array<u32>;
@group(0) @binding(1) var<storage, read> ${places}: array<u32>;
@group(0) @binding(2) var<storage, read_write> moved_rows: array<u32>;
${identity ? "" : "@group(0) @binding(3) var<storage, read> rows: array<u32>;"}
${keepWords ? `@group(0) @binding(${identity ? 3 : 4}) var<storage, read_write> moved_words: array<u32>;` : ""}
@group(0) @binding(${3 + Number(!identity) + Number(keepWords)}) var<uniform> P: array<vec4<u32>, 2>; // rows, tiles, 16; ceiling, floor, shift, mask
${DIGIT}
var<workgroup> stage: array<atomic<u32>, 2048>;
var<workgroup> sums: array<u32, 2048>;
${HEAD}
  let team = lane >> 5u;
  let bit = 1u << (lane & 31u);
  let first = group * ${TILE}u + team * 512u + (lane & 31u);
  var word: array<u32, 16>;
  var place: array<u32, 16>;
  for (var k = 0u; k < ${rounds}; k++) {
    let row = first + k * 32u;
    if (row < P[0].x) { word[k] = words[row]; }
  }
  for (var k = 0u; k < ${rounds}; k++) {
    let live = first + k * 32u < P[0].x;
    let at = team * 256u + digit_of(word[k]);
    if (live) { atomicOr(&stage[at], bit); }
    workgroupBarrier();
    let mask = atomicLoad(&stage[at]);
    let sum = sums[at];
    workgroupBarrier();
    let lower = countOneBits(mask & (bit - 1u));
    place[k] = sum + lower;
    if (live && lower == 0u) {
      sums[at] = sum + countOneBits(mask);
      atomicStore(&stage[at], 0u);
    }
    workgroupBarrier();
  }

  var total = 0u;
  for (var t = 0u; t < 8u; t++) { total += sums[t * 256u + lane]; }
${own ? OWN_COUNTS : ""}
  var upto = total;
  var from_ = 0u;
  atomicStore(&stage[lane], upto);
  for (var step = 1u; step < 16u * ${rounds}; step <<= 1u) {
    workgroupBarrier();
    if (lane >= step) {
      upto += atomicLoad(&stage[from_ + lane - step]);
      ${own ? "all_upto += atomicLoad(&stage[512u + from_ + lane - step]);" : ""}
    }
    from_ = 256u - from_;
    atomicStore(&stage[from_ + lane], upto);
    ${own ? "atomicStore(&stage[512u + from_ + lane], all_upto);" : ""}
  }
  var begin = upto - total;
  var shift = 0u;
  if (lane <= P[1].w && group < P[0].y) { shift = ${own ? "all_upto - all + in_front" : "offsets[lane * P[0].y + group]"} - begin; }
  for (var t = 0u; t < 8u; t++) {
    let own = sums[t * 256u + lane];
    sums[t * 256u + lane] = begin;
    begin += own;
  }
  workgroupBarrier();
  for (var k = 0u; k < ${rounds}; k++) { place[k] += sums[team * 256u + digit_of(word[k])]; }
  workgroupBarrier();
  sums[lane] = shift;

  let live_rows = P[0].x - min(P[0].x, group * ${TILE}u);
  for (var half = 0u; half < ${rounds} / 8u; half++) {
    var to: array<u32, 8>;
    for (var k = 0u; k < ${rounds}; k++) {
      if (place[k] >> 11u == half && first + k * 32u < P[0].x) { atomicStore(&stage[place[k] & 2047u], word[k]); }
    }
    workgroupBarrier();
    for (var k = 0u; k < ${rounds} / 2u; k++) {
      let at = k * 256u + lane;
      let moved = atomicLoad(&stage[at]);
      to[k] = sums[digit_of(moved)] + half * 2048u + at;
      ${keepWords ? "if (half * 2048u + at < live_rows) { moved_words[to[k]] = moved; }" : ""}
    }
    workgroupBarrier();
    for (var k = 0u; k < ${rounds}; k++) {
      let row = first + k * 32u;
      if (place[k] >> 11u == half && row < P[0].x) { atomicStore(&stage[place[k] & 2047u], ${identity ? "row" : "rows[row]"}); }
    }
    workgroupBarrier();
    for (var k = 0u; k < ${rounds} / 2u; k++) {
      let at = k * 256u + lane;
      if (half * 2048u + at < live_rows) { moved_rows[to[k]] = atomicLoad(&stage[at]); }
    }
    workgroupBarrier();
  }
}`);
  },
});
