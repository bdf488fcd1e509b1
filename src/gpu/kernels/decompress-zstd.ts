/** Decompresses zstd frames (RFC 8878): what pages of Parquet files are, for one. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Binding, Kernel } from "../kernel.ts";
import { copies } from "../wgsl/copies.ts";
import { link } from "../wgsl/library.ts";
import { ZSTD_BITS } from "../wgsl/zstd-bits.ts";
import { ZSTD_BLOCKS } from "../wgsl/zstd-blocks.ts";
import { ZSTD_HUFFMAN } from "../wgsl/zstd-huffman.ts";
import { BATCH, SLOTS, ZSTD_SEQUENCES } from "../wgsl/zstd-sequences.ts";
import { ZSTD_CODES, ZSTD_TABLES } from "../wgsl/zstd-tables.ts";

/** Three teams of 32 invocations, each of which keeps to its own work while a block's sequences are read and executed. */
const LANES = 96;

/*
 * A workgroup for each frame. Block by block, one invocation reads the headers, three make the sequence tables, four decode the streams of
 * literals. Then the sequences go through four steps, batch by batch, a barrier after each round:
 *
 *     round n     invocation 0         states of batch n
 *                 32 .. 63             values of batch n - 1
 *                 64                   places of batch n - 2 (64 .. 95 keep the ring filled before that)
 *                 32 .. 95             content of batch n - 3
 *
 * A raw block, and one of equal bytes, is a block of literals without sequences.
 */
const KERNEL: Kernel = {
  name: "decompress-zstd",
  key: "",
  bindings: ["read", "read", "read_write", "read_write", "read_write"],
  params: 1,
  workgroup: LANES,
  wgsl: () =>
    link(/* wgsl */ `
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> jobs: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> content: array<u32>;
@group(0) @binding(3) var<storage, read_write> scratch: array<u32>;
@group(0) @binding(4) var<storage, read_write> failures: array<atomic<u32>>;
@group(0) @binding(5) var<uniform> P: array<vec4<u32>, 1>; // frames
${ZSTD_BITS}
${ZSTD_TABLES}
${ZSTD_BLOCKS}
${ZSTD_HUFFMAN}
${ZSTD_SEQUENCES}
${copies(SLOTS, BATCH)}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group_id(wid, nwg);
  if (number >= P[0].x) { return; }
  for (var k = lane; k < ${2 * ZSTD_CODES}u; k += ${LANES}u) { codes[k] = CODES[k]; }
  if (lane < 4u) { logs[lane] = NONE; }
  if (lane == 0u) { if (!read_frame(jobs[number])) { fail(); } }
  var states = States();
  var place = Place(jobs[number].z, 0u, vec3<u32>(1u, 4u, 8u));
  let stop = jobs[number].z + jobs[number].w;
  var done = 0u;
  workgroupBarrier();
  loop {
    if (lane == 0u) { next_block(); }
    let b = workgroupUniformLoad(&block);
    if (b.more == 0u) { break; }
    if ((lane & 31u) == 0u && ((b.builds >> (lane >> 5u)) & 1u) != 0u) { build_table(lane >> 5u); }
    if (b.streams != 0u) {
      if (lane == ${LANES - 1}u && (b.builds & HUFFMAN) != 0u) { sort_symbols(); }
      workgroupBarrier();
      if ((b.builds & HUFFMAN) != 0u) { fill_codes(lane, ${LANES}u); }
      workgroupBarrier();
      if (lane < b.streams) { decode_stream(lane, b); }
      workgroupBarrier();
      if (lane < b.streams) { join_edges(lane, b); }
    }
    var stream = Stream(0u, 0, 0);
    if (b.sequences > 0u) { stream = open_stream(b.bits_at, b.bits_end - b.bits_at); }
    var filled = max(stream.at / 32 - ${LANES}, 0);
    fill_ring(lane, ${LANES}u, stream.word, filled, stream.at / 32 + 1);
    storageBarrier();
    workgroupBarrier();
    if (lane == 0u && b.sequences > 0u) { states = first_states(stream.at); }
    place.literal = 0u;
    let batches = b.sequences / BATCH + 1u;
    for (var n = 0u; n < batches + 3u; n++) {
      if (lane == 0u) {
        if (n * BATCH < b.sequences) {
          let left = b.sequences - n * BATCH;
          read_states(n, min(left, BATCH), left <= BATCH, &states);
        }
      } else if (lane >= 32u) {
        if (lane >= 64u) {
          var at = stream.at;
          if (n > 0u) { at = cursors[(n - 1u) & 1u]; }
          let to = max(at / 32 - 254, 0);
          fill_ring(lane - 64u, 32u, stream.word, to, filled);
          filled = min(filled, to);
        } else if (n >= 1u && (n - 1u) * BATCH + lane - 32u < b.sequences) {
          read_values(((n - 1u) % SLOTS) * BATCH + lane - 32u, stream.word);
        }
        if (n >= 3u) { execute(lane - 32u, ${LANES - 32}u, n - 3u, done + n - 3u, b.kind, b.literal, stop); }
        if (lane == 64u && n >= 2u && n - 2u < batches) { place_batch(n - 2u, b, &place); }
      }
      storageBarrier();
      workgroupBarrier();
    }
    done += batches;
    if (lane == 0u && b.sequences > 0u && states.at != stream.floor) { fail(); }
    if (lane == 64u) { frame.place = place.at; }
    workgroupBarrier();
  }
  if (lane == 0u && atomicLoad(&broken) != 0u) { atomicOr(&failures[0], 1u); }
}`),
};

/** Words of a job. */
export const JOB_WORDS = 4;

export interface ZstdFrames {
  /** Compressed bytes of all frames, which may start at any byte. */
  readonly source: Binding;
  /** For each frame: its first byte in `source`, its bytes, the first byte of its content in `target` (a multiple of 4), bytes of its content. */
  readonly jobs: DeviceBuffer;
  readonly count: number;
  /** Contents of different frames have no word in common; bytes of a frame's last word that are not content become zero or keep their value. */
  readonly target: Binding;
  /** As large as `target`: decoded literals of a frame, where its content is. */
  readonly scratch: Binding;
  /** Its first word becomes nonzero if one of the frames is corrupt, or its content has another length. */
  readonly failures: DeviceBuffer;
}

/**
 * Records the decompression of `count` frames. A job is one frame without a dictionary: several, and frames to skip, are failures. Its
 * checksum is not looked at. What is written for a corrupt frame is unspecified, but stays within the words of its content.
 */
export const decompressZstd = (device: Device, { source, jobs, count, target, scratch, failures }: ZstdFrames): void => {
  device.launch({ kernel: KERNEL, bindings: [source, jobs, target, scratch, failures], params: [count], workgroups: count });
};
