/** Marked rows, their ranks and their list: what numbers groups and compacts the rows that a join selects. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { constantWords } from "./fill.ts";
import type { TakenAlong } from "./gather.ts";
import { NONE, WORKGROUP } from "./hash-group-insert.ts";
import type { Scratch } from "./keys-scratch.ts";
import { exclusiveScan, SCAN_LANES, sumBefore } from "./scan.ts";

/** Rows marked in a bitmap. */
export interface MarkedRows {
  /** Bitmap of `rows` bits; bits beyond are 0. */
  readonly bits: DeviceBuffer;
  /** For each word of `bits`, the bits set in it. */
  readonly counts: DeviceBuffer;
  readonly rows: number;
}

/** For each word of a bitmap the bits set in the words before it, or those set in it. */
type RanksBy = "before" | "counts";

/** Marked rows with what is needed to say how many are marked before a row. */
export interface RankedRows extends Pick<MarkedRows, "bits" | "rows"> {
  readonly ranks: { readonly by: RanksBy; readonly words: DeviceBuffer };
}

export interface NumberedRows extends RankedRows {
  /** One word: all bits set. */
  readonly total: DeviceBuffer;
}

/** `fn rank_of(row, 0) -> u32` over bindings `bits` and `before`. */
export const RANK_FUNCTION = `
fn rank_of(row: u32, base: u32) -> u32 { return base + before[row >> 5u] + countOneBits(bits[row >> 5u] & ((1u << (row & 31u)) - 1u)); }`;

/** As RANK_FUNCTION over `bits` and `counts`, for the rows of a workgroup alone, whose base is the sum of the counts before its own. */
const OWN_RANKS = `${sumBefore("counts", WORKGROUP)}
fn rank_of(row: u32, base: u32) -> u32 {
  var rank = base;
  for (var word = (row >> 5u) & ~${WORKGROUP / 32 - 1}u; word < (row >> 5u); word++) { rank += counts[word]; }
  return rank + countOneBits(bits[row >> 5u] & ((1u << (row & 31u)) - 1u));
}`;

/**
 * As RANK_FUNCTION over `bits` and `counts`, for any rows: the base is the number of words, whose counts each workgroup adds up first. It is also
 * what tells all bits set: `all_marked`.
 */
export const ALL_RANKS = `${SCAN_LANES}
fn add_up(words: u32, lane: u32) {
  let share = (words + ${WORKGROUP - 1}u) / ${WORKGROUP}u;
  var sum = 0u;
  for (var word = lane * share; word < min(words, (lane + 1u) * share); word++) { sum += counts[word]; }
  scan_lanes(sum, lane);
}
fn all_marked() -> u32 { return scanned[${WORKGROUP - 1}]; }
fn rank_of(row: u32, words: u32) -> u32 {
  let share = (words + ${WORKGROUP - 1}u) / ${WORKGROUP}u;
  let part = (row >> 5u) / share;
  var rank = select(scanned[max(part, 1u) - 1u], 0u, part == 0u);
  for (var word = part * share; word < (row >> 5u); word++) { rank += counts[word]; }
  return rank + countOneBits(bits[row >> 5u] & ((1u << (row & 31u)) - 1u));
}`;

/** WGSL of a kernel that lists marked rows, a workgroup for ${WORKGROUP} of them: the functions, and what comes before any row is looked at. */
export const RANKS = {
  before: { functions: RANK_FUNCTION, base: "let base = 0u;" },
  counts: { functions: OWN_RANKS, base: `let base = sum_before(group * ${WORKGROUP / 32}u, lane);` },
} as const satisfies Record<RanksBy, { readonly functions: string; readonly base: string }>;

/** One thread for each row: bits, before or counts -> columns taken along, by rank. */
const takeKernel = (by: RanksBy, along: TakenAlong): Kernel => ({
  name: "rank-take",
  key: `rank-take(${by},${along.key})`,
  bindings: ["read", "read", ...along.bindings],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> bits: array<u32>;
@group(0) @binding(1) var<storage, read> ${by}: array<u32>;
${along.declarations()}
@group(0) @binding(${2 + along.bindings.length}) var<uniform> P: array<vec4<u32>, 1>; // rows
${RANKS[by].functions}
${EACH_MARKED(by)}
  ${along.text("at", ["row"])}
}`),
});

/** The entry point: `at` is the rank of the marked row `row`. */
const EACH_MARKED = (by: RanksBy): string => `@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = group_id(wid, nwg);
  let row = group * ${WORKGROUP}u + lane;
  ${RANKS[by].base}
  if (row >= P[0].x || ((bits[row >> 5u] >> (row & 31u)) & 1u) == 0u) { return; }
  let at = rank_of(row, base);`;

/** One thread for each row: bits, before or counts -> list[rank] = row, and values[row] -> picked[rank]. */
const listKernel = (withValues: boolean, by: RanksBy): Kernel => ({
  name: "rank-list",
  key: `rank-list(${withValues},${by})`,
  bindings: ["read", "read", "read_write", ...(withValues ? (["read", "read_write"] as const) : [])],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> bits: array<u32>;
@group(0) @binding(1) var<storage, read> ${by}: array<u32>;
@group(0) @binding(2) var<storage, read_write> list: array<u32>;
${withValues ? "@group(0) @binding(3) var<storage, read> values: array<u32>;\n@group(0) @binding(4) var<storage, read_write> picked: array<u32>;" : ""}
@group(0) @binding(${withValues ? 5 : 3}) var<uniform> P: array<vec4<u32>, 1>; // rows
${RANKS[by].functions}
${EACH_MARKED(by)}
  list[at] = row;
  ${withValues ? "picked[at] = values[row];" : ""}
}`),
});

/** Numbers the marked rows, whose counts it releases. The new buffers are held by `scratch`. */
export function rankRows(device: Device, scratch: Scratch, { bits, counts, rows }: MarkedRows): NumberedRows {
  const { offsets, total } = exclusiveScan(device, counts, Math.ceil(rows / 32));
  scratch.drop(counts);
  return { bits, ranks: { by: "before", words: scratch.own(offsets) }, total: scratch.own(total), rows };
}

/** Rows up to which a workgroup counts the marked rows before its own by itself: the work grows with the square. */
export const COUNTED_ROWS = 1 << 18;

/** What it takes to list the marked rows; held by `scratch`. */
export const ranksOf = (device: Device, scratch: Scratch, marked: MarkedRows): RankedRows =>
  marked.rows <= COUNTED_ROWS ? { ...marked, ranks: { by: "counts", words: marked.counts } } : rankRows(device, scratch, marked);

export interface ListedRows {
  /** The marked rows, ascending. */
  readonly list: DeviceBuffer;
  /** The values of the marked rows, in the same order. */
  readonly picked: DeviceBuffer | null;
  readonly count: number;
}

/** Lists the marked rows, which are `count`, and the words that `values` has for them; the buffers are held by `scratch`. */
export function listCounted(device: Device, scratch: Scratch, ranked: RankedRows, values: DeviceBuffer | null, count: number): ListedRows {
  const list = scratch.alloc(count, "row list");
  const picked = values === null ? null : scratch.alloc(count, "row list values");
  if (count > 0) launchList(device, ranked, list, values === null || picked === null ? [] : [values, picked]);
  return { list, picked, count };
}

/** As `listCounted` of at most `most` marked rows: NONE stands behind them, in both lists. */
export function listUpTo(
  device: Device,
  scratch: Scratch,
  ranked: RankedRows,
  values: DeviceBuffer,
  most: number,
): { readonly list: DeviceBuffer; readonly picked: DeviceBuffer } {
  const list = scratch.own(constantWords(device, NONE, Math.max(1, most)));
  const picked = scratch.own(constantWords(device, NONE, Math.max(1, most)));
  launchList(device, ranked, list, [values, picked]);
  return { list, picked };
}

/** Takes the marked rows, of which the columns have room for all. */
export const takeMarked = (device: Device, { bits, ranks, rows }: RankedRows, along: TakenAlong): void =>
  device.launch({
    kernel: takeKernel(ranks.by, along),
    bindings: [bits, ranks.words, ...along.buffers],
    params: [rows, 0, 0, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });

const launchList = (device: Device, ranked: RankedRows, list: DeviceBuffer, values: readonly DeviceBuffer[]): void =>
  device.launch({
    kernel: listKernel(values.length > 0, ranked.ranks.by),
    bindings: [ranked.bits, ranked.ranks.words, list, ...values],
    params: [ranked.rows, 0, 0, 0],
    workgroups: Math.ceil(ranked.rows / WORKGROUP),
  });
