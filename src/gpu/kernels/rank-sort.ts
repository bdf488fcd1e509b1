/** Sorting few rows at once: the place of each is how many come before it. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { type TakenAlong, takeAllAlong } from "./gather.ts";
import type { KeyPlanes } from "./keys.ts";

const WORKGROUP = 64;

/** planes: key words, the first plane decides first | the rows to sort, where not all are -> rows in order, or those of the columns taken along */
const rankKernel = (listed: boolean, along: TakenAlong | null): Kernel => {
  const before = listed ? 2 : 1;
  const targets = along?.bindings ?? (["read_write"] as const);
  return {
    name: "rank-sort",
    key: `rank-sort(${listed},${along?.key ?? ""})`,
    bindings: ["read", ...(listed ? (["read"] as const) : []), ...targets],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
${listed ? "@group(0) @binding(1) var<storage, read> list: array<u32>;" : ""}
${along === null ? `@group(0) @binding(${before}) var<storage, read_write> sorted: array<u32>;` : along.declarations()}
@group(0) @binding(${before + targets.length}) var<uniform> P: array<vec4<u32>, 1>; // rows, stride, planes, rows wanted
fn row_at(i: u32) -> u32 { return ${listed ? "list[i]" : "i"}; }
fn before(a: u32, b: u32) -> bool {
  for (var plane = 0u; plane < P[0].z; plane++) {
    let x = planes[plane * P[0].y + a];
    let y = planes[plane * P[0].y + b];
    if (x != y) { return x < y; }
  }
  return a < b;
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let own = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (own >= P[0].x) { return; }
  let row = row_at(own);
  var place = 0u;
  for (var other = 0u; other < P[0].x; other++) { place += u32(before(row_at(other), row)); }
  if (place >= P[0].w) { return; }
  ${along === null ? "sorted[place] = row;" : along.text("place", ["row"])}
}`),
  };
};

/** Rows up to which this is faster than reading what varies in their keys: the work grows with the square. */
export const RANKED_ROWS = 1024;

/** Rows of key planes that are to be sorted. */
export interface RowsToRank {
  /** u32, ascending; null: all rows of the planes. */
  readonly list: DeviceBuffer | null;
  readonly count: number;
}

/** Whether so few rows are sorted at once; without keys nothing is. */
export const isRanked = ({ planes }: KeyPlanes, { count }: RowsToRank): boolean => count <= RANKED_ROWS && planes > 0;

/** The first `most` of the rows in the order of their keys, rows with equal keys in their own; without a round trip. The caller owns the result. */
export function rankSort(device: Device, keys: KeyPlanes, rows: RowsToRank, most: number): DeviceBuffer {
  const sorted = device.alloc(Math.max(1, most), "sorted rows");
  launch(device, keys, rows, most, null, [sorted]);
  return sorted;
}

/** These rows of columns, which the caller owns; null where some column is not plain or there are none. */
export function rankColumns(
  device: Device,
  keys: KeyPlanes,
  rows: RowsToRank,
  columns: readonly Column[],
  most: number,
): readonly Column[] | null {
  const along = takeAllAlong(device, columns, most, rows.list === null ? 1 : 2);
  if (along === null) return null;
  for (const taken of along) launch(device, keys, rows, most, taken, taken.buffers);
  return along.flatMap(({ targets }) => targets.flat());
}

const launch = (
  device: Device,
  { buffer, stride, planes }: KeyPlanes,
  { list, count }: RowsToRank,
  most: number,
  along: TakenAlong | null,
  targets: readonly DeviceBuffer[],
): void =>
  device.launch({
    kernel: rankKernel(list !== null, along),
    bindings: [buffer, ...(list === null ? [] : [list]), ...targets],
    params: [count, stride, planes, most],
    workgroups: Math.ceil(count / WORKGROUP),
  });
