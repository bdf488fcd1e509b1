/** The sequences of zstd blocks as positions in their bit streams: what has to be read one after another, many blocks beside one another. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { SOURCE_BYTES } from "../wgsl/source-bytes.ts";
import { ZSTD_BITS } from "../wgsl/zstd-bits.ts";
import { TABLES, ZSTD_CODES, ZSTD_CONSTANTS, ZSTD_PREDEFINED_WORD, zstdTables } from "../wgsl/zstd-tables.ts";
import { SEQUENCES_WORDS } from "./zstd-frames.ts";

const LANES = 32;
/** Tables of a block. */
const OF_BLOCK = 3;
/** Workgroup memory of a block, in bytes: its tables, what they are made from, where its stream is. */
const BLOCK_BYTES = 4 * (512 + 512 + 256) + OF_BLOCK * (4 * 64 + 4) + 4;
const MOST_BLOCKS = Math.floor(LANES / OF_BLOCK);

/*
 * Three invocations for each block make its tables, of which one reads the sequences then: where the extra bits of each stand, and the three symbols.
 *
 *     source | jobs: SEQUENCES_WORDS for each block | sequences: (bit of the source, symbols of literal length | match length << 6 | offset << 12)
 */
const kernelOf = (blocks: number): Kernel => ({
  name: "zstd-states",
  key: `${blocks}`,
  bindings: ["read", "read", "read_write", "read_write"],
  params: 4 + ZSTD_CONSTANTS.length,
  workgroup: LANES,
  wgsl: () =>
    link(/* wgsl */ `
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> jobs: array<u32>;
@group(0) @binding(2) var<storage, read_write> sequences: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> failures: array<atomic<u32>>;
@group(0) @binding(4) var<uniform> P: array<vec4<u32>, ${1 + ZSTD_CONSTANTS.length / 4}>; // blocks; the constants
${SOURCE_BYTES}
${ZSTD_BITS}
${zstdTables(blocks, TABLES.literalLengths, OF_BLOCK)}
var<workgroup> streams: array<u32, ${blocks}>;

fn fail() { atomicOr(&failures[0], 1u); }

// Makes the table from what stands at byte "at" if "is_wanted"; returns the byte behind it, NONE where that is corrupt.
fn read_table(f: u32, own: u32, table: u32, mode: u32, at: u32, end: u32, is_wanted: bool) -> u32 {
  if (mode == 3u) { return at; }
  if (mode == 1u) {
    if (at >= end) { return NONE; }
    if (is_wanted) {
      let symbol = byte_at(at);
      if (symbol > largest_of(table)) { return NONE; }
      logs[log_of(f, table)] = 0u;
      tables[table_of(f, table)] = entry_of(table, symbol, 0u);
    }
    return at + 1u;
  }
  var read = Counts(at, predefined_log_of(table));
  if (mode == 2u) {
    read = read_counts(own, table, at, end);
    if (read.behind == NONE) { return NONE; }
  } else if (is_wanted) {
    for (var k = 0u; k <= largest_of(table); k++) {
      let word = P[1u + ${ZSTD_PREDEFINED_WORD / 4}u + (table * ${ZSTD_CODES}u + k) / 16u][(k / 4u) & 3u];
      counts[own + k] = u32((i32(word) << (24u - (k & 3u) * 8u)) >> 24u);
    }
  }
  if (is_wanted) {
    logs[log_of(f, table)] = read.log;
    build_table(own, f, table);
  }
  return read.behind;
}

// Descriptions stand in the order of literal lengths, offsets, match lengths. Reads up to the wanted one, or all; returns the byte behind.
fn read_tables(f: u32, own: u32, wanted: u32, modes: u32, first: u32, end: u32) -> u32 {
  var at = first;
  for (var k = 0u; k < 3u && at != NONE; k++) {
    let table = (3u - k) % 3u;
    at = read_table(f, own, table, (modes >> (6u - 2u * k)) & 3u, at, end, table == wanted);
    if (table == wanted) { break; }
  }
  return at;
}

fn make_table(f: u32, job: u32, table: u32) {
  let own = counts_of(f, table);
  let modes = jobs[job + 4u];
  // Of literal lengths, offsets, match lengths this is the first, third, second.
  let which = (3u - table) % 3u;
  let is_own = ((modes >> (6u - 2u * which)) & 3u) != 3u;
  var behind = 0u;
  if (is_own || table == ${TABLES.matchLengths}u) { behind = read_tables(f, own, table, modes, jobs[job + 2u], jobs[job + 3u]); }
  if (table == ${TABLES.matchLengths}u) { streams[f] = behind; }
  if (!is_own && behind != NONE) { behind = read_tables(f, own, table, modes >> (8u + 8u * which), jobs[job + 5u + which], 0xfffffff0u); }
  if (behind == NONE) {
    logs[log_of(f, table)] = NONE;
    fail();
  }
}

fn state_of(log: u32, at: ptr<function, u32>) -> u32 {
  *at -= log;
  return low(bits_at(0u, *at), log);
}

// Positions are bits of the source.
fn read_states(f: u32, job: u32) {
  let count = jobs[job];
  let to = jobs[job + 1u];
  let end = jobs[job + 3u];
  let logs_of = vec3<u32>(logs[log_of(f, ${TABLES.literalLengths}u)], logs[log_of(f, ${TABLES.matchLengths}u)], logs[log_of(f, ${TABLES.offsets}u)]);
  if (any(logs_of == vec3<u32>(NONE)) || streams[f] >= end) {
    fail();
    return;
  }
  let stream = open_stream(streams[f], end - streams[f]);
  if (stream.at < stream.floor) {
    fail();
    return;
  }
  let literals = table_of(f, ${TABLES.literalLengths}u);
  let matches = table_of(f, ${TABLES.matchLengths}u);
  let offsets = table_of(f, ${TABLES.offsets}u);
  var at = stream.word * 32u + u32(stream.at);
  var literal = state_of(logs_of.x, &at);
  var offset = state_of(logs_of.z, &at);
  var match_ = state_of(logs_of.y, &at);
  for (var k = 0u; k < count; k++) {
    let a = tables[literals + literal];
    let b = tables[matches + match_];
    let c = tables[offsets + offset];
    let sum = a + b + c;
    at -= sum >> 24u;
    sequences[to + k] = vec2<u32>(at, ((a >> 9u) & 63u) | (((b >> 9u) & 63u) << 6u) | (((c >> 9u) & 63u) << 12u));
    if (k + 1u == count) { break; }
    // The first bits are the highest. A number of bits may be 0, and no shift may be 32.
    var bits = bits_at(0u, at - 32u);
    literal = (a & 0x1ffu) + ((bits >> 1u) >> ((a >> 17u) & 31u));
    bits <<= ~(a >> 17u) & 31u;
    match_ = (b & 0x1ffu) + ((bits >> 1u) >> ((b >> 17u) & 31u));
    bits <<= ~(b >> 17u) & 31u;
    offset = (c & 0x1ffu) + ((bits >> 1u) >> ((c >> 17u) & 31u));
    at -= 93u - ((sum >> 17u) & 127u);
  }
  if (at != stream.word * 32u + u32(stream.floor)) { fail(); }
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first = group_id(wid, nwg) * ${blocks}u;
  let f = lane / 3u;
  if (f < ${blocks}u && first + f < P[0].x) { make_table(f, (first + f) * ${SEQUENCES_WORDS}u, lane % 3u); }
  workgroupBarrier();
  if (lane < ${blocks}u && first + lane < P[0].x) { read_states(lane, (first + lane) * ${SEQUENCES_WORDS}u); }
}`),
});

export interface ZstdStates {
  readonly source: DeviceBuffer;
  /** SEQUENCES_WORDS for each of `count` blocks. */
  readonly jobs: DeviceBuffer;
  readonly count: number;
  /** Two words for each sequence. */
  readonly sequences: DeviceBuffer;
  readonly failures: DeviceBuffer;
}

/** Blocks that share a workgroup on a device. */
export const blocksTogether = (device: Device): number =>
  Math.max(1, Math.min(MOST_BLOCKS, Math.floor(device.limits.workgroupBytes / BLOCK_BYTES)));

export function readStates(device: Device, { source, jobs, count, sequences, failures }: ZstdStates): void {
  const together = blocksTogether(device);
  device.launch({
    kernel: kernelOf(together),
    bindings: [source, jobs, sequences, failures],
    params: [count, 0, 0, 0, ...ZSTD_CONSTANTS],
    workgroups: Math.ceil(count / together),
  });
}
