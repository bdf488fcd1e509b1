/** Columns and buffers that come from no data: constants, nulls, row numbers. */

import { type DType, storageOf } from "../../ir/dtype.ts";
import type { DeviceBuffer } from "../buffers.ts";
import { bitmapWords, type Column, columnWords, valueWords } from "../column.ts";
import type { Device } from "../device.ts";
import type { Dictionary } from "../dictionary.ts";
import type { Kernel } from "../kernel.ts";
import { copyBits } from "./bits.ts";

/*
 * result: [ first, first + words ) of the buffer, a vector of 4 words for each invocation. `pattern`: word i is value (i % 2 = 0:
 * low, 1: high); `iota`: word i is start + i. P = words, low or start, high.
 */
const fillKernel = (name: string, word: string): Kernel => ({
  name,
  key: "",
  wgsl: () => /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> result: array<vec4<u32>>;
@group(0) @binding(1) var<uniform> P: array<vec4<u32>, 1>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let vector = (wid.x + wid.y * nwg.x) * 256u + t;
  if (vector * 4u < P[0].x) { result[vector] = ${word}; }
}`,
  bindings: ["read_write"],
  params: 3,
  workgroup: 256,
});

const PATTERN = fillKernel("fill-pattern", "P[0].yzyz");
const IOTA = fillKernel("fill-iota", "vec4<u32>(0u, 1u, 2u, 3u) + vector * 4u + P[0].y");

const fill = (device: Device, kernel: Kernel, buffer: DeviceBuffer, words: number, low: number, high: number): void =>
  device.launch({ kernel, bindings: [buffer], params: [words, low, high], workgroups: Math.ceil(words / 1024) });

/** `count` u32 words `start`, `start + 1`, ... (modulo 2^32). */
export const iota = (device: Device, start: number, count: number): DeviceBuffer => {
  const buffer = device.alloc(count, "row numbers");
  fill(device, IOTA, buffer, count, start, 0);
  return buffer;
};

/** `count` u32 words of the same value. */
export const constantWords = (device: Device, value: number, count: number): DeviceBuffer => {
  const buffer = device.alloc(count, "constant words");
  fill(device, PATTERN, buffer, count, value, value);
  return buffer;
};

/**
 * A column of one value, no nulls. `low` and `high` are the value's storage: its word or its two words; for `bits` 0 or 1; for
 * `code` the code in `dictionary`.
 */
export const constantColumn = (
  device: Device,
  dtype: DType,
  length: number,
  low: number,
  high: number,
  dictionary: Dictionary | null,
): Column => {
  const buffer = device.alloc(columnWords(dtype, length, false), "constant column");
  const storage = storageOf(dtype);
  if (storage === "bits" && low !== 0) copyBits(device, null, 0, { buffer, word: 0 }, 0, length);
  else if (storage === "bits") device.clear(buffer, 0, bitmapWords(length));
  else if (storage === "w2") fill(device, PATTERN, buffer, length * 2, low, high);
  else fill(device, PATTERN, buffer, length, low, low);
  return { dtype, length, buffer, validityOffset: null, dictionary };
};

/** A column of nulls; the values under them are zeros. */
export const nullColumn = (device: Device, dtype: DType, length: number, dictionary: Dictionary | null): Column => ({
  dtype,
  length,
  buffer: device.allocZeroed(columnWords(dtype, length, true), "null column"),
  validityOffset: valueWords(dtype, length),
  dictionary,
});
