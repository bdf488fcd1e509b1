/** Hash joins: a table over the build side's keys, probed by the other side, answered as row numbers of both. */

import { InternalError, OutOfDeviceMemoryError } from "../../errors.ts";
import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import { EXPAND_TILE } from "./expansion.ts";
import { iota } from "./fill.ts";
import { numberGroups } from "./hash-group.ts";
import { type Inserted, insertRows, layoutOf, WORKGROUP } from "./hash-group-insert.ts";
import { listRows, type RankedRows, rankRows } from "./hash-group-rank.ts";
import { CROSS, EXPAND, GROUP_STARTS, probeKernel, SPANS, unmatchedKernel } from "./hash-join-probe.ts";
import type { KeyPlanes } from "./keys.ts";
import { type Scratch, withScratch, withScratchAsync } from "./keys-scratch.ts";
import { sortById } from "./radix-sort.ts";
import { exclusiveScan } from "./scan.ts";

export type JoinKind = "inner" | "left" | "semi" | "anti";

/** Rows of one key, where keys repeat: rows of group g are sorted[starts[g] .. starts[g + 1]], ascending. */
interface BuildGroups {
  /** Group of each build row; 0xFFFFFFFF for rows that match nothing. */
  readonly ids: DeviceBuffer;
  readonly starts: DeviceBuffer;
  readonly sorted: DeviceBuffer;
}

/** The build side of a join. `release` frees what it holds, its hold on the keys included. */
export interface JoinTable {
  readonly keys: KeyPlanes;
  readonly nullsEqual: boolean;
  readonly table: DeviceBuffer;
  readonly capacity: number;
  /** Null: no two build rows that can match have the same key. */
  readonly groups: BuildGroups | null;
  /** Bitmap of the build rows (of the groups, where there are some) that a probe found; null: not recorded. */
  readonly matched: DeviceBuffer | null;
  release(): void;
}

/** Row numbers of a join's output. The owner releases both buffers. */
export interface JoinRows {
  /** Left (probe) rows, ascending. */
  readonly left: DeviceBuffer;
  /** Build row of each output row, 0xFFFFFFFF for none; ascending within one left row. Null for semi and anti. */
  readonly right: DeviceBuffer | null;
  readonly count: number;
}

/** Sorts the build rows by group, the inserted slots becoming group numbers. */
async function groupBuildRows(
  device: Device,
  scratch: Scratch,
  inserted: Pick<Inserted, "table" | "slots">,
  rows: number,
): Promise<BuildGroups> {
  const ranked = numberGroups(device, scratch, inserted, rows);
  const [groups = 0] = await device.read(ranked.total, 0, 1);
  const sorted = scratch.own(sortById(device, inserted.slots, rows, groups));
  const starts = scratch.alloc(groups + 1, "join group starts");
  device.launch({
    kernel: GROUP_STARTS,
    bindings: [sorted, inserted.slots, starts],
    params: [rows, groups, 0, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  return { ids: inserted.slots, starts, sorted };
}

/**
 * Builds the table. Keeps a reference to the keys until `release`. `recordMatches`: probes note which build rows they found, for
 * `unmatchedBuild`. A row with a null key matches nothing unless `nullsEqual`. One round trip, two where keys repeat.
 */
export function buildTable(
  device: Device,
  keys: KeyPlanes,
  options: { readonly nullsEqual: boolean; readonly recordMatches?: boolean },
): Promise<JoinTable> {
  const { nullsEqual, recordMatches = false } = options;
  return withScratchAsync(device, async (scratch) => {
    const { rows } = keys;
    const { table, slots, capacity, flags } = insertRows(device, scratch, keys, {
      mask: null,
      skipNulls: !nullsEqual,
      duplicates: true,
      most: null,
    });
    const matched = recordMatches ? scratch.zeroed(Math.ceil(rows / 32), "join matched") : null;
    const [repeated = 0] = await device.read(flags, 0, 1);
    const groups = repeated === 0 ? null : await groupBuildRows(device, scratch, { table, slots }, rows);
    const held = [table, matched, groups?.ids, groups?.starts, groups?.sorted].filter((buffer) => buffer !== null && buffer !== undefined);
    for (const buffer of held) scratch.keep(buffer);
    keys.buffer.retain();
    const release = (): void => {
      for (const buffer of [keys.buffer, ...held]) buffer.release();
    };
    return { keys, nullsEqual, table, capacity, groups, matched, release };
  });
}

interface LookedUp {
  readonly targets: DeviceBuffer | null;
  readonly marks: RankedRows | null;
}

/** Runs the probe kernel; `match`: wants the targets, `mark`: wants the rows that match or do not. At least one row. */
function lookUp(
  device: Device,
  scratch: Scratch,
  table: JoinTable,
  keys: KeyPlanes,
  match: boolean,
  mark: "hit" | "miss" | null,
): LookedUp {
  const { groups, matched, nullsEqual } = table;
  const { rows } = keys;
  const build = layoutOf(table.keys);
  const probe = layoutOf(keys);
  if (build.values !== probe.values) throw new InternalError(`a join of ${build.values} key words with ${probe.values}`);
  const words = Math.ceil(rows / 32);
  const ids = groups !== null && (match || matched !== null) ? groups.ids : null;
  const targets = match ? scratch.alloc(rows, "join targets") : null;
  const bits = scratch.alloc(mark === null ? 0 : words, "join marks");
  const counts = scratch.alloc(mark === null ? 0 : words, "join mark counts");
  device.launch({
    kernel: probeKernel({ build, probe, nullsEqual, grouped: ids !== null, match, mark, record: matched !== null }),
    bindings: [
      table.keys.buffer,
      keys.buffer,
      table.table,
      ...(ids === null ? [] : [ids]),
      ...(targets === null ? [] : [targets]),
      ...(mark === null ? [] : [bits, counts]),
      ...(matched === null ? [] : [matched]),
    ],
    params: [rows, table.keys.stride, table.capacity - 1, words, keys.stride, 0, 0, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  return { targets, marks: mark === null ? null : rankRows(device, scratch, bits, counts, rows) };
}

/** The most output rows that row numbers and workgroup arithmetic can name. */
const MOST_ROWS = 2 ** 32 - 2 ** 16;

const checkCount = (count: number): void => {
  if (count > MOST_ROWS) throw new OutOfDeviceMemoryError(`a join makes ${count} rows, more than ${MOST_ROWS}`);
};

/** Inner and left joins whose build keys repeat. `unmatchedRows`: output rows of a left row without a match. */
async function expand(
  device: Device,
  scratch: Scratch,
  groups: BuildGroups,
  targets: DeviceBuffer,
  rows: number,
  unmatchedRows: 0 | 1,
): Promise<JoinRows & { readonly right: DeviceBuffer }> {
  const spans = scratch.alloc(2 * rows, "join spans");
  const total = scratch.zeroed(2, "join total");
  device.launch({
    kernel: SPANS,
    bindings: [targets, groups.starts, spans, total],
    params: [rows, unmatchedRows, 0, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  scratch.drop(targets);
  return expandSpans(device, scratch, spans, total, groups.sorted, rows);
}

/** The pairs of `rows` rows, each with its span of the rows in `sorted`; spans and total as `SPANS` leaves them. */
export async function expandSpans(
  device: Device,
  scratch: Scratch,
  spans: DeviceBuffer,
  total: DeviceBuffer,
  sorted: DeviceBuffer,
  rows: number,
): Promise<JoinRows & { readonly right: DeviceBuffer }> {
  const scanned = exclusiveScan(device, spans, rows);
  const offsets = scratch.own(scanned.offsets);
  scanned.total.release();
  const [low = 0, high = 0] = await device.read(total, 0, 2);
  const count = low + high * 2 ** 32;
  checkCount(count);
  const left = scratch.alloc(count, "join left rows");
  const right = scratch.alloc(count, "join right rows");
  if (count > 0)
    device.launch({
      kernel: EXPAND,
      bindings: [offsets, spans, sorted, left, right],
      params: [rows, count, 0, 0],
      workgroups: Math.ceil(count / EXPAND_TILE),
    });
  return { left: scratch.keep(left), right: scratch.keep(right), count };
}

const MARK = { inner: "hit", left: null, semi: "hit", anti: "miss" } as const satisfies Record<JoinKind, "hit" | "miss" | null>;

/**
 * Joins the probe rows (the left side) with the table. Output in left row order and, within one left row, in build row order.
 * inner: matching pairs; left: those and the left rows without a match; semi / anti: the left rows with / without a match. Both sides
 * must have the same keys; one may have null planes where the other has none. At most one round trip.
 * @throws OutOfDeviceMemoryError when the output has about 2^32 rows or more, or does not fit.
 */
export function probe(device: Device, table: JoinTable, keys: KeyPlanes, kind: JoinKind): Promise<JoinRows> {
  const pairs = kind === "inner" || kind === "left";
  const { rows } = keys;
  return withScratchAsync(device, async (scratch) => {
    if (rows === 0) {
      const [left, right] = [scratch.alloc(0, "join left rows"), pairs ? scratch.alloc(0, "join right rows") : null];
      return { left: scratch.keep(left), right: right === null ? null : scratch.keep(right), count: 0 };
    }
    const repeated = pairs ? table.groups : null;
    const { targets, marks } = lookUp(device, scratch, table, keys, pairs, repeated === null ? MARK[kind] : null);
    if (repeated !== null && targets !== null) return expand(device, scratch, repeated, targets, rows, kind === "left" ? 1 : 0);
    if (marks === null) return { left: iota(device, 0, rows), right: targets === null ? null : scratch.keep(targets), count: rows };
    const { list, picked, count } = await listRows(device, scratch, marks, targets);
    return { left: scratch.keep(list), right: picked === null ? null : scratch.keep(picked), count };
  });
}

/**
 * The build rows that no probe found since the table was built, ascending: rows with a null key among them unless `nullsEqual`. Only
 * for tables that record matches. One round trip. The caller owns `rows`.
 */
export function unmatchedBuild(device: Device, table: JoinTable): Promise<{ readonly rows: DeviceBuffer; readonly count: number }> {
  const { matched, groups, keys } = table;
  if (matched === null) throw new InternalError("unmatchedBuild of a table that does not record matches");
  return withScratchAsync(device, async (scratch) => {
    const words = Math.ceil(keys.rows / 32);
    const bits = scratch.alloc(words, "join marks");
    const counts = scratch.alloc(words, "join mark counts");
    if (keys.rows === 0) return { rows: scratch.keep(bits), count: 0 };
    device.launch({
      kernel: unmatchedKernel(groups !== null),
      bindings: [matched, bits, counts, ...(groups === null ? [] : [groups.ids])],
      params: [keys.rows, 0, 0, words],
      workgroups: Math.ceil(keys.rows / WORKGROUP),
    });
    const { list, count } = await listRows(device, scratch, rankRows(device, scratch, bits, counts, keys.rows), null);
    return { rows: scratch.keep(list), count };
  });
}

/**
 * Every pair of a left and a right row, in left row order, then right row order.
 * @throws OutOfDeviceMemoryError when there are about 2^32 pairs or more, or they do not fit.
 */
export function crossJoin(device: Device, leftRows: number, rightRows: number): JoinRows & { readonly right: DeviceBuffer } {
  const count = leftRows * rightRows;
  checkCount(count);
  return withScratch(device, (scratch) => {
    const left = scratch.alloc(count, "cross join left rows");
    const right = scratch.alloc(count, "cross join right rows");
    device.launch({ kernel: CROSS, bindings: [left, right], params: [count, rightRows, 0, 0], workgroups: Math.ceil(count / WORKGROUP) });
    return { left: scratch.keep(left), right: scratch.keep(right), count };
  });
}
