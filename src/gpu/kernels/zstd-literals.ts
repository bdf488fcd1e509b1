/** The coded literals of zstd blocks. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { SOURCE_BYTES } from "../wgsl/source-bytes.ts";
import { ZSTD_BITS } from "../wgsl/zstd-bits.ts";
import { ZSTD_HUFFMAN } from "../wgsl/zstd-huffman.ts";
import { TABLES, ZSTD_CONSTANTS, zstdTables } from "../wgsl/zstd-tables.ts";
import { LITERALS_WORDS } from "./zstd-frames.ts";

const LANES = 64;

/*
 * A workgroup for each block: one invocation reads the description of the code, all make its table, one for each stream decodes.
 *
 *     source | jobs: LITERALS_WORDS for each block | scratch: literals
 */
const KERNEL: Kernel = {
  name: "zstd-literals",
  key: "",
  bindings: ["read", "read", "read_write", "read_write"],
  params: 4 + ZSTD_CONSTANTS.length,
  workgroup: LANES,
  wgsl: () =>
    link(/* wgsl */ `
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> jobs: array<u32>;
@group(0) @binding(2) var<storage, read_write> scratch: array<u32>;
@group(0) @binding(3) var<storage, read_write> failures: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> P: array<vec4<u32>, ${1 + ZSTD_CONSTANTS.length / 4}>; // blocks; the constants
struct Job { weights_at: u32, weights_end: u32, streams: u32, is_plain: u32, streams_at: u32, streams_end: u32, literals: u32, literal: u32 }
var<private> job: Job;
var<workgroup> is_sound: u32;
fn fail() { atomicOr(&failures[0], 1u); }
${SOURCE_BYTES}
${ZSTD_BITS}
${zstdTables(1, TABLES.weights, TABLES.weights + 1)}
${ZSTD_HUFFMAN}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group_id(wid, nwg);
  if (number >= P[0].x) { return; }
  let at = number * ${LITERALS_WORDS}u;
  job = Job(jobs[at], jobs[at + 1u], jobs[at + 2u] & 255u, jobs[at + 2u] >> 8u, jobs[at + 3u], jobs[at + 4u], jobs[at + 5u], jobs[at + 6u]);
  if (lane == 0u) {
    is_sound = u32(read_weights());
    if (is_sound != 0u) { sort_symbols(); }
    else { fail(); }
  }
  if (workgroupUniformLoad(&is_sound) == 0u) { return; }
  fill_codes(lane, ${LANES}u);
  workgroupBarrier();
  if (lane < job.streams) { decode_stream(lane); }
  storageBarrier();
  workgroupBarrier();
  if (lane < job.streams) { join_edges(lane); }
}`),
};

export interface ZstdLiterals {
  readonly source: DeviceBuffer;
  /** LITERALS_WORDS for each of `count` blocks. */
  readonly jobs: DeviceBuffer;
  readonly count: number;
  readonly scratch: DeviceBuffer;
  readonly failures: DeviceBuffer;
}

export const decodeLiterals = (device: Device, { source, jobs, count, scratch, failures }: ZstdLiterals): void =>
  device.launch({
    kernel: KERNEL,
    bindings: [source, jobs, scratch, failures],
    params: [count, 0, 0, 0, ...ZSTD_CONSTANTS],
    workgroups: count,
  });
