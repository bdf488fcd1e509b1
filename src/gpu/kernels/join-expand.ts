/** Pairs of rows: each row of one side with its span of listed rows of the other, or with all of them. */

import { OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { EXPAND_TILE, overOutputRows } from "./expansion.ts";
import { type TakenAlong, takeAlong } from "./gather.ts";
import { NONE, WORKGROUP } from "./hash-group-insert.ts";
import { type Scratch, withScratch } from "./keys-scratch.ts";
import { exclusiveScan } from "./scan.ts";

/** Row numbers of a join's output. The owner releases both buffers. */
export interface JoinRows {
  /** Left (probe) rows, ascending. */
  readonly left: DeviceBuffer;
  /** Build row of each output row, 0xFFFFFFFF for none; ascending within one left row. Null for semi and anti. */
  readonly right: DeviceBuffer | null;
  readonly count: number;
  /** The rows of columns that were asked for, owned by the caller, left and right; `left` and `right` are empty then. */
  readonly taken?: readonly (readonly Column[])[];
}

/** Rows that a semi or anti join took along. */
export const takenOfLeft = (scratch: Scratch, { targets }: TakenAlong, count: number): JoinRows => ({
  left: scratch.keep(scratch.alloc(0, "join left rows")),
  right: null,
  count,
  taken: targets,
});

/** Columns whose rows are wanted where a join has no more than `most`, rather than the numbers of the rows. */
export interface Wanted {
  readonly left: readonly Column[];
  readonly right: readonly Column[];
  readonly most: number;
}

export type JoinPairs = JoinRows & { readonly right: DeviceBuffer };

/**
 * The pairs of each probe row, which it has as many of as output rows.
 *
 *     offsets: first output row of each probe row | spans | sorted: build rows by group -> left, right; or columns taken along
 */
const expandKernel = (along: TakenAlong | null): Kernel => ({
  name: "join-expand",
  key: `join-expand(${along?.key ?? ""})`,
  bindings: ["read", "read", "read", ...(along?.bindings ?? (["read_write", "read_write"] as const))],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> offsets: array<u32>;
@group(0) @binding(1) var<storage, read> spans: array<u32>;
@group(0) @binding(2) var<storage, read> sorted: array<u32>;
${along === null ? LISTS : along.declarations()}
@group(0) @binding(${3 + (along?.bindings.length ?? 2)}) var<uniform> P: array<vec4<u32>, 1>; // rows, output rows
${overOutputRows(`let begin = spans[P[0].x + row];
    var found = ${NONE}u;
    if (begin != ${NONE}u) { found = sorted[begin + (i - offsets[row])]; }
    ${along === null ? "left[i] = row;\n    right[i] = found;" : along.text("i", ["row", "found"])}`)}`),
});

const LISTS = `@group(0) @binding(3) var<storage, read_write> left: array<u32>;
@group(0) @binding(4) var<storage, read_write> right: array<u32>;`;

const EXPAND = expandKernel(null);

/** Row numbers of a cross join: left, right. */
const CROSS: Kernel = {
  name: "join-cross",
  key: "join-cross",
  bindings: ["read_write", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read_write> left: array<u32>;
@group(0) @binding(1) var<storage, read_write> right: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>; // output rows, right rows
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= P[0].x) { return; }
  let quotient = row / P[0].y;
  left[row] = quotient;
  right[row] = row - quotient * P[0].y;
}`),
};

/** What a kernel with `before` bindings can take along of what is wanted. */
export const wantedAlong = (device: Device, wanted: Wanted | null, count: number, before: number): TakenAlong | null =>
  wanted === null || count > wanted.most ? null : takeAlong(device, [wanted.left, wanted.right], count, before);

/** Rows that were taken along. */
export const takenRows = (scratch: Scratch, { targets }: TakenAlong, count: number): JoinPairs => ({
  left: scratch.keep(scratch.alloc(0, "join left rows")),
  right: scratch.keep(scratch.alloc(0, "join right rows")),
  count,
  taken: targets,
});

/** The most output rows that row numbers and workgroup arithmetic can name. */
const MOST_ROWS = 2 ** 32 - 2 ** 16;

/** @throws OutOfDeviceMemoryError when a join makes more rows than can be named. */
export const checkCount = (count: number): void => {
  if (count > MOST_ROWS) throw new OutOfDeviceMemoryError(`a join makes ${count} rows, more than ${MOST_ROWS}`);
};

/** The 64 bits of a sum, low word first. */
export const sumOf = (words: Uint32Array | undefined): number => (words?.[0] ?? 0) + (words?.[1] ?? 0) * 2 ** 32;

/**
 * The `count` pairs of `rows` rows, each with its span of the rows in `sorted`. `spans`: how many pairs each row has at [0, rows), where
 * its span begins at [rows, 2 * rows), 0xFFFFFFFF for pairs with no row.
 */
export function expandSpans(
  device: Device,
  scratch: Scratch,
  spans: DeviceBuffer,
  sorted: DeviceBuffer,
  rows: number,
  count: number,
  wanted: Wanted | null = null,
): JoinPairs {
  const scanned = exclusiveScan(device, spans, rows);
  const offsets = scratch.own(scanned.offsets);
  scanned.total.release();
  checkCount(count);
  const along = wantedAlong(device, wanted, count, 3);
  const workgroups = Math.ceil(count / EXPAND_TILE);
  if (along !== null) {
    device.launch({
      kernel: expandKernel(along),
      bindings: [offsets, spans, sorted, ...along.buffers],
      params: [rows, count, 0, 0],
      workgroups,
    });
    return takenRows(scratch, along, count);
  }
  const left = scratch.alloc(count, "join left rows");
  const right = scratch.alloc(count, "join right rows");
  if (count > 0)
    device.launch({
      kernel: EXPAND,
      bindings: [offsets, spans, sorted, left, right],
      params: [rows, count, 0, 0],
      workgroups,
    });
  return { left: scratch.keep(left), right: scratch.keep(right), count };
}

/**
 * Every pair of a left and a right row, in left row order, then right row order.
 * @throws OutOfDeviceMemoryError when there are about 2^32 pairs or more, or they do not fit.
 */
export function crossJoin(device: Device, leftRows: number, rightRows: number): JoinPairs {
  const count = leftRows * rightRows;
  checkCount(count);
  return withScratch(device, (scratch) => {
    const left = scratch.alloc(count, "cross join left rows");
    const right = scratch.alloc(count, "cross join right rows");
    device.launch({ kernel: CROSS, bindings: [left, right], params: [count, rightRows, 0, 0], workgroups: Math.ceil(count / WORKGROUP) });
    return { left: scratch.keep(left), right: scratch.keep(right), count };
  });
}
