/** Hash joins: a table over the keys of one side, in which the other side looks its own up, answered as row numbers of both. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { TakenAlong } from "./gather.ts";
import { type Inserted, insertRows, layoutOf, WORKGROUP } from "./hash-group-insert.ts";
import { listCounted, ranksOf, takeMarked } from "./hash-group-rank.ts";
import { groupBySlot, type SlotGroups } from "./hash-join-groups.ts";
import { FEW_SLOTS, type ProbeSpec, probeKernel, SIZES } from "./hash-join-probe.ts";
import {
  isPairs,
  type JoinKind,
  launchTally,
  listPairs,
  type Marks,
  marksOf,
  type Slotted,
  spansOf,
  type Tally,
  tally,
} from "./hash-join-tally.ts";
import { checkCount, expandSpans, type JoinRows, sumOf, takenOfLeft, type Wanted, wantedAlong } from "./join-expand.ts";
import type { HashKeys } from "./keys.ts";
import { type Scratch, withScratch, withScratchAsync } from "./keys-scratch.ts";

/** One side of a join: its keys, and a bitmap of the rows that take part, null for all. */
export interface JoinSide {
  readonly keys: HashKeys;
  readonly mask: DeviceBuffer | null;
}

export interface JoinOptions {
  /** A row with a null key matches nothing unless nulls are equal. */
  readonly nullsEqual: boolean;
}

/** A table over the right side. `release` frees what it holds, its hold on the keys and the mask included. */
export interface JoinTable extends JoinOptions {
  readonly right: JoinSide;
  readonly inserted: Inserted;
  /** A word for each slot, 0 where no probe found it; null: not recorded. */
  readonly found: DeviceBuffer | null;
  /** The right rows by slot; `most`: how many a slot has at most, or more than matters. */
  groups(most: number): SlotGroups;
  release(): void;
}

/**
 * Builds the table; no round trip. `recordMatches`: probes note which right rows they found, for `unmatchedRight`. `pairs`: for inner and
 * left joins.
 */
export function buildTable(
  device: Device,
  right: JoinSide,
  options: JoinOptions & { readonly recordMatches?: boolean; readonly pairs: boolean },
): JoinTable {
  const { nullsEqual, recordMatches = false, pairs } = options;
  return withScratch(device, (scratch) => {
    const { keys, mask } = right;
    const inserted = insertRows(device, scratch, keys, { mask, skipNulls: !nullsEqual, repeats: pairs ? "count" : "nothing", most: null });
    const found = recordMatches ? scratch.zeroed(inserted.capacity, "join slots found") : null;
    const held = [inserted.table, inserted.slots, inserted.flags, inserted.more, found].filter((buffer) => buffer !== null);
    for (const buffer of held) scratch.keep(buffer);
    keys.buffer.retain();
    mask?.retain();
    let groups: SlotGroups | null = null;
    return {
      nullsEqual,
      right,
      inserted,
      found,
      groups: (most) => {
        groups ??= groupsOfTable(device, right.keys.rows, inserted, most);
        return groups;
      },
      release: () => {
        for (const buffer of [...held, keys.buffer, mask, groups?.starts, groups?.sorted]) buffer?.release();
      },
    };
  });
}

const groupsOfTable = (device: Device, rows: number, { table, more, slots, capacity }: Inserted, most: number): SlotGroups =>
  withScratch(device, (scratch) => {
    if (more === null) throw new InternalError("a table whose repeated keys were not counted");
    const sizes = scratch.alloc(capacity, "join slot sizes");
    device.launch({
      kernel: SIZES,
      bindings: [table, more, sizes],
      params: [capacity, 0, 0, 0],
      workgroups: Math.ceil(capacity / WORKGROUP),
    });
    return groupBySlot(device, { slots, rows, found: rows, capacity, sizes, most });
  });

interface Looked {
  readonly built: HashKeys;
  readonly asked: JoinSide;
  readonly table: Pick<Inserted, "table" | "capacity">;
  readonly nullsEqual: boolean;
}

/** What to make of the rows that are looked up; by default nothing. */
interface Results {
  /** Where the slot of each row goes. */
  readonly slots?: DeviceBuffer;
  /** Where the table's row of each row goes instead, and the number that stands for none. */
  readonly matches?: { readonly buffer: DeviceBuffer; readonly none: number } | null;
  /** Columns of the table's side of which rows are taken at once. */
  readonly along?: TakenAlong | null;
  readonly note?: ProbeSpec["note"];
  /** The buffers of `note`. */
  readonly notes?: readonly DeviceBuffer[];
  /** The tally that is made at once. */
  readonly marks?: Marks | null;
}

/** Looks the rows up. */
export function lookUp(device: Device, { built, asked, table, nullsEqual }: Looked, results: Results): void {
  const { slots, matches = null, along = null, note = "nothing", notes = [], marks = null } = results;
  const { keys, mask } = asked;
  const written = slots ?? matches?.buffer ?? null;
  const spec: ProbeSpec = {
    built: layoutOf(built),
    asked: layoutOf(keys),
    nullsEqual,
    masked: mask !== null,
    writes: slots !== undefined ? "slots" : matches === null ? "nothing" : { rowsOr: matches.none },
    note,
    tally: marks === null ? null : { ...marks.spec, summed: marks.total !== null },
    along,
  };
  if (spec.built.values !== spec.asked.values)
    throw new InternalError(`a join of ${spec.built.values} key words with ${spec.asked.values}`);
  device.launch({
    kernel: probeKernel(spec),
    bindings: [
      built.buffer,
      keys.buffer,
      table.table,
      ...(mask === null ? [] : [mask]),
      ...(written === null ? [] : [written]),
      ...notes,
      ...(marks === null ? [] : [...marks.written, ...marks.inputs.filter((buffer) => buffer !== mask)]),
      ...(along?.buffers ?? []),
    ],
    params: [keys.rows, built.stride, table.capacity - 1, keys.stride],
    workgroups: Math.ceil(keys.rows / WORKGROUP),
  });
}

const noRows = (scratch: Scratch, kind: JoinKind): JoinRows => {
  const left = scratch.keep(scratch.alloc(0, "join left rows"));
  return { left, right: isPairs(kind) ? scratch.keep(scratch.alloc(0, "join right rows")) : null, count: 0 };
};

/**
 * Joins the left rows with the table. Output in left row order and, within one left row, in right row order.
 * inner: matching pairs; left: those and the left rows without a match; semi / anti: the left rows with / without a match. Both sides
 * must have the same keys; one may have null planes where the other has none. `wanted`: columns whose rows are wanted, of
 * both sides of an inner join or the left side of a semi or anti join; they may be given as rows of columns. One round trip.
 * @throws OutOfDeviceMemoryError when the output has about 2^32 rows or more, or does not fit.
 */
export function probe(device: Device, table: JoinTable, left: JoinSide, kind: JoinKind, wanted: Wanted | null = null): Promise<JoinRows> {
  const { inserted, found, nullsEqual, right } = table;
  const { rows } = left.keys;
  return withScratchAsync(device, async (scratch) => {
    if (rows === 0) return noRows(scratch, kind);
    const slots = scratch.alloc(rows, "join slots");
    const slotted: Slotted = {
      rows,
      slots,
      counts: isPairs(kind) ? inserted.more : null,
      repeats: inserted.flags,
      base: 1,
      mask: left.mask,
    };
    const marks = marksOf(scratch, slotted, kind, scratch.zeroed(2, "join total"));
    const notes = found === null ? [] : [found];
    const looked = { built: right.keys, asked: left, table: inserted, nullsEqual };
    const atOnce =
      4 + notes.length + marks.written.length + marks.inputs.length + Number(left.mask !== null) <= device.limits.storageBuffers;
    lookUp(device, looked, {
      ...(isPairs(kind) || !atOnce ? { slots } : {}),
      note: found === null ? "nothing" : "found",
      notes,
      marks: atOnce ? marks : null,
    });
    if (!atOnce) launchTally(device, slots, marks);
    if (!isPairs(kind)) return selected(device, scratch, marks, wanted);
    const { count, more } = await countsOf(device, marks, inserted);
    if (more === 0) return listPairs(device, scratch, marks, slots, inserted.table, count, wanted);
    const { starts, sorted } = table.groups(more + 1);
    return expandSpans(device, scratch, spansOf(device, scratch, slotted, starts, kind), sorted, rows, count, wanted);
  });
}

/** A table over the left rows, in which the right ones look theirs up. */
export interface LeftTable {
  readonly table: DeviceBuffer;
  readonly capacity: number;
  /** The slot of each left row. */
  readonly slots: DeviceBuffer;
  /** Zeros, for the right rows of each slot. */
  readonly counts: DeviceBuffer;
  readonly looked: Looked;
  /** How right rows are noted, of which each slot has several. */
  readonly note: "rows" | "rows of few";
}

/** The buffers are held by `scratch`. */
export function leftTable(device: Device, scratch: Scratch, left: JoinSide, right: JoinSide, { nullsEqual }: JoinOptions): LeftTable {
  const { table, slots, capacity } = insertRows(device, scratch, left.keys, {
    mask: left.mask,
    skipNulls: !nullsEqual,
    repeats: "nothing",
    most: null,
  });
  const counts = scratch.zeroed(capacity, "join right rows of slots");
  const looked = { built: left.keys, asked: right, table: { table, capacity }, nullsEqual };
  return { table, capacity, slots, counts, looked, note: capacity <= FEW_SLOTS ? "rows of few" : "rows" };
}

/**
 * As `probe`, without a table over the right side: the right rows look for the keys of the left ones. For right sides that have far more
 * rows, of which few are found. One round trip.
 */
export function joinByLeft(
  device: Device,
  left: JoinSide,
  right: JoinSide,
  kind: JoinKind,
  options: JoinOptions,
  wanted: Wanted | null = null,
): Promise<JoinRows> {
  const { rows } = left.keys;
  return withScratchAsync(device, async (scratch) => {
    if (rows === 0) return noRows(scratch, kind);
    const { table, capacity, slots, counts, looked, note } = leftTable(device, scratch, left, right, options);
    const slotted: Slotted = { rows, slots, counts, repeats: null, base: 0, mask: left.mask };
    if (!isPairs(kind)) {
      lookUp(device, looked, { note: "found", notes: [counts] });
      return selected(device, scratch, tally(device, scratch, slotted, kind, scratch.zeroed(2, "join total")), wanted);
    }
    // of an inner join only slots that were found are asked for their holders
    const holders =
      kind === "inner" ? scratch.alloc(capacity, "join right row of slots") : scratch.zeroed(capacity, "join right row of slots");
    // the pairs, and the most right rows of a slot
    const sums = scratch.zeroed(3, "join sums");
    const rightSlots = scratch.alloc(right.keys.rows, "join right slots");
    lookUp(device, looked, { slots: rightSlots, note, notes: [counts, holders, sums] });
    scratch.drop(table);
    const tallied = tally(device, scratch, slotted, kind, sums);
    const read = await device.read(sums, 0, 3);
    const count = sumOf(read);
    const more = read[2] ?? 0;
    checkCount(count);
    if (more === 0) return listPairs(device, scratch, tallied, slots, holders, count, wanted);
    scratch.drop(holders);
    // every slot is of a left row: no more right rows have one than there are pairs
    const found = Math.min(right.keys.rows, count);
    const groups = groupBySlot(device, { slots: rightSlots, rows: right.keys.rows, found, capacity, sizes: counts, most: more + 1 });
    const starts = scratch.own(groups.starts);
    const sorted = scratch.own(groups.sorted);
    scratch.drop(rightSlots);
    return expandSpans(device, scratch, spansOf(device, scratch, slotted, starts, kind), sorted, rows, count, wanted);
  });
}

/** The number of pairs, and by how many a slot has more than one right row at most. @throws OutOfDeviceMemoryError for too many pairs. */
async function countsOf(device: Device, { total }: Tally, { flags }: Inserted): Promise<{ readonly count: number; readonly more: number }> {
  if (total === null || flags === null) throw new InternalError("the pairs were not counted");
  const [sum, most] = await device.readMany([
    { buffer: total, word: 0, words: 2 },
    { buffer: flags, word: 0, words: 1 },
  ]);
  const count = sumOf(sum);
  checkCount(count);
  return { count, more: most?.[0] ?? 0 };
}

/** The marked rows; one round trip. */
async function selected(device: Device, scratch: Scratch, { marked, total }: Tally, wanted: Wanted | null): Promise<JoinRows> {
  if (total === null) throw new InternalError("the rows were not counted");
  const [some = 0] = await device.read(total, 0, 1);
  const along = wantedAlong(device, wanted, some, 2);
  if (along !== null) {
    takeMarked(device, ranksOf(device, scratch, marked), along);
    return takenOfLeft(scratch, along, some);
  }
  const { list, count } = listCounted(device, scratch, ranksOf(device, scratch, marked), null, some);
  return { left: scratch.keep(list), right: null, count };
}

/**
 * The right rows that no probe found since the table was built, ascending: rows with a null key among them unless they are equal. Only
 * for tables that record matches. One round trip. The caller owns `left`, which has them.
 */
export function unmatchedRight(device: Device, table: JoinTable): Promise<JoinRows> {
  const { found, inserted, right } = table;
  if (found === null) throw new InternalError("unmatched rows of a table that does not record matches");
  const { rows } = right.keys;
  return withScratchAsync(device, async (scratch) => {
    if (rows === 0) return noRows(scratch, "anti");
    return selected(
      device,
      scratch,
      tally(
        device,
        scratch,
        { rows, slots: inserted.slots, counts: found, repeats: null, base: 0, mask: right.mask },
        "anti",
        scratch.zeroed(2, "join total"),
      ),
      null,
    );
  });
}
