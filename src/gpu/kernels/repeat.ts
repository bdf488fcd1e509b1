/** Rows repeated as often as a count of each says: the row of every output row, and its place among the repetitions. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { ADD_COUNT, ADD_TOTAL, COUNT_SUMS, EXPAND_TILE, overOutputRows } from "./expansion.ts";
import { WORKGROUP } from "./hash-group-insert.ts";
import { withScratchAsync } from "./keys-scratch.ts";
import { exclusiveScan } from "./scan.ts";

/** The 64-bit sum of the counts, in two words: low, high. P = rows. */
const TOTAL: Kernel = {
  name: "repeat-total",
  key: "repeat-total",
  bindings: ["read", "read_write"],
  params: 1,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> counts: array<u32>;
@group(0) @binding(1) var<storage, read_write> total: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
${COUNT_SUMS}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row < P[0].x) {
    let count = counts[row];
    ${ADD_COUNT}
  }
  ${ADD_TOTAL}
}`),
};

/**
 * The rows and places of output rows.
 *
 *     offsets: first output row of each row -> rows, places; P = rows, output rows
 */
const REPEAT: Kernel = {
  name: "repeat",
  key: "repeat",
  bindings: ["read", "read_write", "read_write"],
  params: 2,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> offsets: array<u32>;
@group(0) @binding(1) var<storage, read_write> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> places: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;
${overOutputRows("rows[i] = row;\n    places[i] = i - offsets[row];")}`),
};

/** For each output row its row, ascending, and its place, 0 to the row's count - 1. The owner releases both buffers. */
export interface Repeated {
  readonly rows: DeviceBuffer;
  readonly places: DeviceBuffer;
  readonly count: number;
}

/**
 * `counts`: a u32 word for each of `rows` rows. One round trip.
 * @throws OutOfDeviceMemoryError where the output rows do not fit a binding.
 */
export function repeatRows(device: Device, counts: DeviceBuffer, rows: number): Promise<Repeated> {
  return withScratchAsync(device, async (scratch) => {
    const total = scratch.zeroed(2, "repeat total");
    if (rows > 0) device.launch({ kernel: TOTAL, bindings: [counts, total], params: [rows], workgroups: Math.ceil(rows / WORKGROUP) });
    const scanned = exclusiveScan(device, counts, rows);
    const offsets = scratch.own(scanned.offsets);
    scanned.total.release();
    const [low = 0, high = 0] = await device.read(total, 0, 2);
    const count = low + high * 2 ** 32;
    if (count * 4 > device.limits.bindingBytes) throw new OutOfDeviceMemoryError(`${count} repeated rows do not fit a binding`);
    const [repeated, places] = [scratch.alloc(count, "repeated rows"), scratch.alloc(count, "places")];
    if (count > 0)
      device.launch({
        kernel: REPEAT,
        bindings: [offsets, repeated, places],
        params: [rows, count],
        workgroups: Math.ceil(count / EXPAND_TILE),
      });
    return { rows: scratch.keep(repeated), places: scratch.keep(places), count };
  });
}
