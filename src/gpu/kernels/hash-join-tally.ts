/** What the left rows of a join come to, from their slots: marks and number of the output rows, their list, their spans. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { ADD_COUNT, ADD_TOTAL, COUNT_SUMS } from "./expansion.ts";
import type { TakenAlong } from "./gather.ts";
import { NONE, WORKGROUP } from "./hash-group-insert.ts";
import { type MarkedRows, RANKS, type RankedRows, ranksOf } from "./hash-group-rank.ts";
import { type JoinPairs, takenRows, type Wanted, wantedAlong } from "./join-expand.ts";
import type { Scratch } from "./keys-scratch.ts";

export type JoinKind = "inner" | "left" | "semi" | "anti";

/** The slots of rows, and what the slots say of the other side. */
export interface Slotted {
  readonly rows: number;
  /** NONE: no slot. */
  readonly slots: DeviceBuffer;
  /** Rows of the other side that each slot has, beyond `base`; null: `base` of them, where any will do. */
  readonly counts: DeviceBuffer | null;
  /** Its first word is 0 where all of `counts` are; null: nobody knows. */
  readonly repeats: DeviceBuffer | null;
  readonly base: 0 | 1;
  /** Bitmap of the rows that take part; null: all. */
  readonly mask: DeviceBuffer | null;
}

/** What decides a kernel over the slots of rows. */
export interface TallySpec {
  readonly kind: JoinKind;
  readonly base: 0 | 1;
  readonly counted: boolean;
  readonly flagged: boolean;
  readonly masked: boolean;
}

const specOf = (slotted: Slotted, kind: JoinKind): TallySpec => ({
  kind,
  base: slotted.base,
  counted: slotted.counts !== null,
  flagged: slotted.counts !== null && slotted.repeats !== null,
  // rows that take no part have no slot: only where such rows count does it matter why they have none
  masked: slotted.mask !== null && (kind === "left" || kind === "anti"),
});

/** The spec as text. */
export const tallyKey = ({ kind, base, counted, flagged, masked }: TallySpec): string => `${kind},${base},${counted},${flagged},${masked}`;

const OUTPUT_ROWS: Record<JoinKind, string> = {
  inner: "",
  left: "count = max(count, 1u);",
  semi: "count = min(count, 1u);",
  anti: "count = 1u - min(count, 1u);",
};

/** The output rows of `row` as `count`, from its `slot`. */
const countOf = ({ kind, base, counted, flagged, masked }: TallySpec): string => `var count = 0u;
    if (slot != ${NONE}u) {
      count = ${base}u;
      ${counted ? `${flagged ? "if (repeats[0] != 0u) " : ""}{ count += counts[slot]; }` : ""}
    }
    ${OUTPUT_ROWS[kind]}
    ${masked ? "if (((taking[row >> 5u] >> (row & 31u)) & 1u) == 0u) { count = 0u; }" : ""}`;

/** Whether the output has pairs of rows, not left rows alone. */
export const isPairs = (kind: JoinKind): boolean => kind === "inner" || kind === "left";

const HEAD = `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = group_id(wid, nwg);
  let row = group * ${WORKGROUP}u + lane;`;

/** Turns a condition on each row into bitmap words and their counts. */
const MARK = `
  workgroupBarrier();
  let word = group * ${WORKGROUP / 32}u + lane;
  if (lane < ${WORKGROUP / 32}u && word < (P[0].x + 31u) / 32u) {
    let marked = atomicLoad(&marks[lane]);
    bits[word] = marked;
    bitCounts[word] = countOneBits(marked);
  }`;

/** Marks `row`, which has `slot`, in a kernel of a workgroup for each ${WORKGROUP} rows: for the module, for each row, and behind all rows. */
export const tallyText = (
  spec: TallySpec,
  summed: boolean,
): { readonly declarations: string; readonly row: string; readonly end: string } => ({
  declarations: `var<workgroup> marks: array<atomic<u32>, ${WORKGROUP / 32}>;
${summed ? COUNT_SUMS : ""}`,
  row: `${countOf(spec)}
    if (count != 0u) { atomicOr(&marks[lane >> 5u], 1u << (lane & 31u)); }
    ${summed ? ADD_COUNT : ""}`,
  end: `${MARK}
  ${summed ? ADD_TOTAL : ""}`,
});

/** Names of the optional inputs of a kernel. */
export const inputNames = ({ counted, flagged, masked }: TallySpec): readonly ("counts" | "repeats" | "taking")[] => [
  ...(counted ? (["counts"] as const) : []),
  ...(flagged ? (["repeats"] as const) : []),
  ...(masked ? (["taking"] as const) : []),
];

/** The optional inputs of a kernel, from binding `first` on. */
const inputsFrom = (first: number, spec: TallySpec): string =>
  inputNames(spec)
    .map((name, i) => `@group(0) @binding(${first + i}) var<storage, read> ${name}: array<u32>;`)
    .join("\n");

const inputsOf = ({ counts, repeats, mask }: Slotted, { counted, flagged, masked }: TallySpec): readonly DeviceBuffer[] =>
  [counted ? counts : null, flagged ? repeats : null, masked ? mask : null].filter((buffer) => buffer !== null);

const readsOf = ({ counted, flagged, masked }: TallySpec): readonly "read"[] =>
  Array.from({ length: Number(counted) + Number(flagged) + Number(masked) }, () => "read");

/** slots -> bits, bitCounts: the rows that have output rows | [total of these] | [counts] | [repeats] | [taking] */
const tallyKernel = (spec: TallySpec, summed: boolean): Kernel => {
  const inputs = readsOf(spec);
  const first = summed ? 4 : 3;
  const text = tallyText(spec, summed);
  return {
    name: "join-tally",
    key: `join-tally(${tallyKey(spec)},${summed})`,
    bindings: ["read", "read_write", "read_write", ...(summed ? (["read_write"] as const) : []), ...inputs],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> slots: array<u32>;
@group(0) @binding(1) var<storage, read_write> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> bitCounts: array<u32>;
${summed ? "@group(0) @binding(3) var<storage, read_write> total: array<atomic<u32>>;" : ""}
${inputsFrom(first, spec)}
@group(0) @binding(${first + inputs.length}) var<uniform> P: array<vec4<u32>, 1>; // rows
${text.declarations}
${HEAD}
  if (row < P[0].x) {
    let slot = slots[row];
    ${text.row}
  }
  ${text.end}
}`),
  };
};

/** The rows that have output rows, and the two words of how many these are, where asked for. */
export interface Tally {
  readonly marked: MarkedRows;
  readonly total: DeviceBuffer | null;
}

/** A tally to be made. */
export interface Marks extends Tally {
  readonly spec: TallySpec;
  /** What the kernel writes and what it reads besides the slots, in the order of its bindings. */
  readonly written: readonly DeviceBuffer[];
  readonly inputs: readonly DeviceBuffer[];
}

/** `total`: two words of zeros for the number of output rows, null where it does not matter. New buffers are held by `scratch`; nothing is launched. */
export function marksOf(scratch: Scratch, slotted: Slotted, kind: JoinKind, total: DeviceBuffer | null): Marks {
  const { rows } = slotted;
  const words = Math.ceil(rows / 32);
  const bits = scratch.alloc(words, "join marks");
  const counts = scratch.alloc(words, "join mark counts");
  const spec = specOf(slotted, kind);
  const written = [bits, counts, ...(total === null ? [] : [total])];
  return { marked: { bits, counts, rows }, total, spec, written, inputs: inputsOf(slotted, spec) };
}

/** Makes the tally out of the slots of its rows. */
export function launchTally(device: Device, slots: DeviceBuffer, { spec, written, inputs, total, marked: { rows } }: Marks): void {
  device.launch({
    kernel: tallyKernel(spec, total !== null),
    bindings: [slots, ...written, ...inputs],
    params: [rows, 0, 0, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
}

/** As `marksOf`, made at once. */
export function tally(device: Device, scratch: Scratch, slotted: Slotted, kind: JoinKind, total: DeviceBuffer | null): Tally {
  const marks = marksOf(scratch, slotted, kind, total);
  launchTally(device, slotted.slots, marks);
  return marks;
}

/** slots, starts -> spans: output rows at [0, rows), begin at [rows, 2 * rows) | [counts] | [repeats] | [taking] */
const spansKernel = (spec: TallySpec): Kernel => {
  const inputs = readsOf(spec);
  return {
    name: "join-spans",
    key: `join-spans(${tallyKey(spec)})`,
    bindings: ["read", "read", "read_write", ...inputs],
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> slots: array<u32>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> spans: array<u32>;
${inputsFrom(3, spec)}
@group(0) @binding(${3 + inputs.length}) var<uniform> P: array<vec4<u32>, 1>; // rows
${HEAD}
  if (row >= P[0].x) { return; }
  let slot = slots[row];
  ${countOf(spec)}
  spans[row] = count;
  var begin = ${NONE}u;
  if (slot != ${NONE}u${spec.base === 0 ? " && counts[slot] != 0u" : ""}) { begin = starts[slot]; }
  spans[P[0].x + row] = begin;
}`),
  };
};

/** As `expandSpans` takes them, held by `scratch`; of an inner or left join. */
export function spansOf(device: Device, scratch: Scratch, slotted: Slotted, starts: DeviceBuffer, kind: JoinKind): DeviceBuffer {
  const spec = specOf(slotted, kind);
  const spans = scratch.alloc(2 * slotted.rows, "join spans");
  device.launch({
    kernel: spansKernel(spec),
    bindings: [slotted.slots, starts, spans, ...inputsOf(slotted, spec)],
    params: [slotted.rows, 0, 0, 0],
    workgroups: Math.ceil(slotted.rows / WORKGROUP),
  });
  return spans;
}

/**
 * The marked rows and the row that each finds:
 *
 *     bits, before or counts | slots | holders: row + 1 of each slot, or 0 -> left, right; or columns taken along
 */
const listKernel = (by: RankedRows["ranks"]["by"], along: TakenAlong | null): Kernel => ({
  name: "join-list",
  key: `join-list(${by},${along?.key ?? ""})`,
  bindings: ["read", "read", "read", "read", ...(along?.bindings ?? (["read_write", "read_write"] as const))],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> bits: array<u32>;
@group(0) @binding(1) var<storage, read> ${by}: array<u32>;
@group(0) @binding(2) var<storage, read> slots: array<u32>;
@group(0) @binding(3) var<storage, read> holders: array<u32>;
${along === null ? PAIRS : along.declarations()}
@group(0) @binding(${4 + (along?.bindings.length ?? 2)}) var<uniform> P: array<vec4<u32>, 1>; // rows
${RANKS[by].functions}
${HEAD}
  ${RANKS[by].base}
  if (row >= P[0].x || ((bits[row >> 5u] >> (row & 31u)) & 1u) == 0u) { return; }
  let at = rank_of(row, base);
  let slot = slots[row];
  var found = ${NONE}u;
  if (slot != ${NONE}u) { found = holders[slot] - 1u; }
  ${along === null ? "left[at] = row;\n  right[at] = found;" : along.text("at", ["row", "found"])}
}`),
});

const PAIRS = `@group(0) @binding(4) var<storage, read_write> left: array<u32>;
@group(0) @binding(5) var<storage, read_write> right: array<u32>;`;

const LISTS = { before: listKernel("before", null), counts: listKernel("counts", null) } as const;

/** The pairs of an inner or left join whose slots have one right row at most. */
export function listPairs(
  device: Device,
  scratch: Scratch,
  { marked }: Tally,
  slots: DeviceBuffer,
  holders: DeviceBuffer,
  count: number,
  wanted: Wanted | null,
): JoinPairs {
  const workgroups = Math.ceil(marked.rows / WORKGROUP);
  const along = wantedAlong(device, wanted, count, 4);
  if (along !== null) {
    const { bits, ranks, rows } = ranksOf(device, scratch, marked);
    const bindings = [bits, ranks.words, slots, holders, ...along.buffers];
    device.launch({ kernel: listKernel(ranks.by, along), bindings, params: [rows, 0, 0, 0], workgroups });
    return takenRows(scratch, along, count);
  }
  const left = scratch.alloc(count, "join left rows");
  const right = scratch.alloc(count, "join right rows");
  if (count > 0) {
    const { bits, ranks, rows } = ranksOf(device, scratch, marked);
    device.launch({
      kernel: LISTS[ranks.by],
      bindings: [bits, ranks.words, slots, holders, left, right],
      params: [rows, 0, 0, 0],
      workgroups,
    });
  }
  return { left: scratch.keep(left), right: scratch.keep(right), count };
}
