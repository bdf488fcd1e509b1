/** Looks the rows of one side of a join up in the hash table of the other one. */

import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import type { TakenAlong } from "./gather.ts";
import {
  hashFunction,
  type KeyLayout,
  layoutKey,
  NONE,
  noteMost,
  nullFunction,
  type PlaneSource,
  sameFunction,
  WORKGROUP,
} from "./hash-group-insert.ts";
import { inputNames, type TallySpec, tallyKey, tallyText } from "./hash-join-tally.ts";

export interface ProbeSpec {
  /** The keys in the table. */
  readonly built: KeyLayout;
  /** The keys that are looked up. */
  readonly asked: KeyLayout;
  readonly nullsEqual: boolean;
  readonly masked: boolean;
  /** What to write for each row: its slot, or the first row of that slot, and this number where there is none. */
  readonly writes: "nothing" | "slots" | { readonly rowsOr: number };
  /** Note of the slots found that they were, or how many rows found them, and one of these; with few slots by workgroups, since many rows find the same. */
  readonly note: "nothing" | "found" | "rows" | "rows of few";
  /** Mark the rows that have output rows, and count these where they are `summed`; null: not. */
  readonly tally: (TallySpec & { readonly summed: boolean }) | null;
  /** Columns of the table's side, of which a row that finds a slot takes the slot's row. */
  readonly along: TakenAlong | null;
}

/** Slots that "rows of few" can do with. */
export const FEW_SLOTS = WORKGROUP;

/** What becomes of a `slot` that is not NONE. */
const NOTE = {
  nothing: "",
  found: "if (atomicLoad(&noted[slot]) == 0u) { atomicStore(&noted[slot], 1u); }",
  rows: `let before = atomicAdd(&noted[slot], 1u);
    if (before == 0u) { holders[slot] = row + 1u; }
    ${noteMost("sums[2]", "before")}`,
  "rows of few": `atomicAdd(&found[slot], 1u);
    atomicMax(&finder[slot], row + 1u);`,
} as const;

const written = (writes: ProbeSpec["writes"]): string => {
  if (writes === "nothing") return "";
  if (writes === "slots") return "written[row] = slot;";
  return `written[row] = ${writes.rowsOr}u;
    if (slot != ${NONE}u) { written[row] = table[slot] - 1u; }`;
};

/** Adds what the rows of the workgroup found, a slot for each invocation. */
const ADD_FOUND = `workgroupBarrier();
  let own = atomicLoad(&found[lane]);
  if (own != 0u) {
    let before = atomicAdd(&noted[lane], own);
    if (before == 0u) { holders[lane] = atomicLoad(&finder[lane]); }
    ${noteMost("sums[2]", "before + own - 1u")}
  }`;

/**
 * One thread for each row that asks.
 *
 *     built, asked: key words | table: built row + 1 of each slot | [taking: bitmap of asking rows] | [written: slot found, or NONE; or its row]
 *     | [noted: rows that found a slot; or 1 where some did] | [holders: one of these rows + 1 | sums: of which word 2 is the most rows of a slot, less 1]
 *     | [bits, bitCounts: the rows that have output rows | [total of these] | inputs of a tally] | [columns and where their rows go]
 */
export function probeKernel(spec: ProbeSpec): Kernel {
  const { tally, writes, along } = spec;
  const declared: string[] = [];
  const bindings: ("read" | "read_write")[] = [];
  const declare = (name: string, access: "read" | "read_write", type: string): void => {
    declared.push(`@group(0) @binding(${bindings.length}) var<storage, ${access}> ${name}: array<${type}>;`);
    bindings.push(access);
  };
  for (const name of ["built", "asked", "table"]) declare(name, "read", "u32");
  if (spec.masked) declare("taking", "read", "u32");
  if (writes !== "nothing") declare("written", "read_write", "u32");
  if (spec.note !== "nothing") declare("noted", "read_write", "atomic<u32>");
  const few = spec.note === "rows of few";
  if (few || spec.note === "rows") {
    declare("holders", "read_write", "u32");
    declare("sums", "read_write", "atomic<u32>");
  }
  if (tally !== null) {
    for (const name of ["bits", "bitCounts"]) declare(name, "read_write", "u32");
    if (tally.summed) declare("total", "read_write", "atomic<u32>");
    for (const name of inputNames(tally)) if (name !== "taking" || !spec.masked) declare(name, "read", "u32");
  }
  if (along !== null) bindings.push(...along.bindings);
  const marked = tally === null ? null : tallyText(tally, tally.summed);
  const built: PlaneSource = { name: "built", stride: "P[0].y", layout: spec.built };
  const asked: PlaneSource = { name: "asked", stride: "P[0].w", layout: spec.asked };
  return {
    name: "join-probe",
    key: `join-probe(${layoutKey(spec.built)},${layoutKey(spec.asked)},${spec.nullsEqual},${spec.masked},${typeof writes === "string" ? writes : writes.rowsOr},${spec.note},${tally === null ? "" : `${tallyKey(tally)},${tally.summed}`},${along?.key ?? ""})`,
    bindings,
    params: 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
${declared.join("\n")}
${along?.declarations() ?? ""}
@group(0) @binding(${bindings.length}) var<uniform> P: array<vec4<u32>, 1>; // rows, stride of built, capacity - 1, stride of asked
${hashFunction(asked)}
${sameFunction(built, asked)}
${nullFunction(asked)}
${few ? `var<workgroup> found: array<atomic<u32>, ${FEW_SLOTS}>;\nvar<workgroup> finder: array<atomic<u32>, ${FEW_SLOTS}>;` : ""}
${marked?.declarations ?? ""}
fn find(row: u32) -> u32 {
  ${spec.masked ? `if (((taking[row >> 5u] >> (row & 31u)) & 1u) == 0u) { return ${NONE}u; }` : ""}
  ${spec.nullsEqual ? "" : `if (key_has_null(row)) { return ${NONE}u; }`}
  var at = key_hash(row) & P[0].z;
  loop {
    let seen = table[at];
    if (seen == 0u) { return ${NONE}u; }
    if (key_same(seen - 1u, row)) { return at; }
    at = (at + 1u) & P[0].z;
  }
}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = group_id(wid, nwg);
  let row = group * ${WORKGROUP}u + lane;
  if (row < P[0].x) {
    let slot = find(row);
    ${written(writes)}
    ${spec.note === "nothing" ? "" : `if (slot != ${NONE}u) {\n    ${NOTE[spec.note]}\n  }`}
    ${along === null ? "" : `if (slot != ${NONE}u) {\n    let holder = table[slot] - 1u;\n    ${along.text("row", ["holder"])}\n    }`}
    ${marked?.row ?? ""}
  }
  ${marked?.end ?? ""}
  ${few ? ADD_FOUND : ""}
}`),
  };
}

/** The number of rows that each slot of the table has: table | more: rows beyond the first -> sizes. */
export const SIZES: Kernel = {
  name: "join-sizes",
  key: "join-sizes",
  bindings: ["read", "read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> table: array<u32>;
@group(0) @binding(1) var<storage, read> more: array<u32>;
@group(0) @binding(2) var<storage, read_write> sizes: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>; // slots
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let slot = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (slot < P[0].x) { sizes[slot] = more[slot] + u32(table[slot] != 0u); }
}`),
};
