/** Sums, extremes and squared deviations over the rows around each row of a segment, computed anew for every row. */

import type { DType, Physical } from "../../ir/dtype.ts";
import { physicalOf, storageOf } from "../../ir/dtype.ts";
import { type Column, columnWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { columnsProgram, type RowProgram } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import type { ScanOperation } from "./segmented-scan-operations.ts";
import { operationOf } from "./segmented-scan-operations.ts";
import type { Segments } from "./segments.ts";

const WORKGROUP = 256;

export type RollingName = "rolling_sum" | "rolling_min" | "rolling_max" | "rolling_deviations";

/** The rows of the window: from `back` rows before to `ahead` rows after, within the segment. */
export interface RollingWindow {
  readonly back: number;
  readonly ahead: number;
}

const OPERATIONS = { rolling_sum: "cum_sum", rolling_min: "cum_min", rolling_max: "cum_max" } as const;

/** How the values of a window are combined. Squared deviations begin with a sum of double-doubles, which can be divided. */
const operation = (name: RollingName, physical: Physical): RollingOperation =>
  name === "rolling_deviations"
    ? {
        state: "DD",
        combine: "fn combine(a: DD, b: DD) -> DD { return dd_add(a, b); }",
        load: (v) => `dd_from_f64(${v})`,
        store: (s) => `f64_add(dd_to_f64(${s}), vec2<u32>(0u))`,
      }
    : operationOf(OPERATIONS[name], physical);

type RollingOperation = Pick<ScanOperation, "state" | "combine" | "load" | "store">;

/** Of floats, NaN wins over every number. */
const combineOf = (name: RollingName, isFloat: boolean, type: string): string => {
  if (!isFloat || name === "rolling_sum" || name === "rolling_deviations") return "combine(s, v)";
  const nan = `${type}_is_nan`;
  return `select(select(combine(s, v), v, ${nan}(v)), s, ${nan}(s))`;
};

/** A second walk over the window: squares of the distances to the mean, both as double-doubles. */
const deviations = (op: RollingOperation): string => `
  if (some) {
    let mean = dd_div(s, dd_from_f64(u32_to_f64(count)));
    var squares: DD;
    for (var q = lowest; q < highest; q++) {
      let o = out_0(order[q]);
      if (o.ok) {
        let d = dd_sub(${op.load("o.v", "")}, mean);
        squares = dd_add(squares, dd_mul(d, d));
      }
    }
    s = squares;
  }`;

/* program, order, segment, starts -> values; own parameters: rows, back, ahead. */
function kernelOf(name: RollingName, program: RowProgram, dtype: DType): Kernel {
  const physical = physicalOf(dtype);
  const isFloat = physical === "f32" || physical === "f64";
  const op = operation(name, physical);
  const at = program.columns.length;
  const own = program.argWords / 4;
  return {
    name: "rolling",
    key: `${name} ${physical}|${program.key}`,
    bindings: [...program.columns.map(() => "read" as const), "read", "read", "read", "read_write"],
    params: program.argWords + 4,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
${program.wgsl}
@group(0) @binding(${at}) var<storage, read> order: array<u32>;
@group(0) @binding(${at + 1}) var<storage, read> segment: array<u32>;
@group(0) @binding(${at + 2}) var<storage, read> starts: array<u32>;
@group(0) @binding(${at + 3}) var<storage, read_write> values: array<${storageOf(dtype) === "w2" ? "vec2<u32>" : "u32"}>;
@group(0) @binding(${at + 4}) var<uniform> P: array<vec4<u32>, ${own + 1}>;
${op.combine}
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let p = group_id(wid, nwg) * ${WORKGROUP}u + lane;
  let own = P[${own}];
  if (p >= own.x) { return; }
  let first = starts[segment[p]];
  let end = starts[segment[p] + 1u];
  let lowest = p - min(p - first, own.y);
  let highest = p + 1u + min(end - 1u - p, own.z);
  var count = 0u;
  var some = false;
  var s: ${op.state};
  for (var q = lowest; q < highest; q++) {
    let o = out_0(order[q]);
    if (o.ok) {
      let v = ${op.load("o.v", "")};
      if (some) { s = ${combineOf(name, isFloat, physical)}; } else { s = v; }
      some = true;
      count++;
    }
  }${name === "rolling_deviations" ? deviations(op) : ""}
  values[order[p]] = ${op.store("s")};
}`),
  };
}

/**
 * For each row the values of its window that are not null, combined; unspecified where there are none, zero for sums. `dtype`: of the
 * result, whose physical type is the column's; Float64 for deviations. The result has no nulls and belongs to the caller.
 */
export function rolling(
  device: Device,
  name: RollingName,
  column: Column,
  segments: Segments,
  dtype: DType,
  window: RollingWindow,
): Column {
  const { rows, order, segment, starts } = segments;
  const program = columnsProgram([column]);
  const buffer = device.alloc(columnWords(dtype, rows, false), "rolling values");
  device.launch({
    kernel: kernelOf(name, program, dtype),
    bindings: [...program.columns.map((c) => c.buffer), order, segment, starts, buffer],
    params: [...program.args, rows, window.back, window.ahead, 0],
    workgroups: Math.ceil(rows / WORKGROUP),
  });
  return { dtype, length: rows, buffer, validityOffset: null, dictionary: null };
}
