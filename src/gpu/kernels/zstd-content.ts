/** The content of zstd frames, from their literals and sequences. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { SOURCE_BYTES } from "../wgsl/source-bytes.ts";
import { ZSTD_COPIES } from "../wgsl/zstd-copies.ts";
import { BATCH, ZSTD_SEQUENCES } from "../wgsl/zstd-sequences.ts";
import { ZSTD_CODES, ZSTD_CONSTANTS } from "../wgsl/zstd-tables.ts";
import { BLOCK_WORDS, FRAME_WORDS, LITERALS } from "./zstd-frames.ts";

/** Invocations of each of the first four steps, and of the last. */
const STEP_LANES = BATCH;
const WRITERS = 96;
const LANES = 4 * STEP_LANES + WRITERS;

/*
 * A workgroup for each frame, block by block. The sequences of a block go through five steps, batch by batch, each with invocations of its own, a
 * barrier after each round:
 *
 *     round n     values of batch n | sums of batch n - 1 | places of batch n - 2 | shorter chains in batch n - 3 | content of batch n - 4
 *
 * A raw block, and one of equal bytes, is a block of literals without sequences.
 *
 *     source | frames: FRAME_WORDS each | blocks: BLOCK_WORDS each | sequences: two words each | scratch: coded literals | content | failures
 */
const KERNEL: Kernel = {
  name: "zstd-content",
  key: "",
  bindings: ["read", "read", "read", "read", "read", "read_write", "read_write"],
  params: 4 + ZSTD_CONSTANTS.length,
  workgroup: LANES,
  wgsl: () =>
    link(/* wgsl */ `
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> frames: array<u32>;
@group(0) @binding(2) var<storage, read> blocks: array<u32>;
@group(0) @binding(3) var<storage, read> sequences: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read> scratch: array<u32>;
@group(0) @binding(5) var<storage, read_write> content: array<u32>;
@group(0) @binding(6) var<storage, read_write> failures: array<atomic<u32>>;
@group(0) @binding(7) var<uniform> P: array<vec4<u32>, ${1 + ZSTD_CONSTANTS.length / 4}>; // frames; the constants
const REPEATED = ${LITERALS.repeated}u;
// By "kind", "literal" is the first literal's byte in the source or in "scratch", or a word of four equal literals. "limit": where the content of
// the block ends at most; "origin": where that of the frame starts.
struct Block { kind: u32, literal: u32, literals: u32, sequences: u32, first_sequence: u32, limit: u32, origin: u32 }
fn fail() { atomicOr(&failures[0], 1u); }
fn literal_word(kind: u32, at: u32) -> u32 {
  if (kind == ${LITERALS.decoded}u) { return scratch[at]; }
  return source[at];
}
${SOURCE_BYTES}
${ZSTD_SEQUENCES}
${ZSTD_COPIES}
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group_id(wid, nwg);
  if (number >= P[0].x) { return; }
  for (var k = lane; k < ${2 * ZSTD_CODES}u; k += ${LANES}u) { codes[k] = P[1u + k / 4u][k & 3u]; }
  let frame = number * ${FRAME_WORDS}u;
  let first = frames[frame];
  let behind = first + frames[frame + 1u];
  let origin = frames[frame + 2u];
  let stop = frames[frame + 3u];
  let most = frames[frame + 4u];
  if (lane == 0u) { places[0] = Place(origin, 0u, vec3<u32>(1u, 4u, 8u)); }
  let step = min(lane / ${STEP_LANES}u, STEPS - 1u);
  let k = lane % ${STEP_LANES}u;
  var done = 0u;
  for (var i = first; i < behind; i++) {
    workgroupBarrier();
    let at = workgroupUniformLoad(&places[0]).at;
    let w = i * ${BLOCK_WORDS}u;
    let limit = at + min(stop - at, most);
    let b = Block(blocks[w], blocks[w + 1u], blocks[w + 2u], blocks[w + 3u], blocks[w + 4u], limit, origin);
    let batches = b.sequences / BATCH + 1u;
    for (var n = 0u; n < batches + STEPS - 1u; n++) {
      let own = n - step;
      if (n >= step && own < batches) {
        if (step == 0u) { read_values(b, own, k); }
        else if (step == 1u) { sum_group(own, k); }
        else if (step == 2u) { place_batch(b, own, k); }
        else if (step == 3u) { shorten(own, k); }
        else { execute(b, lane - ${4 * STEP_LANES}u, ${WRITERS}u, slot_of(own), done + own, stop); }
      }
      storageBarrier();
      workgroupBarrier();
    }
    done += batches;
    if (lane == 0u) { places[0] = Place(places[batches & 1u].at, 0u, places[batches & 1u].last); }
  }
  workgroupBarrier();
  if (lane == 0u && places[0].at != stop) { fail(); }
}`),
};

export interface ZstdContent {
  readonly source: DeviceBuffer;
  /** FRAME_WORDS for each of `count` frames, BLOCK_WORDS for each of their blocks. */
  readonly frames: DeviceBuffer;
  readonly count: number;
  readonly blocks: DeviceBuffer;
  readonly sequences: DeviceBuffer;
  readonly scratch: DeviceBuffer;
  readonly target: DeviceBuffer;
  readonly failures: DeviceBuffer;
}

export const writeContent = (device: Device, { source, frames, count, blocks, sequences, scratch, target, failures }: ZstdContent): void =>
  device.launch({
    kernel: KERNEL,
    bindings: [source, frames, blocks, sequences, scratch, target, failures],
    params: [count, 0, 0, 0, ...ZSTD_CONSTANTS],
    workgroups: count,
  });
