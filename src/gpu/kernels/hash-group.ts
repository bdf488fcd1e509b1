/** Grouping: gives every row the number of its group, groups numbered in the order of their first row. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Access, Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { type TakenAlong, takeAllAlong, takeAlong } from "./gather.ts";
import { type Inserted, insertRows, layoutKey, layoutOf, NONE, sameFunction, WORKGROUP } from "./hash-group-insert.ts";
import { ALL_RANKS, COUNTED_ROWS, listCounted, type NumberedRows, RANK_FUNCTION, rankRows, takeMarked } from "./hash-group-rank.ts";
import type { HashKeys } from "./keys.ts";
import { type Scratch, withScratchAsync } from "./keys-scratch.ts";

/** Slots that the table that is tried first has at least: it stays in the caches of a GPU, and most keys need no more. */
const FIRST_CAPACITY = 1 << 22;

/** Slots of the table that is tried first, a power of two: there is room for a group for every third row at least. */
const firstCapacityOf = (rows: number): number => Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(Math.max(1, rows / 2))));

export interface Groups {
  /** u32 group number of each row; 0xFFFFFFFF for rows that take no part. */
  readonly ids: DeviceBuffer;
  readonly groups: number;
  /** u32 first row of each group, ascending; empty where `taken` is there. */
  readonly first: DeviceBuffer;
  /** These rows of the columns that were wanted, owned by the caller; their buffers may have room for more. */
  readonly taken?: readonly Column[];
}

export interface GroupOptions {
  /** Slots of the table that is tried first, a power of two. */
  readonly firstCapacity?: number;
  /** Columns whose first rows of groups are wanted; they may be given instead of the numbers of these rows. */
  readonly wanted?: readonly Column[];
}

/**
 * Replaces each row's slot by the first row of its key, and marks the first rows.
 *
 *     table: first row + 1 of each slot | rows: slot -> first row | firsts: bitmap | counts: bits in each word of firsts
 */
const REPRESENT: Kernel = {
  name: "group-represent",
  key: "group-represent",
  bindings: ["read", "read_write", "read_write", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> table: array<u32>;
@group(0) @binding(1) var<storage, read_write> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> firsts: array<u32>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;
@group(0) @binding(4) var<uniform> P: array<vec4<u32>, 1>; // rows, words
var<workgroup> bits: array<atomic<u32>, ${WORKGROUP / 32}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = group_id(wid, nwg);
  let row = group * ${WORKGROUP}u + lane;
  if (row < P[0].x) {
    let slot = rows[row];
    if (slot != ${NONE}u) {
      let first = table[slot] - 1u;
      rows[row] = first;
      if (first == row) { atomicOr(&bits[lane >> 5u], 1u << (lane & 31u)); }
    }
  }
  workgroupBarrier();
  let word = group * ${WORKGROUP / 32}u + lane;
  if (lane < ${WORKGROUP / 32}u && word < P[0].y) {
    let marked = atomicLoad(&bits[lane]);
    firsts[word] = marked;
    counts[word] = countOneBits(marked);
  }
}`),
};

/** Replaces each row's first row by its rank among the first rows, the group number: bits, before. */
const NUMBER: Kernel = {
  name: "group-number",
  key: "group-number",
  bindings: ["read_write", "read", "read"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read_write> rows: array<u32>;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read> before: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>; // rows
${RANK_FUNCTION}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= P[0].x) { return; }
  let first = rows[row];
  if (first != ${NONE}u) { rows[row] = rank_of(first, 0u); }
}`),
};

/** As NUMBER where the counts were not added up: bits, counts -> all bits set, and the first rows of the columns taken along. */
const numberKernel = (along: TakenAlong | null): Kernel => ({
  name: "group-number",
  key: `group-number(counts,${along?.key ?? ""})`,
  bindings: ["read_write", "read", "read", "read_write", ...(along?.bindings ?? [])],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read_write> rows: array<u32>;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read> counts: array<u32>;
@group(0) @binding(3) var<storage, read_write> total: array<u32>;
${along?.declarations() ?? ""}
@group(0) @binding(${4 + (along?.bindings.length ?? 0)}) var<uniform> P: array<vec4<u32>, 1>; // rows, words
${ALL_RANKS}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  add_up(P[0].y, lane);
  if (row == 0u) { total[0] = all_marked(); }
  if (row >= P[0].x) { return; }
  let first = rows[row];
  if (first == ${NONE}u) { return; }
  let at = rank_of(first, P[0].y);
  rows[row] = at;
  ${along === null ? "" : `if (first == row) { ${along.text("at", ["row"])} }`}
}`),
});

/** Rows up to which columns have room for a group of each, so that first rows are taken before anyone knows how many there are. */
const TAKEN_AT_ONCE = 1 << 16;

interface NumberedGroups {
  readonly firsts: NumberedRows;
  /** The first rows of the columns that were wanted, which have room for a group of each row, held by the scratch; null: they are still to be taken. */
  readonly taken: readonly Column[] | null;
}

/**
 * Turns `inserted.slots` into group numbers, in place, and marks the first rows; the table stays as it is. At least one row.
 * The buffers of the result are held by `scratch`.
 */
function numberGroups(
  device: Device,
  scratch: Scratch,
  { table, slots }: Pick<Inserted, "table" | "slots">,
  rows: number,
  wanted: readonly Column[],
): NumberedGroups {
  const words = Math.ceil(rows / 32);
  const bits = scratch.alloc(words, "group firsts");
  const counts = scratch.alloc(words, "group first counts");
  const workgroups = Math.ceil(rows / WORKGROUP);
  const params = [rows, words, 0, 0];
  device.launch({ kernel: REPRESENT, bindings: [table, slots, bits, counts], params, workgroups });
  if (rows > COUNTED_ROWS) {
    const firsts = rankRows(device, scratch, { bits, counts, rows });
    device.launch({ kernel: NUMBER, bindings: [slots, bits, firsts.ranks.words], params, workgroups });
    return { firsts, taken: null };
  }
  const total = scratch.alloc(1, "group total");
  const along = rows <= TAKEN_AT_ONCE ? takeAlong(device, [wanted], rows, 4) : null;
  device.launch({ kernel: numberKernel(along), bindings: [slots, bits, counts, total, ...(along?.buffers ?? [])], params, workgroups });
  const taken = along?.targets.flat() ?? null;
  for (const { buffer } of taken ?? []) scratch.own(buffer);
  return { firsts: { bits, ranks: { by: "counts", words: counts }, total, rows }, taken };
}

/** Columns with room for a group of each row, now that there are so many; handed to the caller. */
const cutTo = (scratch: Scratch, taken: readonly Column[], groups: number): readonly Column[] =>
  taken.map((column) => ({ ...column, length: groups, buffer: scratch.keep(column.buffer) }));

/** The first rows of columns of all rows; null where they are not taken along. */
function takeFirsts(device: Device, firsts: NumberedRows, groups: number, wanted: readonly Column[]): readonly Column[] | null {
  const along = takeAllAlong(device, wanted, groups, 2);
  for (const part of along ?? []) takeMarked(device, firsts, part);
  return along?.flatMap(({ targets }) => targets.flat()) ?? null;
}

/** Rows that one workgroup groups by comparing each with those before it: the work grows with the square. */
const FEW_ROWS = 512;

/** planes | ids, total | [taking: bitmap of rows] | the first rows, or those of the columns taken along */
const fewKernel = (keys: HashKeys, masked: boolean, along: TakenAlong | null): Kernel => {
  const layout = layoutOf(keys);
  const source = { name: "planes", stride: "P[0].y", layout };
  const before = masked ? 4 : 3;
  const targets: readonly Access[] = along?.bindings ?? ["read_write"];
  return {
    name: "group-few",
    key: `group-few(${layoutKey(layout)},${masked},${along?.key ?? ""})`,
    bindings: ["read", "read_write", "read_write", ...(masked ? (["read"] as const) : []), ...targets],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> total: array<u32>;
${masked ? "@group(0) @binding(3) var<storage, read> taking: array<u32>;" : ""}
${along === null ? `@group(0) @binding(${before}) var<storage, read_write> firsts: array<u32>;` : along.declarations()}
@group(0) @binding(${before + targets.length}) var<uniform> P: array<vec4<u32>, 1>; // rows, stride
var<workgroup> bits: array<atomic<u32>, ${FEW_ROWS / 32}>;
${sameFunction(source, source)}
fn takes_part(row: u32) -> bool { return ${masked ? "((taking[row >> 5u] >> (row & 31u)) & 1u) != 0u" : "true"}; }
fn first_of(row: u32) -> u32 {
  if (!takes_part(row)) { return ${NONE}u; }
  for (var other = 0u; other < row; other++) {
    if (takes_part(other) && key_same(row, other)) { return other; }
  }
  return row;
}
fn rank_of(row: u32) -> u32 {
  var rank = 0u;
  for (var word = 0u; word < (row >> 5u); word++) { rank += countOneBits(atomicLoad(&bits[word])); }
  return rank + countOneBits(atomicLoad(&bits[row >> 5u]) & ((1u << (row & 31u)) - 1u));
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var row = lane; row < P[0].x; row += ${WORKGROUP}u) {
    let first = first_of(row);
    ids[row] = first;
    if (first == row) { atomicOr(&bits[row >> 5u], 1u << (row & 31u)); }
  }
  workgroupBarrier();
  for (var row = lane; row < P[0].x; row += ${WORKGROUP}u) {
    let first = ids[row];
    if (first == ${NONE}u) { continue; }
    let at = rank_of(first);
    ids[row] = at;
    if (first == row) { ${along === null ? "firsts[at] = row;" : along.text("at", ["row"])} }
  }
  if (lane == 0u) { total[0] = rank_of(${FEW_ROWS - 1}u) + (atomicLoad(&bits[${FEW_ROWS / 32 - 1}]) >> 31u); }
}`),
  };
};

/** As `groupRows` of at most FEW_ROWS rows: one dispatch. */
async function groupFew(
  device: Device,
  scratch: Scratch,
  keys: HashKeys,
  mask: DeviceBuffer | null,
  wanted: readonly Column[],
): Promise<Groups> {
  const { rows } = keys;
  const ids = scratch.alloc(rows, "group ids");
  const total = scratch.alloc(1, "group total");
  const along = takeAlong(device, [wanted], rows, mask === null ? 3 : 4);
  const firsts = scratch.alloc(along === null ? rows : 0, "group first rows");
  const taken = along?.targets.flat();
  for (const { buffer } of taken ?? []) scratch.own(buffer);
  device.launch({
    kernel: fewKernel(keys, mask !== null, along),
    bindings: [keys.buffer, ids, total, ...(mask === null ? [] : [mask]), ...(along?.buffers ?? [firsts])],
    params: [rows, keys.stride, 0, 0],
    workgroups: 1,
  });
  const [groups = 0] = await device.read(total, 0, 1);
  const own = taken === undefined ? undefined : cutTo(scratch, taken, groups);
  return { ids: scratch.keep(ids), groups, first: scratch.keep(firsts), ...(own === undefined ? {} : { taken: own }) };
}

/**
 * Groups the rows by their key words. `mask`: bitmap of the rows that take part, null for all. Without planes all of them are one group.
 * The numbering is the same in every run. One round trip; two when the groups do not fit the table of `firstCapacity` slots that is tried
 * first. The caller owns `ids` and `first`.
 */
export function groupRows(
  device: Device,
  keys: HashKeys,
  mask: DeviceBuffer | null,
  { firstCapacity = firstCapacityOf(keys.rows), wanted = [] }: GroupOptions = {},
): Promise<Groups> {
  return withScratchAsync(device, async (scratch) => {
    if (keys.rows === 0) {
      const [ids, first] = [scratch.alloc(0, "group ids"), scratch.alloc(0, "group first rows")];
      return { ids: scratch.keep(ids), groups: 0, first: scratch.keep(first) };
    }
    if (keys.rows <= FEW_ROWS) return groupFew(device, scratch, keys, mask, wanted);
    for (const most of [firstCapacity, null]) {
      const { table, slots, flags } = insertRows(device, scratch, keys, { mask, skipNulls: false, repeats: "nothing", most });
      const { firsts, taken: atOnce } = numberGroups(device, scratch, { table, slots }, keys.rows, wanted);
      scratch.drop(table);
      const [total, overflow] = await device.readMany([
        { buffer: firsts.total, word: 0, words: 1 },
        ...(flags === null ? [] : [{ buffer: flags, word: 1, words: 1 }]),
      ]);
      if (flags === null || overflow?.[0] === 0) {
        const groups = total?.[0] ?? 0;
        const own = atOnce === null ? null : cutTo(scratch, atOnce, groups);
        const taken = own ?? takeFirsts(device, firsts, groups, wanted);
        const first = taken === null ? listCounted(device, scratch, firsts, null, groups).list : scratch.alloc(0, "group first rows");
        return { ids: scratch.keep(slots), groups, first: scratch.keep(first), ...(taken === null ? {} : { taken }) };
      }
      const left = [slots, flags, firsts.bits, firsts.ranks.words, firsts.total, ...(atOnce ?? []).map(({ buffer }) => buffer)];
      for (const buffer of left) scratch.drop(buffer);
    }
    throw new InternalError("a hash table with room for all rows was too small");
  });
}
