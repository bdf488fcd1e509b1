/** The k-th smallest of the values around each row of a segment: its order key is found bit by bit, counting the window for every bit. */

import type { DType } from "../../ir/dtype.ts";
import { type Column, columnWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { columnsProgram, type RowProgram } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import type { RollingWindow } from "./rolling.ts";
import type { Segments } from "./segments.ts";

const WORKGROUP = 256;
const F64: DType = { kind: "Float64" };

/* program (values, ranks), order, segment, starts -> values; own parameters: rows, back, ahead. */
function kernelOf(program: RowProgram): Kernel {
  const at = program.columns.length;
  const own = program.argWords / 4;
  return {
    name: "rolling-nth",
    key: program.key,
    bindings: [...program.columns.map(() => "read" as const), "read", "read", "read", "read_write"],
    params: program.argWords + 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
${program.wgsl}
@group(0) @binding(${at}) var<storage, read> order: array<u32>;
@group(0) @binding(${at + 1}) var<storage, read> segment: array<u32>;
@group(0) @binding(${at + 2}) var<storage, read> starts: array<u32>;
@group(0) @binding(${at + 3}) var<storage, read_write> values: array<vec2<u32>>;
@group(0) @binding(${at + 4}) var<uniform> P: array<vec4<u32>, ${own + 1}>;
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let p = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  let own = P[${own}];
  if (p >= own.x) { return; }
  let first = starts[segment[p]];
  let end = starts[segment[p] + 1u];
  let lowest = p - min(p - first, own.y);
  let highest = p + 1u + min(end - 1u - p, own.z);
  let rank = out_1(order[p]).v;
  var key = vec2<u32>(0u);
  for (var bit = 64u; bit > 0u; bit--) {
    let next = key | select(vec2<u32>(1u << ((bit - 1u) & 31u), 0u), vec2<u32>(0u, 1u << ((bit - 1u) & 31u)), bit > 32u);
    var below = 0u;
    for (var q = lowest; q < highest; q++) {
      let o = out_0(order[q]);
      below += u32(o.ok && u64_lt(f64_order(o.v), next));
    }
    if (below <= rank) { key = next; }
  }
  values[order[p]] = f64_unorder(key);
}`),
  };
}

/** For each row the value of rank `ranks`, from 0, in its window; unspecified where there are not so many. -0 counts, and comes out, as 0. */
export function rollingNth(device: Device, values: Column, ranks: Column, segments: Segments, window: RollingWindow): Column {
  const { rows, order, segment, starts } = segments;
  const program = columnsProgram([values, ranks]);
  const buffer = device.alloc(columnWords(F64, rows, false), "rolling values");
  device.launch({
    kernel: kernelOf(program),
    bindings: [...program.columns.map((c) => c.buffer), order, segment, starts, buffer],
    params: [...program.args, rows, window.back, window.ahead, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  return { dtype: F64, length: rows, buffer, validityOffset: null, dictionary: null };
}
