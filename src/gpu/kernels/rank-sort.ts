/** Sorting few rows at once: the place of each is how many come before it. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import type { KeyPlanes } from "./keys.ts";

const WORKGROUP = 64;

/** planes: key words, the first plane decides first -> rows in order */
const RANK_SORT: Kernel = {
  name: "rank-sort",
  key: "rank-sort",
  bindings: ["read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read_write> sorted: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>; // rows, stride, planes
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
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= P[0].x) { return; }
  var place = 0u;
  for (var other = 0u; other < P[0].x; other++) { place += u32(before(other, row)); }
  sorted[place] = row;
}`),
};

/** Rows up to which this is faster than reading what varies in their keys: the work grows with the square. */
export const RANKED_ROWS = 1024;

/** As `sortRows`, without a round trip. */
export function rankSort(device: Device, { buffer, rows, stride, planes }: KeyPlanes): DeviceBuffer {
  const sorted = device.alloc(Math.max(1, rows), "sorted rows");
  device.launch({
    kernel: RANK_SORT,
    bindings: [buffer, sorted],
    params: [rows, stride, planes, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  return sorted;
}
