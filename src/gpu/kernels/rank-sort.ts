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

/** `fn comes_before(a, b) -> bool` of two rows whose words of the first plane are equal: the other planes decide, then their order. */
export const comesBefore = (planes: string, stride: string): string => `
fn comes_before(a: u32, b: u32) -> bool {
  for (var plane = 1u; plane < ${planes}; plane++) {
    let x = planes[plane * ${stride} + a];
    let y = planes[plane * ${stride} + b];
    if (x != y) { return x < y; }
  }
  return a < b;
}`;

/** How the keys of a kernel lie: number of planes, words between them, and the row that is row i of those to be ranked. */
interface Ranked {
  readonly planes: string;
  readonly stride: string;
  readonly rowAt: (i: string) => string;
}

/**
 * `fn place_of(row, rows) -> u32`: how many of the `rows` rows come before `row` by `planes`, the first plane deciding first, then their own order. First words are
 * loaded four at a time, and the others only where these are equal.
 */
const placeFunction = ({ planes, stride, rowAt }: Ranked): string => `${comesBefore(planes, stride)}
fn place_of(row: u32, rows: u32) -> u32 {
  let first = planes[row];
  var place = 0u;
  for (var i = 0u; i < rows; i += 4u) {
    var others: array<u32, 4>;
    var words: array<u32, 4>;
    for (var k = 0u; k < 4u; k++) {
      others[k] = ${rowAt("min(i + k, rows - 1u)")};
      words[k] = planes[others[k]];
    }
    for (var k = 0u; k < 4u; k++) {
      if (i + k >= rows) { break; }
      if (words[k] < first) { place += 1u; }
      if (words[k] == first) { place += u32(comes_before(others[k], row)); }
    }
  }
  return place;
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
      const rowAt = (i: string): string => (listed ? `list[${i}]` : i);
      return link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
${listed ? "@group(0) @binding(1) var<storage, read> list: array<u32>;" : ""}
${target.declarations}
@group(0) @binding(${bindings.length}) var<uniform> P: array<vec4<u32>, 1>; // rows, stride, planes, rows wanted
${placeFunction({ planes: "P[0].z", stride: "P[0].y", rowAt })}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let own = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (own >= P[0].x) { return; }
  let row = ${rowAt("own")};
  let place = place_of(row, P[0].x);
  if (place < P[0].w) { ${target.text} }
}`);
    },
  };
};

/** Rows up to which this is faster than reading what varies in their keys: the work grows with the square, which a GPU has threads for. */
export const RANKED_ROWS = { software: 1 << 10, hardware: 1 << 11 } as const;

/** Rows of key planes that are to be sorted. */
export interface RowsToRank {
  /** u32, in any order; null: all rows of the planes. */
  readonly list: DeviceBuffer | null;
  readonly count: number;
}

/** Whether so few rows are sorted at once; without keys nothing is. */
export const isRanked = (device: Device, { planes }: KeyPlanes, { count }: RowsToRank): boolean =>
  planes > 0 && count <= RANKED_ROWS[device.adapter.software ? "software" : "hardware"];

/** The first `most` of the rows in the order of their keys, rows with equal keys in their own; without a round trip. The caller owns the result. */
export function rankSort(device: Device, keys: KeyPlanes, rows: RowsToRank, most: number): DeviceBuffer {
  const sorted = device.alloc(Math.max(1, most), "sorted rows");
  launch(device, keys, rows, most, null, [sorted]);
  return sorted;
}

/** Rows up to which ranking all again, for further columns, takes no longer than a list of them and a gather. */
const RANKED_AGAIN = 1024;

/** These rows of columns, which the caller owns; null where some column is not plain, there are none, or they should be gathered. */
export function rankColumns(
  device: Device,
  keys: KeyPlanes,
  rows: RowsToRank,
  columns: readonly Column[],
  most: number,
): readonly Column[] | null {
  const along = takeAllAlong(device, columns, most, rows.list === null ? 1 : 2);
  if (along === null) return null;
  if (along.length > 1 && rows.count > RANKED_AGAIN) {
    for (const { buffer } of along.flatMap(({ targets }) => targets.flat())) buffer.release();
    return null;
  }
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
${placeFunction({ planes: `${planes}u`, stride: `${ENCODED_ROWS}u`, rowAt: (i) => i })}
@compute @workgroup_size(${ENCODED_ROWS})
fn main(@builtin(local_invocation_index) row: u32) {
  let own = P[${words}];
  if (row < own.x) {
    let values = row;
${body()}
  }
  workgroupBarrier();
  if (row >= own.x) { return; }
  let place = place_of(row, own.x);
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
