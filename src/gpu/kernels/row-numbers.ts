/** A column of row numbers as what `gather` takes, and whether there are rows of all of these numbers. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { NULL_ROW } from "./gather.ts";

const WORKGROUP = 256;

/**
 * One thread for each number. Numbers that may be null are copied, with NULL_ROW for the nulls.
 *
 *     bindings: column (read) | beyond (read_write), and where numbers may be null: numbers (read_write)
 *     params:   count, height, first word of the validity
 */
const rowNumbersKernel = (mayBeNull: boolean): Kernel => ({
  name: "row-numbers",
  key: `${mayBeNull}`,
  bindings: ["read", "read_write", ...(mayBeNull ? (["read_write"] as const) : [])],
  params: 3,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> column: array<u32>;
@group(0) @binding(1) var<storage, read_write> beyond: array<atomic<u32>>;
${mayBeNull ? "@group(0) @binding(2) var<storage, read_write> numbers: array<u32>;" : ""}
@group(0) @binding(${mayBeNull ? 3 : 2}) var<uniform> P: array<vec4<u32>, 1>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let at = group_id(wid, nwg) * ${WORKGROUP}u + lid;
  if (at >= P[0].x) { return; }
  let number = column[at];
${
  mayBeNull
    ? `  let valid = ((column[P[0].z + (at >> 5u)] >> (at & 31u)) & 1u) != 0u;
  numbers[at] = select(${NULL_ROW}u, number, valid);
  if (!valid) { return; }`
    : ""
}
  if (number >= P[0].y) { atomicStore(&beyond[0], 1u); }
}`),
});

const KERNELS = { some: rowNumbersKernel(true), none: rowNumbersKernel(false) } as const;

/** What `gather` takes; the buffers belong to the caller. */
export interface RowNumbers {
  /** A word for each number; NULL_ROW for null. */
  readonly rows: DeviceBuffer;
  readonly count: number;
  readonly mayBeNull: boolean;
  /** One word: 1 if there is a number, not null, of which there is no row, else 0. */
  readonly beyond: DeviceBuffer;
}

/** @param column UInt32: numbers of rows, of which there are `height`. */
export function rowNumbers(device: Device, column: Column, height: number): RowNumbers {
  const { length: count, validityOffset } = column;
  const mayBeNull = validityOffset !== null;
  const beyond = device.allocZeroed(1, "row numbers beyond");
  const rows = mayBeNull ? device.alloc(count, "row numbers") : column.buffer.retain();
  device.launch({
    kernel: mayBeNull ? KERNELS.some : KERNELS.none,
    bindings: [column.buffer, beyond, ...(mayBeNull ? [rows] : [])],
    params: [count, height, validityOffset ?? 0],
    workgroups: Math.ceil(count / WORKGROUP),
  });
  return { rows, count, mayBeNull, beyond };
}
