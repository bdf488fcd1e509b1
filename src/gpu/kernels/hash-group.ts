/** Grouping: gives every row the number of its group, groups numbered in the order of their first row. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { takeAllAlong } from "./gather.ts";
import { type Inserted, insertRows, NONE, WORKGROUP } from "./hash-group-insert.ts";
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
  /** These rows of the columns that were wanted, owned by the caller. */
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

/** Replaces each row's first row by its rank among the first rows: the group number. The counts are added up here, or were before. */
const numberKernel = (by: "before" | "counts"): Kernel => ({
  name: "group-number",
  key: `group-number(${by})`,
  bindings: ["read_write", "read", "read", ...(by === "counts" ? (["read_write"] as const) : [])],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read_write> rows: array<u32>;
@group(0) @binding(1) var<storage, read> bits: array<u32>;
@group(0) @binding(2) var<storage, read> ${by}: array<u32>;
${by === "counts" ? "@group(0) @binding(3) var<storage, read_write> total: array<u32>;" : ""}
@group(0) @binding(${by === "counts" ? 4 : 3}) var<uniform> P: array<vec4<u32>, 1>; // rows, words
${by === "counts" ? ALL_RANKS : RANK_FUNCTION}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  ${by === "counts" ? "add_up(P[0].y, lane);\n  if (row == 0u) { total[0] = all_marked(); }" : ""}
  if (row >= P[0].x) { return; }
  let first = rows[row];
  if (first != ${NONE}u) { rows[row] = rank_of(first, ${by === "counts" ? "P[0].y" : "0u"}); }
}`),
});

/**
 * Turns `inserted.slots` into group numbers, in place, and returns the marked first rows; the table stays as it is. At least one row.
 * The buffers of the result are held by `scratch`.
 */
function numberGroups(device: Device, scratch: Scratch, inserted: Pick<Inserted, "table" | "slots">, rows: number): NumberedRows {
  const words = Math.ceil(rows / 32);
  const bits = scratch.alloc(words, "group firsts");
  const counts = scratch.alloc(words, "group first counts");
  const workgroups = Math.ceil(rows / WORKGROUP);
  device.launch({ kernel: REPRESENT, bindings: [inserted.table, inserted.slots, bits, counts], params: [rows, words, 0, 0], workgroups });
  const params = [rows, words, 0, 0];
  if (rows <= COUNTED_ROWS) {
    const total = scratch.alloc(1, "group total");
    device.launch({ kernel: numberKernel("counts"), bindings: [inserted.slots, bits, counts, total], params, workgroups });
    return { bits, ranks: { by: "counts", words: counts }, total, rows };
  }
  const ranked = rankRows(device, scratch, { bits, counts, rows });
  device.launch({ kernel: numberKernel("before"), bindings: [inserted.slots, bits, ranked.ranks.words], params, workgroups });
  return ranked;
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
    for (const most of [firstCapacity, null]) {
      const { table, slots, flags } = insertRows(device, scratch, keys, { mask, skipNulls: false, repeats: false, most });
      const firsts = numberGroups(device, scratch, { table, slots }, keys.rows);
      scratch.drop(table);
      const [total, overflow] = await device.readMany([
        { buffer: firsts.total, word: 0, words: 1 },
        ...(flags === null ? [] : [{ buffer: flags, word: 1, words: 1 }]),
      ]);
      if (flags === null || overflow?.[0] === 0) {
        const groups = total?.[0] ?? 0;
        const along = takeAllAlong(device, wanted, groups, 2);
        if (along !== null) {
          for (const taken of along) takeMarked(device, firsts, taken);
          return {
            ids: scratch.keep(slots),
            groups,
            first: scratch.keep(scratch.alloc(0, "group first rows")),
            taken: along.flatMap(({ targets }) => targets.flat()),
          };
        }
        const { list, count } = listCounted(device, scratch, firsts, null, groups);
        return { ids: scratch.keep(slots), groups: count, first: scratch.keep(list) };
      }
      for (const buffer of [slots, flags, firsts.bits, firsts.ranks.words, firsts.total]) scratch.drop(buffer);
    }
    throw new InternalError("a hash table with room for all rows was too small");
  });
}
