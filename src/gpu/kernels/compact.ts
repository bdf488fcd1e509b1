/** Row numbers of the set bits of a mask, ascending: what a filter keeps. */

import type { DeviceBuffer } from "../buffers.ts";
import { bitmapWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { exclusiveScan } from "./scan.ts";

/** Mask words of a workgroup, one for each invocation: 8,192 rows. */
const BLOCK = 256;

/* mask -> counts[group]; P = first word of the mask, its words. */
const countBlocks: Kernel = {
  name: "compact-count",
  key: "",
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> mask: array<u32>;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> partial: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let block = wid.x + wid.y * nwg.x;
  let word = block * 256u + t;
  partial[t] = 0u;
  if (word < P[0].y) { partial[t] = countOneBits(mask[P[0].x + word]); }
  for (var half = 128u; half > 0u; half >>= 1u) {
    workgroupBarrier();
    if (t < half) { partial[t] += partial[t + half]; }
  }
  if (t == 0u && word < P[0].y) { counts[block] = partial[0]; }
}`,
  bindings: ["read", "read_write"],
  params: 2,
  workgroup: BLOCK,
};

/*
 * mask, bases[group] -> rows. Each invocation counts one word, the workgroup scans the counts; then the invocations walk over the
 * 8,192 rows 256 at a time, so that neighbours write neighbouring words:
 *
 *     position of row r = bases[group] + before[r / 32] + bits of word r / 32 below bit r % 32
 */
const scatterRows: Kernel = {
  name: "compact-scatter",
  key: "",
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> mask: array<u32>;
@group(0) @binding(1) var<storage, read> bases: array<u32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> words: array<u32, 256>;
var<workgroup> upto: array<u32, 512>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let block = wid.x + wid.y * nwg.x;
  if (block * 256u >= P[0].y) { return; }
  let word = block * 256u + t;
  var bits = 0u;
  if (word < P[0].y) { bits = mask[P[0].x + word]; }
  words[t] = bits;
  var sum = countOneBits(bits);
  upto[t] = sum;
  var side = 0u;
  for (var step = 1u; step < 256u; step <<= 1u) {
    workgroupBarrier();
    if (t >= step) { sum += upto[side + t - step]; }
    side = 256u - side;
    upto[side + t] = sum;
  }
  workgroupBarrier();
  let base = bases[block];
  let below = (1u << (t & 31u)) - 1u;
  for (var k = 0u; k < 32u; k++) {
    let w = k * 8u + (t >> 5u);
    let m = words[w];
    if (((m >> (t & 31u)) & 1u) != 0u) {
      rows[base + upto[side + w] - countOneBits(m & ~below)] = block * 8192u + k * 256u + t;
    }
  }
}`,
  bindings: ["read", "read", "read_write"],
  params: 2,
  workgroup: BLOCK,
};

/** Selected rows; the caller owns `rows`. */
export interface Selection {
  /** `count` u32 row numbers, ascending. */
  readonly rows: DeviceBuffer;
  readonly count: number;
}

/** The rows of the set bits among the first `count` bits of the bitmap at word `maskWord` of `mask`; bits beyond `count` are 0. One round trip. */
export const compact = async (device: Device, mask: DeviceBuffer, maskWord: number, count: number): Promise<Selection> => {
  const words = bitmapWords(count);
  if (words === 0) return { rows: device.alloc(0, "selected rows"), count: 0 };
  const blocks = Math.ceil(words / BLOCK);
  const params = [maskWord, words];
  const counts = device.alloc(blocks, "compact counts");
  device.launch({ kernel: countBlocks, bindings: [mask, counts], params, workgroups: blocks });
  const { offsets, total } = exclusiveScan(device, counts, blocks);
  counts.release();
  device.prepare(scatterRows);
  const [selected = 0] = await device.read(total, 0, 1).finally(() => total.release());
  const rows = device.alloc(selected, "selected rows");
  if (selected > 0) device.launch({ kernel: scatterRows, bindings: [mask, offsets, rows], params, workgroups: blocks });
  offsets.release();
  return { rows, count: selected };
};
