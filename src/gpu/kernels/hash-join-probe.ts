/** The kernels of a hash join: look up, count, expand. */

import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { ADD_COUNT, ADD_TOTAL, COUNT_SUMS, overOutputRows } from "./expansion.ts";
import { hashFunction, type KeyLayout, NONE, nullFunction, type PlaneSource, sameFunction, WORKGROUP } from "./hash-group-insert.ts";

const HEAD = `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let group = group_id(wid, nwg);
  let row = group * ${WORKGROUP}u + lane;`;

/** Turns a condition on each row into bitmap words and their counts. */
const MARK = `
  workgroupBarrier();
  let word = group * ${WORKGROUP / 32}u + lane;
  if (lane < ${WORKGROUP / 32}u && word < P[0].w) {
    let marked = atomicLoad(&marks[lane]);
    bits[word] = marked;
    counts[word] = countOneBits(marked);
  }`;

export interface ProbeSpec {
  readonly build: KeyLayout;
  readonly probe: KeyLayout;
  readonly nullsEqual: boolean;
  /** The target of a match is the group of the build rows, not the row. */
  readonly grouped: boolean;
  /** Write the target of each row. */
  readonly match: boolean;
  /** Mark the rows that match, or those that do not. */
  readonly mark: "hit" | "miss" | null;
  /** Note the targets that were matched. */
  readonly record: boolean;
}

const PROBE_BINDINGS = ["ids", "match", "marks", "record"] as const;

/**
 * One thread for each probe row.
 *
 *     built, asked: key words | table: build row + 1 of each slot | [ids: group of each build row] | [targets: build row or group, or NONE]
 *     | [bits, counts: marked probe rows] | [matched: bitmap of the targets found]
 */
export function probeKernel(spec: ProbeSpec): Kernel {
  const has = { ids: spec.grouped, match: spec.match, marks: spec.mark !== null, record: spec.record };
  const declared: string[] = [];
  const bindings: ("read" | "read_write")[] = ["read", "read", "read"];
  const declare = (name: string, access: "read" | "read_write", type: string): void => {
    declared.push(`@group(0) @binding(${bindings.length}) var<storage, ${access}> ${name}: array<${type}>;`);
    bindings.push(access);
  };
  for (const part of PROBE_BINDINGS.filter((name) => has[name])) {
    if (part === "ids") declare("ids", "read", "u32");
    if (part === "match") declare("targets", "read_write", "u32");
    if (part === "marks") {
      declare("bits", "read_write", "u32");
      declare("counts", "read_write", "u32");
    }
    if (part === "record") declare("matched", "read_write", "atomic<u32>");
  }
  const built: PlaneSource = { name: "built", stride: "P[0].y", layout: spec.build };
  const asked: PlaneSource = { name: "asked", stride: "P[1].x", layout: spec.probe };
  const { build, probe } = spec;
  return {
    name: "join-probe",
    key: `join-probe(${build.values},${build.nulls},${probe.nulls},${spec.nullsEqual},${spec.grouped},${spec.match},${spec.mark},${spec.record})`,
    bindings,
    params: 8,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> built: array<u32>;
@group(0) @binding(1) var<storage, read> asked: array<u32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
${declared.join("\n")}
@group(0) @binding(${bindings.length}) var<uniform> P: array<vec4<u32>, 2>; // rows, build stride, capacity - 1, words; probe stride
${hashFunction(asked)}
${sameFunction(built, asked)}
${nullFunction(asked)}
${has.marks ? `var<workgroup> marks: array<atomic<u32>, ${WORKGROUP / 32}>;` : ""}
fn find(row: u32) -> u32 {
  ${spec.nullsEqual ? "" : `if (key_has_null(row)) { return ${NONE}u; }`}
  var at = key_hash(row) & P[0].z;
  loop {
    let seen = table[at];
    if (seen == 0u) { return ${NONE}u; }
    if (key_same(seen - 1u, row)) { return ${spec.grouped ? "ids[seen - 1u]" : "seen - 1u"}; }
    at = (at + 1u) & P[0].z;
  }
}
${HEAD}
  if (row < P[0].x) {
    let target_ = find(row);
    ${spec.match ? "targets[row] = target_;" : ""}
    ${has.marks ? `if (target_ ${spec.mark === "hit" ? "!=" : "=="} ${NONE}u) { atomicOr(&marks[lane >> 5u], 1u << (lane & 31u)); }` : ""}
    ${
      spec.record
        ? `if (target_ != ${NONE}u) {
      let bit = 1u << (target_ & 31u);
      if ((atomicLoad(&matched[target_ >> 5u]) & bit) == 0u) { atomicOr(&matched[target_ >> 5u], bit); }
    }`
        : ""
    }
  }
  ${has.marks ? MARK : ""}
}`),
  };
}

/** Marks the build rows whose target was never matched: [ids: group of each build row] | matched | bits, counts. */
export const unmatchedKernel = (grouped: boolean): Kernel => ({
  name: "join-unmatched",
  key: `join-unmatched(${grouped})`,
  bindings: ["read", "read_write", "read_write", ...(grouped ? (["read"] as const) : [])],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> matched: array<u32>;
@group(0) @binding(1) var<storage, read_write> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
${grouped ? "@group(0) @binding(3) var<storage, read> ids: array<u32>;" : ""}
@group(0) @binding(${grouped ? 4 : 3}) var<uniform> P: array<vec4<u32>, 1>; // rows, -, -, words
var<workgroup> marks: array<atomic<u32>, ${WORKGROUP / 32}>;
${HEAD}
  if (row < P[0].x) {
    let key = ${grouped ? "ids[row]" : "row"};
    if (key == ${NONE}u || ((matched[key >> 5u] >> (key & 31u)) & 1u) == 0u) { atomicOr(&marks[lane >> 5u], 1u << (lane & 31u)); }
  }
  ${MARK}
}`),
});

/** Where each group begins in the sorted build rows, and behind the last one its end: sorted, ids -> starts. */
export const GROUP_STARTS: Kernel = {
  name: "join-group-starts",
  key: "join-group-starts",
  bindings: ["read", "read", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> sorted: array<u32>;
@group(0) @binding(1) var<storage, read> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> starts: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>; // rows, groups
${HEAD}
  if (row >= P[0].x) { return; }
  let id = ids[sorted[row]];
  var before = ${NONE}u;
  if (row > 0u) { before = ids[sorted[row - 1u]]; }
  if (id == ${NONE}u) {
    if (row > 0u && before != id) { starts[P[0].y] = row; }
    return;
  }
  if (id != before) { starts[id] = row; }
  if (row + 1u == P[0].x) { starts[P[0].y] = row + 1u; }
}`),
};

/**
 * For each probe row the number of output rows and where its build rows begin; the 64-bit total by two atomic words.
 *
 *     targets: group or NONE | starts | spans: count at [0, rows), begin at [rows, 2 * rows) | total: low, high
 */
export const SPANS: Kernel = {
  name: "join-spans",
  key: "join-spans",
  bindings: ["read", "read", "read_write", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> targets: array<u32>;
@group(0) @binding(1) var<storage, read> starts: array<u32>;
@group(0) @binding(2) var<storage, read_write> spans: array<u32>;
@group(0) @binding(3) var<storage, read_write> total: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> P: array<vec4<u32>, 1>; // rows, output rows of a row without match
${COUNT_SUMS}
${HEAD}
  if (row < P[0].x) {
    let found = targets[row];
    var count = P[0].y;
    var begin = ${NONE}u;
    if (found != ${NONE}u) {
      begin = starts[found];
      count = starts[found + 1u] - begin;
    }
    spans[row] = count;
    spans[P[0].x + row] = begin;
    ${ADD_COUNT}
  }
  ${ADD_TOTAL}
}`),
};

/**
 * The pairs of each probe row, which it has as many of as output rows.
 *
 *     offsets: first output row of each probe row | spans | sorted: build rows by group -> left, right
 */
export const EXPAND: Kernel = {
  name: "join-expand",
  key: "join-expand",
  bindings: ["read", "read", "read", "read_write", "read_write"],
  params: 4,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> offsets: array<u32>;
@group(0) @binding(1) var<storage, read> spans: array<u32>;
@group(0) @binding(2) var<storage, read> sorted: array<u32>;
@group(0) @binding(3) var<storage, read_write> left: array<u32>;
@group(0) @binding(4) var<storage, read_write> right: array<u32>;
@group(0) @binding(5) var<uniform> P: array<vec4<u32>, 1>; // rows, output rows
${overOutputRows(`let begin = spans[P[0].x + row];
    left[i] = row;
    right[i] = ${NONE}u;
    if (begin != ${NONE}u) { right[i] = sorted[begin + (i - offsets[row])]; }`)}`),
};

/** Row numbers of a cross join: left, right. */
export const CROSS: Kernel = {
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
${HEAD}
  if (row >= P[0].x) { return; }
  let quotient = row / P[0].y;
  left[row] = quotient;
  right[row] = row - quotient * P[0].y;
}`),
};
