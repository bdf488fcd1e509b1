/** Rows repeated as often as a count of each says: the row of every output row, and its place among the repetitions. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { withScratchAsync } from "./keys-scratch.ts";
import { exclusiveScan } from "./scan.ts";

const WORKGROUP = 256;
/** Output rows that a workgroup makes. */
const TILE = 1024;

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
var<workgroup> low: atomic<u32>;
var<workgroup> high: atomic<u32>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row < P[0].x) {
    // halves of 16 bits: the sums of a workgroup cannot wrap
    let count = counts[row];
    if ((count & 0xffffu) != 0u) { atomicAdd(&low, count & 0xffffu); }
    if ((count >> 16u) != 0u) { atomicAdd(&high, count >> 16u); }
  }
  workgroupBarrier();
  if (lane == 0u) {
    let upper = atomicLoad(&high);
    let lower = atomicLoad(&low);
    let sum = lower + (upper << 16u);
    let before = atomicAdd(&total[0], sum);
    let carry = (upper >> 16u) + u32(sum < lower) + u32(before + sum < before);
    if (carry != 0u) { atomicAdd(&total[1], carry); }
  }
}`),
};

/**
 * Output row i is of the last row whose offset is at most i. A workgroup bounds the search for its tile first.
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
var<workgroup> bounds: array<u32, 2>;
fn owner(i: u32, from_: u32, to: u32) -> u32 {
  var lo = from_;
  var hi = to;
  while (lo < hi) {
    let mid = lo + (hi - lo + 1u) / 2u;
    if (offsets[mid] <= i) { lo = mid; } else { hi = mid - 1u; }
  }
  return lo;
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first = group_id(wid, nwg) * ${TILE}u;
  if (lane < 2u) { bounds[lane] = owner(min(first + lane * ${TILE - 1}u, P[0].y - 1u), 0u, P[0].x - 1u); }
  workgroupBarrier();
  for (var part = 0u; part < ${TILE / WORKGROUP}u; part++) {
    let i = first + part * ${WORKGROUP}u + lane;
    if (i >= P[0].y) { return; }
    let row = owner(i, bounds[0], bounds[1]);
    rows[i] = row;
    places[i] = i - offsets[row];
  }
}`),
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
      device.launch({ kernel: REPEAT, bindings: [offsets, repeated, places], params: [rows, count], workgroups: Math.ceil(count / TILE) });
    return { rows: scratch.keep(repeated), places: scratch.keep(places), count };
  });
}
