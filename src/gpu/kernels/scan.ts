/** Prefix sums of u32, in levels: sums of tiles, their scan, then the scan of each tile from where its predecessors end. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Binding, Kernel } from "../kernel.ts";

/** Values of a tile: 256 invocations, each with 4 vectors of 4. */
const TILE = 4096;

/*
 * A tile is 4 rows of 256 vectors; invocation t holds vector t of each row, so that loads and stores are coalesced:
 *
 *     row 0:  v(0) v(1) ... v(255)      sums.x of all invocations = this row
 *     row 1:  v(256) ...                sums.y ...
 *
 * One scan over invocations of the four rows' sums at once (Hillis-Steele, two halves of `rows`), then row k starts after row k - 1.
 * Values at and beyond `count` are taken as 0.
 */
const load = /* wgsl */ `
const TILE_VECTORS = 1024u;

fn value(vector: u32, count: u32) -> vec4<u32> {
  let first = vector * 4u;
  if (first >= count) { return vec4<u32>(0u); }
  return select(vec4<u32>(0u), values[vector], vec4<u32>(first, first + 1u, first + 2u, first + 3u) < vec4<u32>(count));
}
`;

/* values (a window) -> sums[P.y + group]; P = count in the window, first tile of the window. */
const reduce: Kernel = {
  name: "scan-reduce",
  key: "",
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> values: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> sums: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> partial: array<u32, 256>;
${load}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let tile = wid.x + wid.y * nwg.x;
  var sum = vec4<u32>(0u);
  for (var k = 0u; k < 4u; k++) { sum += value(tile * TILE_VECTORS + k * 256u + t, P[0].x); }
  partial[t] = sum.x + sum.y + sum.z + sum.w;
  for (var half = 128u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (t < half) { partial[t] += partial[t + half]; }
  }
  if (t == 0u && tile * 4096u < P[0].x) { sums[P[0].y + tile] = partial[0]; }
}`,
  bindings: ["read", "read_write"],
  params: 2,
  workgroup: 256,
};

/* values (a window), bases[P.y + group] -> offsets (a window). The only tile of a level has no bases and writes the total instead. */
const scanTiles = (only: boolean, inclusive: boolean): Kernel => ({
  name: "scan-tiles",
  key: `${only ? "only" : "many"} ${inclusive ? "inclusive" : "exclusive"}`,
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> values: array<vec4<u32>>;
@group(0) @binding(1) var<storage, ${only ? "read_write> total" : "read> bases"}: array<u32>;
@group(0) @binding(2) var<storage, read_write> offsets: array<vec4<u32>>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> rows: array<vec4<u32>, 512>;
${load}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let tile = wid.x + wid.y * nwg.x;
  let first = tile * TILE_VECTORS + t;
  var v: array<vec4<u32>, 4>;
  var sums: vec4<u32>;
  for (var k = 0u; k < 4u; k++) {
    v[k] = value(first + k * 256u, P[0].x);
    sums[k] = v[k].x + v[k].y + v[k].z + v[k].w;
  }
  var upto = sums;
  rows[t] = upto;
  var side = 0u;
  for (var step = 1u; step < 256u; step <<= 1u) {
    workgroupBarrier();
    if (t >= step) { upto += rows[side + t - step]; }
    side = 256u - side;
    rows[side + t] = upto;
  }
  workgroupBarrier();
  let whole = rows[side + 255u];
  var base = ${only ? "0u" : "bases[P[0].y + tile]"};
  let before = upto - sums;
  for (var k = 0u; k < 4u; k++) {
    let a = base + before[k];
    let b = a + v[k].x;
    let c = b + v[k].y;
    let d = c + v[k].z;
    let vector = first + k * 256u;
    if (vector * 4u < P[0].x) { offsets[vector] = vec4<u32>(a, b, c, d)${inclusive ? " + v[k]" : ""}; }
    base += whole[k];
  }
  ${only ? "if (t == 0u) { total[0] = base; }" : ""}
}`,
  bindings: ["read", only ? "read_write" : "read", "read_write"],
  params: 2,
  workgroup: 256,
});

const KERNELS = {
  only: { exclusive: scanTiles(true, false), inclusive: scanTiles(true, true) },
  many: { exclusive: scanTiles(false, false), inclusive: scanTiles(false, true) },
} as const;

/** Result of a scan; the caller owns both buffers. Sums wrap around at 2^32. */
export interface Scanned {
  /** One word for each value. */
  readonly offsets: DeviceBuffer;
  /** One word: the sum of all values. */
  readonly total: DeviceBuffer;
}

/** `offsets[i]` = sum of `values[0 .. i)`. `count` at most 2^31; larger than a binding is fine. */
export const exclusiveScan = (device: Device, values: DeviceBuffer, count: number): Scanned => scan(device, values, count, "exclusive");

/** `offsets[i]` = sum of `values[0 .. i]`. As `exclusiveScan` otherwise. */
export const inclusiveScan = (device: Device, values: DeviceBuffer, count: number): Scanned => scan(device, values, count, "inclusive");

const scan = (device: Device, values: DeviceBuffer, count: number, kind: "exclusive" | "inclusive"): Scanned => {
  const offsets = device.alloc(count, "scan offsets");
  if (count <= TILE) {
    const total = device.alloc(1, "scan total");
    device.launch({ kernel: KERNELS.only[kind], bindings: [values, total, offsets], params: [count], workgroups: 1 });
    return { offsets, total };
  }
  const tiles = Math.ceil(count / TILE);
  const sums = device.alloc(tiles, "scan sums");
  const windows = windowsOf(device, count);
  for (const { first, rows } of windows) {
    const bindings = [part(values, first, rows), sums];
    device.launch({ kernel: reduce, bindings, params: [rows, first / TILE], workgroups: Math.ceil(rows / TILE) });
  }
  const above = scan(device, sums, tiles, "exclusive");
  for (const { first, rows } of windows) {
    const bindings = [part(values, first, rows), above.offsets, part(offsets, first, rows)];
    device.launch({ kernel: KERNELS.many[kind], bindings, params: [rows, first / TILE], workgroups: Math.ceil(rows / TILE) });
  }
  sums.release();
  above.offsets.release();
  return { offsets, total: above.total };
};

/** Ranges of whole tiles that fit a binding. */
const windowsOf = (device: Device, count: number): readonly { readonly first: number; readonly rows: number }[] => {
  const largest = Math.floor(device.limits.bindingBytes / (TILE * 4)) * TILE;
  return Array.from({ length: Math.ceil(count / largest) }, (_, k) => ({
    first: k * largest,
    rows: Math.min(largest, count - k * largest),
  }));
};

const part = (buffer: DeviceBuffer, first: number, rows: number): Binding => ({
  buffer,
  offset: first * 4,
  size: Math.ceil(rows / 4) * 16,
});
