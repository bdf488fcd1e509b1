/** Assigns rows to partitions: by the hash of their keys, or by where their ordered keys lie among split points. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { hashFunction, layoutOf, WORKGROUP } from "./hash-group-insert.ts";
import type { KeyPlanes } from "./keys.ts";

/**
 * One thread for each row.
 *
 *     bindings: planes (read) | ids (read_write)
 *     params:   rows, stride, partitions
 */
const hashKernel = (keys: KeyPlanes): Kernel => {
  const layout = layoutOf(keys);
  return {
    name: "partition-hash",
    key: `partition-hash(${layout.values})`,
    bindings: ["read", "read_write"],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
${hashFunction({ name: "planes", stride: "P[0].y", layout })}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= P[0].x) { return; }
  // the low bits choose the slot inside a partition's table, the high ones the partition
  ids[row] = u32_mul_wide(key_hash(row), P[0].z).y;
}`),
  };
};

/** u32 partition below `partitions` for each row; rows with equal value words share one. Owned by the caller. */
export function hashPartitions(device: Device, keys: KeyPlanes, partitions: number): DeviceBuffer {
  const ids = device.alloc(Math.max(4, keys.rows), "partition ids");
  const params = [keys.rows, keys.stride, partitions, 0];
  device.launch({ kernel: hashKernel(keys), bindings: [keys.buffer, ids], params, workgroups: Math.ceil(keys.rows / WORKGROUP) });
  return ids;
}

/**
 * One thread for each row; binary search among the split points, which lie one after the other, a word for each plane.
 *
 *     bindings: planes (read) | splits (read) | ids (read_write)
 *     params:   rows, stride, number of split points
 */
const rangeKernel = (planes: number): Kernel => ({
  name: "partition-range",
  key: `partition-range(${planes})`,
  bindings: ["read", "read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read> splits: array<u32>;
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;
fn compare(row: u32, split: u32) -> i32 {
  for (var p = 0u; p < ${planes}u; p++) {
    let a = planes[p * P[0].y + row];
    let b = splits[split * ${planes}u + p];
    if (a != b) { return select(1, -1, a < b); }
  }
  return 0;
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= P[0].x) { return; }
  var low = 0u;
  var high = P[0].z;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (compare(row, middle) > 0) { low = middle + 1u; } else { high = middle; }
  }
  let equal = low < P[0].z && compare(row, low) == 0;
  ids[row] = 2u * low + select(0u, 1u, equal);
}`),
});

/**
 * u32 partition of each row: 2 s for rows between split points s - 1 and s, 2 s + 1 for rows equal to split point s. `splits`: ascending,
 * without repeats, `planes` words each. Owned by the caller.
 */
export function rangePartitions(device: Device, keys: KeyPlanes, splits: DeviceBuffer, count: number): DeviceBuffer {
  const ids = device.alloc(Math.max(4, keys.rows), "partition ids");
  const params = [keys.rows, keys.stride, count, 0];
  device.launch({
    kernel: rangeKernel(keys.planes),
    bindings: [keys.buffer, splits, ids],
    params,
    workgroups: Math.ceil(keys.rows / WORKGROUP),
  });
  return ids;
}
