/** Sorting few rows at once: the place of each is how many come before it. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Access, Kernel } from "../kernel.ts";
import type { RowProgram } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import { gather, type TakenAlong, takeAllAlong } from "./gather.ts";
import { type Encoding, type KeyOrder, type KeyPlanes, orderOf } from "./keys.ts";

const WORKGROUP = 64;

/** Whether row a comes before row b: the first of `planes` planes that lie `stride` words apart decides first. */
const before = (planes: string, stride: string): string => `
fn before(a: u32, b: u32) -> bool {
  for (var plane = 0u; plane < ${planes}; plane++) {
    let x = planes[plane * ${stride} + a];
    let y = planes[plane * ${stride} + b];
    if (x != y) { return x < y; }
  }
  return a < b;
}`;

/** Where a kernel with `number` bindings in front puts the rows in order: declarations, and the text that puts `row` at `place`. */
const targetOf = (along: TakenAlong | null, number: number): { readonly declarations: string; readonly text: string } =>
  along === null
    ? { declarations: `@group(0) @binding(${number}) var<storage, read_write> sorted: array<u32>;`, text: "sorted[place] = row;" }
    : { declarations: along.declarations(), text: along.text("place", ["row"]) };

const bindingsOf = (along: TakenAlong | null): readonly Access[] => along?.bindings ?? ["read_write"];

/** planes: key words, the first plane decides first | the rows to sort, where not all are -> rows in order, or those of the columns taken along */
const rankKernel = (listed: boolean, along: TakenAlong | null): Kernel => {
  const read: readonly Access[] = listed ? ["read", "read"] : ["read"];
  const bindings = [...read, ...bindingsOf(along)];
  return {
    name: "rank-sort",
    key: `rank-sort(${listed},${along?.key ?? ""})`,
    bindings,
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () => {
      const target = targetOf(along, read.length);
      return link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
${listed ? "@group(0) @binding(1) var<storage, read> list: array<u32>;" : ""}
${target.declarations}
@group(0) @binding(${bindings.length}) var<uniform> P: array<vec4<u32>, 1>; // rows, stride, planes, rows wanted
fn row_at(i: u32) -> u32 { return ${listed ? "list[i]" : "i"}; }
${before("P[0].z", "P[0].y")}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let own = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (own >= P[0].x) { return; }
  let row = row_at(own);
  var place = 0u;
  for (var other = 0u; other < P[0].x; other++) { place += u32(before(row_at(other), row)); }
  if (place < P[0].w) { ${target.text} }
}`);
    },
  };
};

/** Rows up to which this is faster than reading what varies in their keys: the work grows with the square. */
export const RANKED_ROWS = 1024;

/** Rows of key planes that are to be sorted. */
export interface RowsToRank {
  /** u32, ascending; null: all rows of the planes. */
  readonly list: DeviceBuffer | null;
  readonly count: number;
}

/** Whether so few rows are sorted at once; without keys nothing is. */
export const isRanked = ({ planes }: KeyPlanes, { count }: RowsToRank): boolean => count <= RANKED_ROWS && planes > 0;

/** The first `most` of the rows in the order of their keys, rows with equal keys in their own; without a round trip. The caller owns the result. */
export function rankSort(device: Device, keys: KeyPlanes, rows: RowsToRank, most: number): DeviceBuffer {
  const sorted = device.alloc(Math.max(1, most), "sorted rows");
  launch(device, keys, rows, most, null, [sorted]);
  return sorted;
}

/** These rows of columns, which the caller owns; null where some column is not plain or there are none. */
export function rankColumns(
  device: Device,
  keys: KeyPlanes,
  rows: RowsToRank,
  columns: readonly Column[],
  most: number,
): readonly Column[] | null {
  const along = takeAllAlong(device, columns, most, rows.list === null ? 1 : 2);
  if (along === null) return null;
  for (const taken of along) launch(device, keys, rows, most, taken, taken.buffers);
  return along.flatMap(({ targets }) => targets.flat());
}

const launch = (
  device: Device,
  { buffer, stride, planes }: KeyPlanes,
  { list, count }: RowsToRank,
  most: number,
  along: TakenAlong | null,
  targets: readonly DeviceBuffer[],
): void =>
  device.launch({
    kernel: rankKernel(list !== null, along),
    bindings: [buffer, ...(list === null ? [] : [list]), ...targets],
    params: [count, stride, planes, most],
    workgroups: Math.ceil(count / WORKGROUP),
  });

/** Rows that one workgroup encodes and ranks, and words of their keys that it has memory for. */
const ENCODED_ROWS = 256;
const ENCODED_PLANES = 15;

/** A program over the rows, encoded into workgroup memory -> rows in order, or those of the columns taken along. */
const encodedKernel = (program: RowProgram, { key, planes, body }: Encoding, along: TakenAlong | null): Kernel => {
  const number = program.columns.length;
  const bindings = [...program.columns.map(() => "read" as const), ...bindingsOf(along)];
  const words = program.argWords / 4;
  return {
    name: "encode-sort",
    key: `encode-sort(${key}|${program.key}|${along?.key ?? ""})`,
    bindings,
    params: program.argWords + 4,
    workgroup: ENCODED_ROWS,
    wgsl: () => {
      const target = targetOf(along, number);
      return link(`
${program.wgsl}
${target.declarations}
@group(0) @binding(${bindings.length}) var<uniform> P: array<vec4<u32>, ${words + 1}>; // of the program; rows, stride, 0, rows wanted
var<workgroup> planes: array<u32, ${planes * ENCODED_ROWS}>;
${before(`${planes}u`, `${ENCODED_ROWS}u`)}
@compute @workgroup_size(${ENCODED_ROWS})
fn main(@builtin(local_invocation_index) row: u32) {
  let own = P[${words}];
  if (row < own.x) {
    let values = row;
${body()}
  }
  workgroupBarrier();
  if (row >= own.x) { return; }
  var place = 0u;
  for (var other = 0u; other < own.x; other++) { place += u32(before(other, row)); }
  if (place < own.w) { ${target.text} }
}`);
    },
  };
};

/**
 * The first `most` rows of columns in the order of the program's outputs, encoded as `encodeOrder` does; the caller owns them. In one dispatch where
 * the columns are plain; null where there are too many rows, or no keys.
 */
export function sortEncoded(
  device: Device,
  program: RowProgram,
  rows: number,
  order: readonly KeyOrder[],
  columns: readonly Column[],
  most: number,
): readonly Column[] | null {
  const encoding = orderOf(program, order);
  const number = program.columns.length;
  if (rows > ENCODED_ROWS || encoding.planes === 0 || encoding.planes > ENCODED_PLANES) return null;
  const sortInto = (taken: TakenAlong | null, targets: readonly DeviceBuffer[]): void =>
    device.launch({
      kernel: encodedKernel(program, encoding, taken),
      bindings: [...program.columns.map(({ buffer }) => buffer), ...targets],
      params: [...program.args, rows, ENCODED_ROWS, 0, most],
      workgroups: rows === 0 ? 0 : 1,
    });
  const along = takeAllAlong(device, columns, most, number);
  if (along !== null) {
    for (const taken of along) sortInto(taken, taken.buffers);
    return along.flatMap(({ targets }) => targets.flat());
  }
  const sorted = device.alloc(Math.max(1, most), "sorted rows");
  sortInto(null, [sorted]);
  const taken = gather(device, columns, sorted, most, false);
  sorted.release();
  return taken;
}
