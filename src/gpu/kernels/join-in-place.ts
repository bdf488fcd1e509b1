/** Joins whose left rows stay where they are: which of them have a match, and the right row of each. No round trip. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Column } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { NULL_ROW, takeAlong } from "./gather.ts";
import { insertRows, NONE, WORKGROUP } from "./hash-group-insert.ts";
import { type JoinOptions, type JoinSide, leftTable, lookUp } from "./hash-join.ts";
import { isPairs, type JoinKind, launchTally, type Marks, marksOf, type Slotted } from "./hash-join-tally.ts";
import { type Scratch, withScratch } from "./keys-scratch.ts";

/** The caller owns the buffers. */
export interface RowsInPlace {
  /** Bitmap of the left rows that have an output row; null for left joins, where all have. */
  readonly marked: DeviceBuffer | null;
  /** For each left row its right row; without one row 0 in inner joins, NULL_ROW in left ones. Null for semi and anti joins, and where `taken` is not. */
  readonly right: DeviceBuffer | null;
  /** The right columns that were wanted, at these rows; null: not taken. */
  readonly taken: readonly Column[] | null;
  /** A word that is 0 where no left row has several right rows: else the others are void. Null where that does not matter. */
  readonly repeats: { readonly buffer: DeviceBuffer; readonly word: number } | null;
}

/** slots, counts: rows of each slot, holders: one of these plus 1 -> rows */
const HOLD: Kernel = {
  name: "join-hold",
  key: "join-hold",
  bindings: ["read", "read", "read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> slots: array<u32>;
@group(0) @binding(1) var<storage, read> counts: array<u32>;
@group(0) @binding(2) var<storage, read> holders: array<u32>;
@group(0) @binding(3) var<storage, read_write> rows: array<u32>;
@group(0) @binding(4) var<uniform> P: array<vec4<u32>, 1>; // rows, the row of those without one
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (row >= P[0].x) { return; }
  let slot = slots[row];
  var holder = P[0].y;
  if (slot != ${NONE}u && counts[slot] != 0u) { holder = holders[slot] - 1u; }
  rows[row] = holder;
}`),
};

/** The marks of the left rows that have a match, or none for anti joins; those of left joins are not asked for. */
const marksInPlace = (scratch: Scratch, slotted: Slotted, kind: JoinKind): Marks | null =>
  kind === "left" ? null : marksOf(scratch, slotted, kind === "anti" ? "anti" : "semi", null);

const rowOfNone = (kind: JoinKind): number => (kind === "left" ? NULL_ROW : 0);

const kept = (
  scratch: Scratch,
  marks: Marks | null,
  right: DeviceBuffer | null,
  repeats: RowsInPlace["repeats"],
  taken: readonly Column[] | null = null,
): RowsInPlace => {
  for (const buffer of [marks?.marked.bits, right, repeats?.buffer]) if (buffer != null) scratch.keep(buffer);
  return { marked: marks?.marked.bits ?? null, right, taken, repeats };
};

/** The left rows look for their right ones. Both sides have rows; a left side of a left join has no mask. `wanted`: columns of the right side. */
export function matchInPlace(
  device: Device,
  left: JoinSide,
  right: JoinSide,
  kind: JoinKind,
  { nullsEqual }: JoinOptions,
  wanted: readonly Column[],
): RowsInPlace {
  return withScratch(device, (scratch) => {
    const pairs = isPairs(kind);
    const { rows } = left.keys;
    const inserted = insertRows(device, scratch, right.keys, {
      mask: right.mask,
      skipNulls: !nullsEqual,
      repeats: pairs ? "note" : "nothing",
      most: null,
    });
    const slotted: Slotted = { rows, slots: inserted.slots, counts: null, repeats: null, base: 1, mask: left.mask };
    const marks = marksInPlace(scratch, slotted, kind);
    const before = 3 + Number(left.mask !== null) + (marks?.written.length ?? 0);
    const along = kind === "inner" ? takeAlong(device, [wanted], rows, before, Number.POSITIVE_INFINITY) : null;
    const matches = pairs && along === null ? scratch.alloc(rows, "join right rows") : null;
    lookUp(
      device,
      { built: right.keys, asked: left, table: inserted, nullsEqual },
      {
        matches: matches === null ? null : { buffer: matches, none: rowOfNone(kind) },
        along,
        marks,
      },
    );
    const repeats = inserted.flags === null ? null : { buffer: inserted.flags, word: 0 };
    return kept(scratch, marks, matches, repeats, along?.targets[0] ?? null);
  });
}

/** As `matchInPlace`: the right rows, which are far more, look for the left ones. */
export function matchInPlaceByLeft(device: Device, left: JoinSide, right: JoinSide, kind: JoinKind, options: JoinOptions): RowsInPlace {
  return withScratch(device, (scratch) => {
    const { rows } = left.keys;
    const { capacity, slots, counts, looked, note } = leftTable(device, scratch, left, right, options);
    const marks = marksInPlace(scratch, { rows, slots, counts, repeats: null, base: 0, mask: left.mask }, kind);
    if (!isPairs(kind)) {
      lookUp(device, looked, { note: "found", notes: [counts] });
      if (marks !== null) launchTally(device, slots, marks);
      return kept(scratch, marks, null, null);
    }
    const holders = scratch.alloc(capacity, "join right row of slots");
    const sums = scratch.zeroed(3, "join sums");
    lookUp(device, looked, { note, notes: [counts, holders, sums] });
    if (marks !== null) launchTally(device, slots, marks);
    const matches = scratch.alloc(rows, "join right rows");
    device.launch({
      kernel: HOLD,
      bindings: [slots, counts, holders, matches],
      params: [rows, rowOfNone(kind), 0, 0],
      workgroups: Math.ceil(rows / WORKGROUP),
    });
    return kept(scratch, marks, matches, { buffer: sums, word: 2 });
  });
}
