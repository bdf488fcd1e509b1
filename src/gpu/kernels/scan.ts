/** Prefix sums of u32: sums of tiles, then the scan of each tile from where its predecessors end; where tiles are few, each adds these up by itself. */

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

/** Where a tile starts from: `values`, `sums`: it adds up the values, or the sums of tiles, in front of it; `bases`: it is told. */
type Base = "values" | "sums" | "bases";

/**
 * `fn sum_before(number, lane) -> u32`: the sum of the first `number` words of the binding `values`, in every one of the `workgroup` invocations
 * (a power of two). In uniform control flow only.
 */
export const sumBefore = (values: string, workgroup: number): string => /* wgsl */ `
var<workgroup> sums_before: array<u32, ${workgroup}>;
fn sum_before(number: u32, lane: u32) -> u32 {
  var sum = 0u;
  var other = lane;
  // loads that wait for one another would take as long as all else
  for (; other + ${3 * workgroup}u < number; other += ${4 * workgroup}u) {
    sum += ${[0, 1, 2, 3].map((k) => `${values}[other + ${k * workgroup}u]`).join(" + ")};
  }
  for (; other < number; other += ${workgroup}u) { sum += ${values}[other]; }
  sums_before[lane] = sum;
  for (var half = ${workgroup / 2}u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (lane < half) { sums_before[lane] += sums_before[lane + half]; }
  }
  return workgroupUniformLoad(&sums_before[0]);
}
`;

/**
 * `fn scan_lanes(value, lane)`: puts the sum of the values of invocations 0 to i of a workgroup of 256 at `scanned[i]`. In uniform control flow only.
 */
export const SCAN_LANES = /* wgsl */ `
var<workgroup> scanned: array<u32, 512>;
fn scan_lanes(value: u32, lane: u32) {
  var sum = value;
  scanned[lane] = sum;
  var side = 0u;
  for (var step = 1u; step < 256u; step <<= 1u) {
    workgroupBarrier();
    if (lane >= step) { sum += scanned[side + lane - step]; }
    side = 256u - side;
    scanned[side + lane] = sum;
  }
  workgroupBarrier();
}
`;

/** The sum of the values of tiles before `tile`, in every invocation of its workgroup. */
const SUM_IN_FRONT = /* wgsl */ `
fn sum_in_front(tile: u32, t: u32) -> u32 {
  var sum = vec4<u32>(0u);
  for (var vector = t; vector < tile * TILE_VECTORS; vector += TILE_VECTORS) {
    sum += (values[vector] + values[vector + 256u]) + (values[vector + 512u] + values[vector + 768u]);
  }
  rows[t] = sum;
  for (var half = 128u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (t < half) { rows[t] += rows[t + half]; }
  }
  let all = workgroupUniformLoad(&rows[0]);
  workgroupBarrier();
  return all.x + all.y + all.z + all.w;
}
`;

/*
 * values (a window), [before_tiles[P.y + group]: sums of tiles or bases] -> offsets (a window), [total]
 * P = count in the window, first tile of the window, tiles of all windows.
 */
const scanTiles = (base: Base, inclusive: boolean): Kernel => {
  const withTotal = base !== "bases";
  const bindings: { readonly name: string; readonly access: "read" | "read_write"; readonly type: string }[] = [
    { name: "values", access: "read", type: "vec4<u32>" },
    { name: "offsets", access: "read_write", type: "vec4<u32>" },
    ...(base === "values" ? [] : ([{ name: "before_tiles", access: "read", type: "u32" }] as const)),
    ...(withTotal ? ([{ name: "total", access: "read_write", type: "u32" }] as const) : []),
  ];
  return {
    name: "scan-tiles",
    key: `${base} ${inclusive ? "inclusive" : "exclusive"}`,
    wgsl: () => /* wgsl */ `
${bindings.map(({ name, access, type }, at) => `@group(0) @binding(${at}) var<storage, ${access}> ${name}: array<${type}>;`).join("\n")}
@group(0) @binding(${bindings.length}) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> rows: array<vec4<u32>, 512>;
${load}
${{ values: SUM_IN_FRONT, sums: sumBefore("before_tiles", 256), bases: "" }[base]}
/* Scans a tile of the window from a start; returns the sum up to its end. */
fn scan_tile(tile: u32, start: u32, t: u32) -> u32 {
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
  var base = start;
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
  return base;
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  ${MAIN[base]}
}`,
    bindings: bindings.map(({ access }) => access),
    params: 3,
    workgroup: 256,
  };
};

const MAIN = {
  values: `let tile = wid.x;
  let end = scan_tile(tile, sum_in_front(tile, t), t);
  if (t == 0u && tile == P[0].z - 1u) { total[0] = end; }`,
  sums: `let tile = wid.x + wid.y * nwg.x;
  let number = P[0].y + tile;
  let end = scan_tile(tile, sum_before(number, t), t);
  if (t == 0u && number == P[0].z - 1u) { total[0] = end; }`,
  bases: `let tile = wid.x + wid.y * nwg.x;
  _ = scan_tile(tile, before_tiles[P[0].y + tile], t);`,
} as const satisfies Record<Base, string>;

const kernelsOf = (base: Base) => ({ exclusive: scanTiles(base, false), inclusive: scanTiles(base, true) });
const KERNELS = { values: kernelsOf("values"), sums: kernelsOf("sums"), bases: kernelsOf("bases") } as const;

/** Tiles of which each may add up the values of those before it: the work grows with the square, but a dispatch more takes longer. */
const tilesAtOnce = ({ adapter }: Device): number => (adapter.software ? 8 : 32);
/** Tiles of which each may add up the sums of those before it. */
const TILES_SUMMED = 4096;

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
  const tiles = Math.ceil(count / TILE);
  if (tiles <= tilesAtOnce(device)) {
    const total = device.alloc(1, "scan total");
    const workgroups = Math.max(1, tiles);
    device.launch({ kernel: KERNELS.values[kind], bindings: [values, offsets, total], params: [count, 0, workgroups], workgroups });
    return { offsets, total };
  }
  const sums = device.alloc(tiles, "scan sums");
  const windows = windowsOf(device, count);
  for (const { first, rows } of windows) {
    const bindings = [part(values, first, rows), sums];
    device.launch({ kernel: reduce, bindings, params: [rows, first / TILE], workgroups: Math.ceil(rows / TILE) });
  }
  const above = tiles <= TILES_SUMMED ? null : scan(device, sums, tiles, "exclusive");
  const total = above?.total ?? device.alloc(1, "scan total");
  for (const { first, rows } of windows) {
    const own = [part(values, first, rows), part(offsets, first, rows)];
    device.launch({
      kernel: KERNELS[above === null ? "sums" : "bases"][kind],
      bindings: above === null ? [...own, sums, total] : [...own, above.offsets],
      params: [rows, first / TILE, tiles],
      workgroups: Math.ceil(rows / TILE),
    });
  }
  sums.release();
  above?.offsets.release();
  return { offsets, total };
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
