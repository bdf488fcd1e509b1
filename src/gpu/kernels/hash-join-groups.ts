/** The right rows of a join in the order of the slots of a hash table, ascending within each: what the pairs of a slot are taken from. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { NONE, WORKGROUP } from "./hash-group-insert.ts";
import { listUpTo, ranksOf } from "./hash-group-rank.ts";
import { tally } from "./hash-join-tally.ts";
import { type Scratch, withScratch } from "./keys-scratch.ts";
import { sortById } from "./radix-sort.ts";
import { remap } from "./remap.ts";
import { exclusiveScan, inclusiveScan } from "./scan.ts";

/** Rows of slot s are `sorted[starts[s]]` and those behind it, ascending. The owner releases both. */
export interface SlotGroups {
  readonly starts: DeviceBuffer;
  readonly sorted: DeviceBuffer;
}

/** Rows that have a slot, or NONE. */
export interface SlottedRows {
  readonly slots: DeviceBuffer;
  readonly rows: number;
  /** No fewer than the rows that have a slot. */
  readonly found: number;
  readonly capacity: number;
  /** How many rows each slot has. */
  readonly sizes: DeviceBuffer;
  /** The largest of `sizes`, or some large number where it is larger. */
  readonly most: number;
}

const HEAD = `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let at = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (at >= P[0].x) { return; }`;

/** Puts each row among those of its slot, in no order; `ends` becomes where each slot begins. */
const SCATTER: Kernel = {
  name: "join-scatter",
  key: "join-scatter",
  bindings: ["read", "read_write", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> slots: array<u32>;
@group(0) @binding(1) var<storage, read_write> ends: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read_write> placed: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>; // rows
${HEAD}
  let slot = slots[at];
  if (slot != ${NONE}u) { placed[atomicSub(&ends[slot], 1u) - 1u] = at; }
}`),
};

/** Brings the rows of each slot into order, by counting the smaller ones. */
const ARRANGE: Kernel = {
  name: "join-arrange",
  key: "join-arrange",
  bindings: ["read", "read", "read", "read", "read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> placed: array<u32>;
@group(0) @binding(1) var<storage, read> slots: array<u32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
@group(0) @binding(3) var<storage, read> sizes: array<u32>;
@group(0) @binding(4) var<storage, read> total: array<u32>;
@group(0) @binding(5) var<storage, read_write> sorted: array<u32>;
@group(0) @binding(6) var<uniform> P: array<vec4<u32>, 1>; // places
${HEAD}
  if (at >= total[0]) { return; }
  let row = placed[at];
  let slot = slots[row];
  let begin = starts[slot];
  let end = begin + sizes[slot];
  var to = begin;
  for (var other = begin; other < end; other++) { to += u32(placed[other] < row); }
  sorted[to] = row;
}`),
};

/** Rows of a slot above which they are sorted, not counted: the work of counting grows with the square. */
const LONGEST_COUNTED = 128;
/** Slots up to which one pass of a sort is all that is needed. */
const SORTED_AT_ONCE = 1 << 8;

/** No round trip. `longest`: rows of a slot up to which its rows are put in order by counting. */
export function groupBySlot(device: Device, slotted: SlottedRows, longest: number = LONGEST_COUNTED): SlotGroups {
  const { capacity, most } = slotted;
  return withScratch(device, (scratch) =>
    most > longest || capacity <= SORTED_AT_ONCE ? sorted(device, scratch, slotted) : arranged(device, scratch, slotted),
  );
}

function sorted(device: Device, scratch: Scratch, { slots, rows, found, capacity, sizes }: SlottedRows): SlotGroups {
  const scanned = exclusiveScan(device, sizes, capacity);
  scanned.total.release();
  const starts = scratch.own(scanned.offsets);
  if (2 * found > rows) return { starts: scratch.keep(starts), sorted: sortById(device, slots, rows, capacity) };
  const { marked } = tally(device, scratch, { rows, slots, counts: null, repeats: null, base: 1, mask: null }, "semi", null);
  const { list, picked } = listUpTo(device, scratch, ranksOf(device, scratch, marked), slots, found);
  const order = scratch.own(sortById(device, picked, found, capacity));
  return { starts: scratch.keep(starts), sorted: remap(device, order, list, 0, found) };
}

function arranged(device: Device, scratch: Scratch, { slots, rows, found, capacity, sizes }: SlottedRows): SlotGroups {
  const scanned = inclusiveScan(device, sizes, capacity);
  const total = scratch.own(scanned.total);
  const starts = scratch.own(scanned.offsets);
  const placed = scratch.alloc(found, "join rows placed");
  const result = scratch.alloc(found, "join rows by slot");
  device.launch({
    kernel: SCATTER,
    bindings: [slots, starts, placed],
    params: [rows, 0, 0, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  device.launch({
    kernel: ARRANGE,
    bindings: [placed, slots, starts, sizes, total, result],
    params: [found, 0, 0, 0],
    workgroups: Math.ceil(found / WORKGROUP),
  });
  return { starts: scratch.keep(starts), sorted: scratch.keep(result) };
}
