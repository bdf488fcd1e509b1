/** Rows in segments: where each segment of an ordered list of rows starts, and numbered marks among its positions. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import type { RowProgram } from "../row-program.ts";
import { link } from "../wgsl/library.ts";
import type { KeyPlanes } from "./keys.ts";
import { inclusiveScan } from "./scan.ts";

const WORKGROUP = 256;

/**
 * The rows of a batch, segment after segment. `order[p]`: the row at position p; `segment[p]`: the number of its segment, ascending;
 * `starts[s]`: the first position of segment s, `starts[segments]` being the number of rows. No segment is empty. The owner releases the buffers.
 */
export interface Segments {
  readonly rows: number;
  /** One segment, of all rows in their own order. */
  readonly whole: boolean;
  readonly order: DeviceBuffer;
  readonly segment: DeviceBuffer;
  readonly starts: DeviceBuffer;
}

const main = (body: string): string => `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let p = group_id(wid, nwg) * ${WORKGROUP}u + lane;
${body}
}`;

/* segment -> starts; P = rows, segments. */
const STARTS: Kernel = {
  name: "segment-starts",
  key: "",
  bindings: ["read", "read_write"],
  params: 2,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> segment: array<u32>;
@group(0) @binding(1) var<storage, read_write> starts: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
${main(`  if (p >= P[0].x) { return; }
  let own = segment[p];
  if (p == 0u || segment[max(p, 1u) - 1u] != own) { starts[own] = p; }
  if (p == P[0].x - 1u) { starts[P[0].y] = P[0].x; }`)}`),
};

/** `starts` of Segments; owned by the caller. */
export function segmentStarts(device: Device, segment: DeviceBuffer, rows: number, segments: number): DeviceBuffer {
  const starts = device.allocZeroed(segments + 1, "segment starts");
  if (segments === 1) {
    device.write(starts, 1, Uint32Array.of(rows));
    return starts;
  }
  device.launch({ kernel: STARTS, bindings: [segment, starts], params: [rows, segments], workgroups: Math.ceil(rows / WORKGROUP) });
  return starts;
}

/* order -> places: the inverse permutation; P = rows. */
const INVERSE: Kernel = {
  name: "inverse-order",
  key: "",
  bindings: ["read", "read_write"],
  params: 1,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> order: array<u32>;
@group(0) @binding(1) var<storage, read_write> places: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
${main("  if (p < P[0].x) { places[order[p]] = p; }")}`),
};

/** The position of each row; owned by the caller. */
export function placesOf(device: Device, { order, rows }: Segments): DeviceBuffer {
  const places = device.alloc(rows, "places of rows");
  device.launch({ kernel: INVERSE, bindings: [order, places], params: [rows], workgroups: Math.ceil(rows / WORKGROUP) });
  return places;
}

/** Marked positions. `upto[p]`: marks at positions up to and with p; `list`: their positions, ascending. The owner releases both. */
export interface Marks {
  readonly upto: DeviceBuffer;
  readonly list: DeviceBuffer;
}

/* flags, upto -> list; P = rows. */
const LIST: Kernel = {
  name: "list-marks",
  key: "",
  bindings: ["read", "read", "read_write"],
  params: 1,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> flags: array<u32>;
@group(0) @binding(1) var<storage, read> upto: array<u32>;
@group(0) @binding(2) var<storage, read_write> list: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;
${main("  if (p < P[0].x && flags[p] != 0u) { list[upto[p] - 1u] = p; }")}`),
};

/** Takes the flags over: 1 for a marked position, 0 for another. */
function marksOf(device: Device, flags: DeviceBuffer, rows: number): Marks {
  const { offsets: upto, total } = inclusiveScan(device, flags, rows);
  total.release();
  const list = device.allocZeroed(rows, "marked positions");
  device.launch({ kernel: LIST, bindings: [flags, upto, list], params: [rows], workgroups: Math.ceil(rows / WORKGROUP) });
  flags.release();
  return { upto, list };
}

/** Marks the positions whose row has a value in the program's only output that is not null. */
export function markValid(device: Device, program: RowProgram, { order, rows }: Segments): Marks {
  const flags = device.alloc(rows, "valid positions");
  const at = program.columns.length;
  const kernel: Kernel = {
    name: "mark-valid",
    key: `mark-valid(${program.key})`,
    bindings: [...program.columns.map(() => "read" as const), "read", "read_write"],
    params: program.argWords,
    workgroup: WORKGROUP,
    wgsl: () =>
      link(`
${program.wgsl}
@group(0) @binding(${at}) var<storage, read> order: array<u32>;
@group(0) @binding(${at + 1}) var<storage, read_write> flags: array<u32>;
@group(0) @binding(${at + 2}) var<uniform> P: array<vec4<u32>, ${program.argWords / 4}>;
${main("  if (p < P[0].x) { flags[p] = u32(out_0(order[p]).ok); }")}`),
  };
  const bindings = [...program.columns.map((c) => c.buffer), order, flags];
  device.launch({ kernel, bindings, params: program.args, workgroups: Math.ceil(rows / WORKGROUP) });
  return marksOf(device, flags, rows);
}

/* planes, order, segment -> flags; P = rows, planes, stride. */
const RUNS: Kernel = {
  name: "mark-runs",
  key: "",
  bindings: ["read", "read", "read", "read_write"],
  params: 3,
  workgroup: WORKGROUP,
  wgsl: () =>
    link(`
@group(0) @binding(0) var<storage, read> planes: array<u32>;
@group(0) @binding(1) var<storage, read> order: array<u32>;
@group(0) @binding(2) var<storage, read> segment: array<u32>;
@group(0) @binding(3) var<storage, read_write> flags: array<u32>;
@group(0) @binding(4) var<uniform> P: array<vec4<u32>, 1>;
${main(`  if (p >= P[0].x) { return; }
  let before = max(p, 1u) - 1u;
  var starts = p == 0u || segment[p] != segment[before];
  for (var k = 0u; k < P[0].y && !starts; k++) { starts = planes[k * P[0].z + order[p]] != planes[k * P[0].z + order[before]]; }
  flags[p] = u32(starts);`)}`),
};

/** Marks the positions where a run of rows with equal keys starts, in each segment anew. */
export function markRuns(device: Device, keys: KeyPlanes, { order, segment, rows }: Segments): Marks {
  const flags = device.alloc(rows, "run starts");
  const bindings = [keys.buffer, order, segment, flags];
  device.launch({ kernel: RUNS, bindings, params: [rows, keys.planes, keys.stride], workgroups: Math.ceil(rows / WORKGROUP) });
  return marksOf(device, flags, rows);
}
