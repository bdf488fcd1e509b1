/** Translates group numbers of one batch to those of all batches. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";

const WORKGROUP = 256;

/**
 * One thread for each row.
 *
 *     bindings: ids (read) | table (read) | out (read_write)
 *     params:   rows, base
 */
const REMAP: Kernel = {
  name: "remap",
  key: "remap",
  bindings: ["read", "read", "read_write"],
  params: 2,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> ids: array<u32>;
@group(0) @binding(1) var<storage, read> table: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lid;
  if (row >= P[0].x) { return; }
  let id = ids[row];
  if (id == 0xffffffffu) { result[row] = id; } else { result[row] = table[P[0].y + id]; }
}`),
};

/** `table[base + ids[i]]` for each row, 0xFFFFFFFF where the id is that; owned by the caller. */
export function remap(device: Device, ids: DeviceBuffer, table: DeviceBuffer, base: number, rows: number): DeviceBuffer {
  const result = device.alloc(Math.max(4, rows), "remapped ids");
  device.launch({ kernel: REMAP, bindings: [ids, table, result], params: [rows, base], workgroups: Math.ceil(rows / WORKGROUP) });
  return result;
}
