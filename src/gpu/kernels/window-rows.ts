/** One word for each row from its place in its segment: positions, counts, ranks, and the rows that values are taken from. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { NULL_ROW } from "./gather.ts";
import type { Segments } from "./segments.ts";

const WORKGROUP = 256;

/**
 * Statements that set `result` for position p of the segment [first, end). `X` and `Y` are the words of the extra buffers, which have
 * `rows` words each; `A` and `P[0].z` are the parameters. `result` is NONE at first: a null row.
 */
const BODIES = {
  row_number: "result = p - first;",
  segment_length: "result = end - first;",
  /** A: rows back, negative for forward. */
  shift: "let q = i32(p) - bitcast<i32>(A); if (q >= i32(first) && q < i32(end)) { result = order[q]; }",
  reverse: "result = order[first + (end - 1u - p)];",
  // X, Y: marks of the rows with a value; A: most rows away.
  forward_fill: "if (X[p] > 0u) { let q = Y[X[p] - 1u]; if (q >= first && p - q <= A) { result = order[q]; } }",
  backward_fill: `let before = select(X[max(p, 1u) - 1u], 0u, p == 0u);
  if (before < X[P[0].x - 1u]) { let q = Y[before]; if (q < end && q - p <= A) { result = order[q]; } }`,
  count_from_start: "result = X[p] - select(X[max(first, 1u) - 1u], 0u, first == 0u);",
  count_from_end: "result = X[end - 1u] - select(X[max(p, 1u) - 1u], 0u, p == 0u);",
  /** A, P[0].z: rows before and after. */
  count_around: `let lowest = p - min(p - first, A);
  let highest = p + min(end - 1u - p, P[0].z);
  result = X[highest] - select(X[max(lowest, 1u) - 1u], 0u, lowest == 0u);`,
  // X: rows in another order, segment by segment.
  other_row: "result = X[p];",
  /** Y: position of each row. */
  other_position: "result = Y[X[p]] - first;",
  // X, Y: marks of the starts of runs.
  rank_min: "result = Y[X[p] - 1u] - first;",
  rank_max: `var next = end;
  if (X[p] < X[P[0].x - 1u]) { next = min(end, Y[X[p]]); }
  result = next - 1u - first;`,
  rank_dense: "result = X[p] - X[first];",
} as const;

export type RowRule = keyof typeof BODIES;

/* order, segment, starts, X, Y -> results by row; P = rows, A, B. */
const kernelOf = (rule: RowRule): Kernel => {
  const extras = ["X", "Y"].filter((name) => BODIES[rule].includes(`${name}[`));
  return {
    name: "window-rows",
    key: rule,
    bindings: ["read", "read", "read", ...extras.map(() => "read" as const), "read_write"],
    params: 3,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
@group(0) @binding(0) var<storage, read> order: array<u32>;
@group(0) @binding(1) var<storage, read> segment: array<u32>;
@group(0) @binding(2) var<storage, read> starts: array<u32>;
${extras.map((name, k) => `@group(0) @binding(${3 + k}) var<storage, read> ${name}: array<u32>;`).join("\n")}
@group(0) @binding(${3 + extras.length}) var<storage, read_write> results: array<u32>;
@group(0) @binding(${4 + extras.length}) var<uniform> P: array<vec4<u32>, 1>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let p = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  if (p >= P[0].x) { return; }
  let A = P[0].y;
  let first = starts[segment[p]];
  let end = starts[segment[p] + 1u];
  var result = ${NULL_ROW}u;
  ${BODIES[rule]}
  results[order[p]] = result;
}`),
  };
};

/** The word of each row by the rule, in row order; owned by the caller. `extras`: the buffers that the rule reads, in order. */
export function windowRows(
  device: Device,
  segments: Segments,
  rule: RowRule,
  extras: readonly DeviceBuffer[] = [],
  parameters: readonly number[] = [],
): DeviceBuffer {
  const { rows, order, segment, starts } = segments;
  const results = device.alloc(rows, "window rows");
  device.launch({
    kernel: kernelOf(rule),
    bindings: [order, segment, starts, ...extras, results],
    params: [rows, ...parameters],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  return results;
}
