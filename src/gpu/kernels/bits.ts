/** Bitmaps: logic, counting, copies between unaligned positions, packing of bytes. */

import type { DeviceBuffer } from "../buffers.ts";
import { bitmapWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";

/** A bitmap inside a buffer: bit i is bit i % 32 of word `word` + i / 32. */
export interface Bits {
  readonly buffer: DeviceBuffer;
  readonly word: number;
}

const INVOCATIONS = 256;

/* left, right -> result, a word for each invocation; P = first words of left and right, bits. */
const logic = (operation: string): Kernel => ({
  name: "bits-logic",
  key: operation,
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> left: array<u32>;
@group(0) @binding(1) var<storage, read> right: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;
@group(0) @binding(3) var<uniform> P: array<vec4<u32>, 1>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let w = (wid.x + wid.y * nwg.x) * 256u + t;
  let bits = P[0].z;
  if (w >= (bits + 31u) / 32u) { return; }
  let a = left[P[0].x + w];
  let b = right[P[0].y + w];
  let live = select(0xffffffffu, (1u << (bits & 31u)) - 1u, w == bits / 32u);
  result[w] = (${operation}) & live;
}`,
  bindings: ["read", "read", "read_write"],
  params: 3,
  workgroup: INVOCATIONS,
});

const LOGIC = { and: logic("a & b"), or: logic("a | b"), not: logic("~a"), andNot: logic("a & ~b") } as const;

const combine = (device: Device, kernel: Kernel, left: Bits, right: Bits, count: number): DeviceBuffer => {
  const words = bitmapWords(count);
  const result = device.alloc(words, "bitmap");
  const bindings = [left.buffer, right.buffer, result];
  device.launch({ kernel, bindings, params: [left.word, right.word, count], workgroups: Math.ceil(words / INVOCATIONS) });
  return result;
};

/** `left & right` over `count` bits, in a new buffer from its word 0; bits beyond `count` are 0. So are the three below. */
export const andBits = (device: Device, left: Bits, right: Bits, count: number): DeviceBuffer =>
  combine(device, LOGIC.and, left, right, count);

/** `left | right`. */
export const orBits = (device: Device, left: Bits, right: Bits, count: number): DeviceBuffer =>
  combine(device, LOGIC.or, left, right, count);

/** `left & ~right`. */
export const andNotBits = (device: Device, left: Bits, right: Bits, count: number): DeviceBuffer =>
  combine(device, LOGIC.andNot, left, right, count);

/** `~bits`. */
export const notBits = (device: Device, bits: Bits, count: number): DeviceBuffer => combine(device, LOGIC.not, bits, bits, count);

/* bits -> one word; each workgroup adds what its 256 invocations found in 16 words each. P = first word, bits. */
const count: Kernel = {
  name: "bits-count",
  key: "",
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> bitmap: array<u32>;
@group(0) @binding(1) var<storage, read_write> total: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;
var<workgroup> partial: atomic<u32>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let first = (wid.x + wid.y * nwg.x) * 4096u + t;
  let bits = P[0].y;
  var sum = 0u;
  for (var w = first; w < first + 4096u && w * 32u < bits; w += 256u) {
    let live = select(0xffffffffu, (1u << (bits & 31u)) - 1u, w == bits / 32u);
    sum += countOneBits(bitmap[P[0].x + w] & live);
  }
  atomicAdd(&partial, sum);
  workgroupBarrier();
  if (t == 0u) { atomicAdd(&total[0], atomicLoad(&partial)); }
}`,
  bindings: ["read", "read_write"],
  params: 2,
  workgroup: INVOCATIONS,
};

/** Number of ones among `length` bits, as a buffer of one word. */
export const countBits = (device: Device, bits: Bits, length: number): DeviceBuffer => {
  const total = device.allocZeroed(1, "bit count");
  const workgroups = Math.ceil(bitmapWords(length) / 4096);
  device.launch({ kernel: count, bindings: [bits.buffer, total], params: [bits.word, length], workgroups });
  return total;
};

/*
 * source bits [from, from + length) -> target bits [to, to + length), a target word for each invocation:
 *
 *     target word:   [ bits before `to`: kept | source bits, from two source words | bits beyond: 0 ]
 *
 * P = from (word, bit), to (word, bit), length. Without a source, ones are written.
 */
const copy = (ones: boolean): Kernel => ({
  name: ones ? "bits-ones" : "bits-copy",
  key: "",
  wgsl: () => /* wgsl */ `
${ones ? "" : "@group(0) @binding(1) var<storage, read> source: array<u32>;"}
@group(0) @binding(0) var<storage, read_write> result: array<u32>;
@group(0) @binding(${ones ? 1 : 2}) var<uniform> P: array<vec4<u32>, 2>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let w = (wid.x + wid.y * nwg.x) * 256u + t;
  let start = P[0].w;
  let length = P[1].x;
  let end = start + length;
  if (w >= (end + 31u) / 32u) { return; }
  let kept = select(0u, (1u << start) - 1u, w == 0u);
  let live = select(0xffffffffu, (1u << (end & 31u)) - 1u, w == end / 32u) & ~kept;
  ${
    ones
      ? "let bits = 0xffffffffu;"
      : `
  let at = i32(w * 32u + P[0].y) - i32(start);
  let word = at >> 5u;
  let shift = u32(at & 31);
  var bits = 0u;
  if (word >= 0) { bits = source[P[0].x + u32(word)] >> shift; }
  if (shift != 0u && u32(word + 1) * 32u < P[0].y + length) { bits |= source[P[0].x + u32(word + 1)] << (32u - shift); }`
  }
  var old = 0u;
  if (kept != 0u) { old = result[P[0].z] & kept; }
  result[P[0].z + w] = old | (bits & live);
}`,
  bindings: ones ? ["read_write"] : ["read_write", "read"],
  params: 5,
  workgroup: INVOCATIONS,
});

const COPY = copy(false);
const ONES = copy(true);

/**
 * Copies `length` bits, from bit `from` of `source` to bit `to` of `target`, two different buffers; a null source stands for ones.
 * Bits of `target` before `to` stay, the rest of the last word written becomes 0: consecutive pieces are to be written in order.
 */
export const copyBits = (device: Device, source: Bits | null, from: number, target: Bits, to: number, length: number): void => {
  if (length === 0) return;
  const fromWord = source === null ? 0 : source.word + Math.floor(from / 32);
  device.launch({
    kernel: source === null ? ONES : COPY,
    bindings: source === null ? [target.buffer] : [target.buffer, source.buffer],
    params: [fromWord, from % 32, target.word + Math.floor(to / 32), to % 32, length],
    workgroups: Math.ceil(bitmapWords((to % 32) + length) / INVOCATIONS),
  });
};

/* bytes -> bitmap, a word (32 rows, 8 words of bytes) for each invocation; P = rows. */
const packBytes: Kernel = {
  name: "bits-pack",
  key: "",
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read> bytes: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> bitmap: array<u32>;
@group(0) @binding(2) var<uniform> P: array<vec4<u32>, 1>;

fn pack(bytes: vec4<u32>) -> u32 {
  let any = (((bytes & vec4<u32>(0x7f7f7f7fu)) + 0x7f7f7f7fu) | bytes) & vec4<u32>(0x80808080u);
  let nibbles = ((any >> vec4<u32>(7u)) * 0x10204080u) >> vec4<u32>(28u);
  return nibbles.x | (nibbles.y << 4u) | (nibbles.z << 8u) | (nibbles.w << 12u);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let w = (wid.x + wid.y * nwg.x) * 256u + t;
  let rows = P[0].x;
  if (w >= (rows + 31u) / 32u) { return; }
  let low = pack(bytes[w * 2u]);
  var high = 0u;
  if (w * 32u + 16u < rows) { high = pack(bytes[w * 2u + 1u]); }
  let live = select(0xffffffffu, (1u << (rows & 31u)) - 1u, w == rows / 32u);
  bitmap[w] = (low | (high << 16u)) & live;
}`,
  bindings: ["read", "read_write"],
  params: 1,
  workgroup: INVOCATIONS,
};

/** A bitmap of `rows` bits from one byte for each row, from the start of `bytes`: 1 where the byte is not 0. */
export const bitmapFromBytes = (device: Device, bytes: DeviceBuffer, rows: number): DeviceBuffer => {
  const words = bitmapWords(rows);
  const bitmap = device.alloc(words, "bitmap");
  device.launch({ kernel: packBytes, bindings: [bytes, bitmap], params: [rows], workgroups: Math.ceil(words / INVOCATIONS) });
  return bitmap;
};
