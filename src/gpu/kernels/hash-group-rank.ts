/** Marked rows, their ranks and their list: what numbers groups and compacts the rows that a join selects. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { constantWords } from "./fill.ts";
import { NONE, WORKGROUP } from "./hash-group-insert.ts";
import type { Scratch } from "./keys-scratch.ts";
import { exclusiveScan } from "./scan.ts";

/** Rows marked in a bitmap, with what is needed to say how many are marked before any row. */
export interface RankedRows {
  /** Bitmap of `rows` bits; bits beyond are 0. */
  readonly bits: DeviceBuffer;
  /** For each word of `bits`, the bits set in the words before it. */
  readonly before: DeviceBuffer;
  /** One word: all bits set. */
  readonly total: DeviceBuffer;
  readonly rows: number;
}

/** `fn rank_of(row) -> u32` over bindings `bits` and `before`. */
export const RANK_FUNCTION = `
fn rank_of(row: u32) -> u32 { return before[row >> 5u] + countOneBits(bits[row >> 5u] & ((1u << (row & 31u)) - 1u)); }`;

/** One thread for each row: bits, before -> list[rank] = row, and values[row] -> picked[rank]. */
const listKernel = (withValues: boolean): Kernel => ({
  name: "rank-list",
  key: `rank-list(${withValues})`,
  bindings: ["read", "read", "read_write", ...(withValues ? (["read", "read_write"] as const) : [])],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> bits: array<u32>;
@group(0) @binding(1) var<storage, read> before: array<u32>;
@group(0) @binding(2) var<storage, read_write> list: array<u32>;
${withValues ? "@group(0) @binding(3) var<storage, read> values: array<u32>;\n@group(0) @binding(4) var<storage, read_write> picked: array<u32>;" : ""}
@group(0) @binding(${withValues ? 5 : 3}) var<uniform> P: array<vec4<u32>, 1>; // rows
${RANK_FUNCTION}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= P[0].x || ((bits[row >> 5u] >> (row & 31u)) & 1u) == 0u) { return; }
  let at = rank_of(row);
  list[at] = row;
  ${withValues ? "picked[at] = values[row];" : ""}
}`),
});

/** Ranks the rows of a bitmap from the bits in each of its words; releases these counts. The new buffers are held by `scratch`. */
export function rankRows(device: Device, scratch: Scratch, bits: DeviceBuffer, counts: DeviceBuffer, rows: number): RankedRows {
  const { offsets, total } = exclusiveScan(device, counts, Math.ceil(rows / 32));
  scratch.drop(counts);
  return { bits, before: scratch.own(offsets), total: scratch.own(total), rows };
}

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

const launchList = (device: Device, ranked: RankedRows, list: DeviceBuffer, values: readonly DeviceBuffer[]): void =>
  device.launch({
    kernel: listKernel(values.length > 0),
    bindings: [ranked.bits, ranked.before, list, ...values],
    params: [ranked.rows, 0, 0, 0],
    workgroups: Math.ceil(ranked.rows / WORKGROUP),
  });
