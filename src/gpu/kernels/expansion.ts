/** WGSL of kernels that turn a count for each row into output rows: the sum of all counts, and the row of each output row. */

import { WORKGROUP } from "./hash-group-insert.ts";

/** Output rows that a workgroup makes. */
export const EXPAND_TILE = 1024;

/** For the module: what `ADD_COUNT` and `ADD_TOTAL` add in. */
export const COUNT_SUMS = `var<workgroup> low: atomic<u32>;
var<workgroup> high: atomic<u32>;`;

/** Adds `count` to the workgroup's sums: halves of 16 bits, so that these cannot wrap. */
export const ADD_COUNT = `if ((count & 0xffffu) != 0u) { atomicAdd(&low, count & 0xffffu); }
    if ((count >> 16u) != 0u) { atomicAdd(&high, count >> 16u); }`;

/** At the end of the kernel: adds the workgroup's sums to the 64 bits of `total`, low word first. */
export const ADD_TOTAL = `workgroupBarrier();
  if (lane == 0u) {
    let upper = atomicLoad(&high);
    let lower = atomicLoad(&low);
    let sum = lower + (upper << 16u);
    let before = atomicAdd(&total[0], sum);
    let carry = (upper >> 16u) + u32(sum < lower) + u32(before + sum < before);
    if (carry != 0u) { atomicAdd(&total[1], carry); }
  }`;

/**
 * The entry point over `offsets`, the first output row of each row; P = rows, output rows. `body` sees an output row `i` and its `row`, the
 * last one whose offset is at most i. A workgroup bounds the search for its tile first, so that work is balanced however uneven the counts
 * are, and loads stay close.
 */
export const overOutputRows = (body: string): string => `
var<workgroup> bounds: array<u32, 2>;
// last row of [from, to] whose offset is at most i; that of from is
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
  let first = group_id(wid, nwg) * ${EXPAND_TILE}u;
  if (lane < 2u) { bounds[lane] = owner(min(first + lane * ${EXPAND_TILE - 1}u, P[0].y - 1u), 0u, P[0].x - 1u); }
  workgroupBarrier();
  for (var part = 0u; part < ${EXPAND_TILE / WORKGROUP}u; part++) {
    let i = first + part * ${WORKGROUP}u + lane;
    if (i >= P[0].y) { return; }
    let row = owner(i, bounds[0], bounds[1]);
    ${body}
  }
}`;
