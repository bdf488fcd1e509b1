/** The sequences of zstd blocks as positions in their bit streams: what has to be read one after another, many blocks beside one another. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";
import type { Kernel } from "../kernel.ts";
import { link } from "../wgsl/library.ts";
import { SOURCE_BYTES } from "../wgsl/source-bytes.ts";
import { ZSTD_BITS } from "../wgsl/zstd-bits.ts";
import { TABLES, ZSTD_CODES, ZSTD_CONSTANTS, ZSTD_PREDEFINED_WORD, zstdTables } from "../wgsl/zstd-tables.ts";
import { SEQUENCES_WORDS } from "./zstd-frames.ts";

/** Invocations that make tables and read, and as many that fetch the words of the streams. */
const TEAM = 32;
const LANES = 2 * TEAM;
/** Tables of a block. */
const OF_BLOCK = 3;
const MOST_BLOCKS = Math.floor(TEAM / OF_BLOCK);
/** Sequences of a round, most words that they take, and words of a stream in workgroup memory: enough for two rounds. */
const ROUND = 16;
const ROUND_WORDS = Math.ceil((ROUND * 89) / 32) + 1;
const RING = 128;
/** Workgroup memory of a block, in bytes: its tables, what they are made from, its stream. */
const BLOCK_BYTES = 4 * (512 + 512 + 256) + OF_BLOCK * (4 * 64 + 4) + 4 * (RING + 5);

/*
 * Three invocations for each block make its tables. One reads its sequences then: where the extra bits of each stand, and the three symbols. What it reads is
 * in workgroup memory, which others fill a round ahead: memory of the device takes longer to answer than a sequence to read.
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
// First byte of a stream; its first bit; sequences; where a round starts, in turns.
var<workgroup> streams: array<u32, ${blocks}>;
var<workgroup> floors: array<u32, ${blocks}>;
var<workgroup> lefts: array<u32, ${blocks}>;
var<workgroup> cursors: array<u32, ${2 * blocks}>;
var<workgroup> ring: array<u32, ${RING * blocks}>;
var<workgroup> rounds: u32;

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

// Opens the stream of block f. A block that is corrupt has no sequences.
fn open_block(f: u32, job: u32) {
  let end = jobs[job + 3u];
  let is_known = logs[log_of(f, 0u)] != NONE && logs[log_of(f, 1u)] != NONE && logs[log_of(f, 2u)] != NONE;
  lefts[f] = 0u;
  if (!is_known || streams[f] >= end) {
    fail();
    return;
  }
  let stream = open_stream(streams[f], end - streams[f]);
  if (stream.at < stream.floor) {
    fail();
    return;
  }
  lefts[f] = jobs[job];
  floors[f] = stream.word * 32u + u32(stream.floor);
  cursors[2u * f] = stream.word * 32u + u32(stream.at);
}

// Word w of the source lies at w % RING of the ring of its block.
fn fill_ring(f: u32, lane: u32, lanes: u32, from_: u32, behind: u32) {
  for (var w = from_ + lane; w < behind; w += lanes) { ring[f * ${RING}u + (w & ${RING - 1}u)] = source[w]; }
}

fn ring_bits(own: u32, at: u32) -> u32 {
  let w = at >> 5u;
  let shift = at & 31u;
  return (ring[own + (w & ${RING - 1}u)] >> shift) | ((ring[own + ((w + 1u) & ${RING - 1}u)] << 1u) << (31u - shift));
}

// Positions are bits of the source.
struct States { at: u32, literal: u32, match_: u32, offset: u32 }

fn state_of(f: u32, table: u32, at: ptr<function, u32>) -> u32 {
  *at -= logs[log_of(f, table)];
  return low(ring_bits(f * ${RING}u, *at), logs[log_of(f, table)]);
}

fn first_states(f: u32) -> States {
  var at = cursors[2u * f];
  let literal = state_of(f, ${TABLES.literalLengths}u, &at);
  let offset = state_of(f, ${TABLES.offsets}u, &at);
  let match_ = state_of(f, ${TABLES.matchLengths}u, &at);
  return States(at, literal, match_, offset);
}

fn read_round(f: u32, job: u32, round: u32, before: States) -> States {
  let count = lefts[f];
  let to = jobs[job + 1u];
  let literals = table_of(f, ${TABLES.literalLengths}u);
  let matches = table_of(f, ${TABLES.matchLengths}u);
  let offsets = table_of(f, ${TABLES.offsets}u);
  let own = f * ${RING}u;
  var s = before;
  for (var k = round * ${ROUND}u; k < min(count, (round + 1u) * ${ROUND}u); k++) {
    let a = tables[literals + s.literal];
    let b = tables[matches + s.match_];
    let c = tables[offsets + s.offset];
    let sum = a + b + c;
    s.at -= sum >> 24u;
    sequences[to + k] = vec2<u32>(s.at, ((a >> 9u) & 63u) | (((b >> 9u) & 63u) << 6u) | (((c >> 9u) & 63u) << 12u));
    if (k + 1u == count) {
      if (s.at != floors[f]) { fail(); }
      break;
    }
    // The first bits are the highest. A number of bits may be 0, and no shift may be 32.
    var bits = ring_bits(own, s.at - 32u);
    s.literal = (a & 0x1ffu) + ((bits >> 1u) >> ((a >> 17u) & 31u));
    bits <<= ~(a >> 17u) & 31u;
    s.match_ = (b & 0x1ffu) + ((bits >> 1u) >> ((b >> 17u) & 31u));
    bits <<= ~(b >> 17u) & 31u;
    s.offset = (c & 0x1ffu) + ((bits >> 1u) >> ((c >> 17u) & 31u));
    s.at -= 93u - ((sum >> 17u) & 127u);
  }
  cursors[2u * f + ((round + 1u) & 1u)] = s.at;
  return s;
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first = group_id(wid, nwg) * ${blocks}u;
  let job = (first + lane) * ${SEQUENCES_WORDS}u;
  let is_reader = lane < ${blocks}u && first + lane < P[0].x;
  let f = lane / 3u;
  if (f < ${blocks}u && first + f < P[0].x) { make_table(f, (first + f) * ${SEQUENCES_WORDS}u, lane % 3u); }
  workgroupBarrier();
  if (is_reader) { open_block(lane, job); }
  workgroupBarrier();
  if (lane == 0u) {
    rounds = 0u;
    for (var k = 0u; k < ${blocks}u; k++) { rounds = max(rounds, (lefts[k] + ${ROUND - 1}u) / ${ROUND}u); }
  }
  let all = workgroupUniformLoad(&rounds);
  // A few invocations fetch for each block.
  let own = (lane - ${TEAM}u) / ${Math.floor(TEAM / blocks)}u;
  let is_fetcher = lane >= ${TEAM}u && own < ${blocks}u;
  var filled = 0u;
  if (is_fetcher) {
    let behind = (cursors[2u * own] >> 5u) + 1u;
    filled = behind - min(behind, ${2 * ROUND_WORDS}u);
    fill_ring(own, (lane - ${TEAM}u) % ${Math.floor(TEAM / blocks)}u, ${Math.floor(TEAM / blocks)}u, filled, behind);
  }
  workgroupBarrier();
  var states = States();
  if (is_reader) { states = first_states(lane); }
  for (var n = 0u; n < all; n++) {
    if (is_reader) { states = read_round(lane, job, n, states); }
    else if (is_fetcher && n > 0u) {
      let top = cursors[2u * own + (n & 1u)] >> 5u;
      let to = min(filled, top - min(top, ${2 * ROUND_WORDS}u));
      fill_ring(own, (lane - ${TEAM}u) % ${Math.floor(TEAM / blocks)}u, ${Math.floor(TEAM / blocks)}u, to, filled);
      filled = to;
    }
    workgroupBarrier();
  }
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
const blocksTogether = (device: Device): number =>
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
