/** Range search: for each asking row the rows of its group whose keys are in its range, as spans of rows in order of group and key. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import type { KeyedRows } from "./asof.ts";
import { leastPosition } from "./asof.ts";
import { ADD_COUNT, ADD_TOTAL, COUNT_SUMS } from "./expansion.ts";
import { WORKGROUP } from "./hash-group-insert.ts";
import { expandSpans, type JoinPairs, sumOf } from "./join-expand.ts";
import { withScratchAsync } from "./keys-scratch.ts";

/**
 * from | to | sorted | [asked groups | sorted groups] -> spans: count at [0, rows), begin at [rows, 2 * rows) | total: low, high.
 * P = asked rows, sorted rows. `sorted` ascends by group, then by key.
 */
const spansKernel = (grouped: boolean): Kernel => ({
  name: "range-spans",
  key: `range-spans(${grouped})`,
  bindings: ["read", "read", "read", ...(grouped ? (["read", "read"] as const) : []), "read_write", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> from_: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> to_: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> sorted: array<vec2<u32>>;
${grouped ? "@group(0) @binding(3) var<storage, read> askedGroups: array<u32>;\n@group(0) @binding(4) var<storage, read> sortedGroups: array<u32>;" : ""}
@group(0) @binding(${grouped ? 5 : 3}) var<storage, read_write> spans: array<u32>;
@group(0) @binding(${grouped ? 6 : 4}) var<storage, read_write> total: array<atomic<u32>>;
@group(0) @binding(${grouped ? 7 : 5}) var<uniform> P: array<vec4<u32>, 1>;
${COUNT_SUMS}
${leastPosition("i64", grouped)}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row < P[0].x) {
    let group = ${grouped ? "askedGroups[row]" : "0u"};
    let begin = least(group, i64_order(from_[row]), false);
    let end = least(group, i64_order(to_[row]), true);
    let count = select(0u, end - begin, end > begin);
    spans[row] = count;
    spans[P[0].x + row] = begin;
    ${ADD_COUNT}
  }
  ${ADD_TOTAL}
}`),
});

/** The rows that ask: Int64 without nulls, as many of both; and the group of each where there are groups. */
export interface AskedRanges {
  readonly from: Column;
  readonly to: Column;
  readonly groups: DeviceBuffer | null;
}

/**
 * Pairs of an asking row and a row whose key is at least `from` and at most `to`, in the order of the asking rows, then of `sorted`, whose
 * rows ascend by group, then by key. `rows`: what is listed for each place of `sorted`. One round trip.
 * @throws OutOfDeviceMemoryError when the output has about 2^32 rows or more, or does not fit.
 */
export function rangeSearch(device: Device, asked: AskedRanges, sorted: KeyedRows, rows: DeviceBuffer): Promise<JoinPairs> {
  const count = asked.from.length;
  if (count >= 2 ** 31) throw new OutOfDeviceMemoryError(`a range join of ${count} rows`);
  return withScratchAsync(device, async (scratch) => {
    const spans = scratch.alloc(2 * count, "range spans");
    const total = scratch.zeroed(2, "range total");
    const groups = asked.groups === null || sorted.groups === null ? [] : [asked.groups, sorted.groups];
    if (count > 0)
      device.launch({
        kernel: spansKernel(groups.length > 0),
        bindings: [asked.from.buffer, asked.to.buffer, sorted.keys.buffer, ...groups, spans, total],
        params: [count, sorted.keys.length, 0, 0],
        workgroups: Math.ceil(count / WORKGROUP),
      });
    return expandSpans(device, scratch, spans, rows, count, sumOf(await device.read(total, 0, 2)));
  });
}
