/** WGSL: headers of frames and blocks (RFC 8878, 3.1.1), read by one invocation. */

import { TABLES, ZSTD_CODES } from "./zstd-tables.ts";

/*
 * `block` says what all invocations do next. By `kind`, `literal` is the first literal's byte in the source or in `scratch`, or a word of
 * four equal literals. `builds`: bit k to make sequence table k from its counts, HUFFMAN to make the Huffman table from the weights.
 */
export const ZSTD_BLOCKS = /* wgsl */ `
const RAW = 0u;
const REPEATED = 1u;
const SCRATCH = 2u;
const HUFFMAN = 8u;
const MOST_CONTENT = 131072u;

// "at", "end": bytes of the source still to read. "origin", "stop": of the content of the frame. "place": content so far.
struct Frame { at: u32, end: u32, origin: u32, stop: u32, place: u32, most: u32, is_last: u32, has_checksum: u32 }
struct Block {
  more: u32, builds: u32,
  start: u32, limit: u32, // content of the frame so far starts, content of this block ends at most
  kind: u32, literal: u32, literals: u32,
  streams: u32, streams_at: u32, streams_end: u32,
  sequences: u32, bits_at: u32, bits_end: u32,
}
var<workgroup> frame: Frame;
var<workgroup> block: Block;
var<workgroup> broken: atomic<u32>;

fn fail() { atomicStore(&broken, 1u); }

fn read_frame(job: vec4<u32>) -> bool {
  let end = job.x + job.y;
  let stop = job.z + job.w;
  frame = Frame(job.x, end, job.z, stop, job.z, MOST_CONTENT, 0u, 0u);
  if (end < job.x || end > arrayLength(&source) * 4u || stop < job.z || stop > arrayLength(&content) * 4u || (job.z & 3u) != 0u) { return false; }
  if (job.y < 6u || bytes_at(job.x) != 0xfd2fb528u) { return false; }
  let flags = byte_at(job.x + 4u);
  if ((flags & 8u) != 0u) { return false; }
  frame.has_checksum = (flags >> 2u) & 1u;
  var at = job.x + 5u;
  let is_single = (flags & 0x20u) != 0u;
  if (!is_single) {
    let window = byte_at(at);
    let log = 10u + (window >> 3u);
    if (log < 17u) { frame.most = (1u << log) + ((1u << log) / 8u) * (window & 7u); }
    at += 1u;
  }
  let dictionary = (0x4210u >> ((flags & 3u) * 4u)) & 15u;
  for (var k = 0u; k < dictionary; k++) { if (byte_at(at + k) != 0u) { return false; } }
  at += dictionary;
  let form = flags >> 6u;
  if (form != 0u || is_single) {
    var size = bytes_at(at);
    if (form == 0u) { size &= 0xffu; }
    if (form == 1u) { size = (size & 0xffffu) + 256u; }
    if (size != job.w || (form == 3u && bytes_at(at + 4u) != 0u)) { return false; }
    at += 1u << form;
    if (is_single) { frame.most = min(size, MOST_CONTENT); }
  }
  frame.at = at;
  return at <= end;
}

// Makes "block" of what comes next in the frame. 0 where there is nothing more, or where it is corrupt.
fn next_block() {
  block.more = 0u;
  if (atomicLoad(&broken) != 0u) { return; }
  if (frame.is_last != 0u) {
    if (frame.place != frame.stop || frame.at + frame.has_checksum * 4u != frame.end) { fail(); }
    return;
  }
  if (read_block()) { block.more = 1u; } else { fail(); }
}

fn read_block() -> bool {
  if (frame.end - frame.at < 3u) { return false; }
  let head = bytes_at(frame.at) & 0xffffffu;
  let size = head >> 3u;
  let form = (head >> 1u) & 3u;
  let at = frame.at + 3u;
  let bytes = select(size, 1u, form == 1u);
  if (form == 3u || size > frame.most || bytes > frame.end - at) { return false; }
  frame.is_last = head & 1u;
  frame.at = at + bytes;
  block.builds = 0u;
  block.start = frame.origin;
  block.limit = frame.place + min(frame.stop - frame.place, frame.most);
  block.streams = 0u;
  block.sequences = 0u;
  block.literals = size;
  block.kind = form;
  if (form == 2u) {
    let behind = read_literals(at, at + size);
    return behind != NONE && read_sequences(behind, at + size);
  }
  take_literals(form, at);
  return true;
}

fn take_literals(kind: u32, at: u32) {
  block.kind = kind;
  block.literal = select(at, byte_at(at) * 0x01010101u, kind == REPEATED);
}

// Returns the byte behind the literals; NONE where they are corrupt.
fn read_literals(first: u32, end: u32) -> u32 {
  if (first >= end) { return NONE; }
  let head = bytes_at(first);
  let form = head & 3u;
  let size_form = (head >> 2u) & 3u;
  if (form < 2u) {
    let head_bytes = select(1u, (size_form + 3u) / 2u, (size_form & 1u) != 0u);
    block.literals = select(low(head, head_bytes * 8u) >> 4u, (head & 0xffu) >> 3u, head_bytes == 1u);
    let at = first + head_bytes;
    let bytes = select(block.literals, 1u, form == 1u);
    if (at > end || bytes > end - at || block.literals > frame.most) { return NONE; }
    take_literals(form, at);
    return at + bytes;
  }
  let bits = select(6u + size_form * 4u, 10u, size_form == 0u);
  let head_bytes = 3u + max(size_form, 1u) - 1u;
  block.literals = low(head >> 4u, bits);
  let bytes = low(bits_at(first >> 2u, (first & 3u) * 8u + 4u + bits), bits);
  var at = first + head_bytes;
  if (at > end || bytes > end - at || block.literals > block.limit - frame.place) { return NONE; }
  let behind = at + bytes;
  if (form == 2u) {
    at = read_weights(at, behind);
    if (at == NONE) { return NONE; }
    logs[WEIGHTS] = 0u;
    block.builds |= HUFFMAN;
  } else if (logs[WEIGHTS] == NONE) {
    return NONE;
  }
  block.kind = SCRATCH;
  block.literal = frame.place & ~3u;
  block.streams = select(4u, 1u, size_form == 0u);
  block.streams_at = at;
  block.streams_end = behind;
  if (block.literals == 0u || (block.streams == 4u && block.literals < 6u)) { return NONE; }
  return behind;
}

fn read_sequences(first: u32, end: u32) -> bool {
  if (first >= end) { return false; }
  let head = bytes_at(first);
  var at = first + 1u;
  var count = head & 0xffu;
  if (count == 255u) {
    count = ((head >> 8u) & 0xffffu) + 0x7f00u;
    at += 2u;
  } else if (count > 127u) {
    count = ((count & 0x7fu) << 8u) | ((head >> 8u) & 0xffu);
    at += 1u;
  }
  block.sequences = count;
  if (count == 0u) { return at == end; }
  if (at >= end) { return false; }
  let modes = byte_at(at);
  at += 1u;
  if ((modes & 3u) != 0u) { return false; }
  at = read_mode(${TABLES.literalLengths}u, modes >> 6u, at, end);
  at = read_mode(${TABLES.offsets}u, (modes >> 4u) & 3u, at, end);
  at = read_mode(${TABLES.matchLengths}u, (modes >> 2u) & 3u, at, end);
  if (at >= end) { return false; }
  block.bits_at = at;
  block.bits_end = end;
  return true;
}

// Returns the byte behind the description of the table; NONE, which is behind every end, where it is corrupt.
fn read_mode(table: u32, mode: u32, at: u32, end: u32) -> u32 {
  if (at >= end) { return NONE; }
  if (mode == 3u) { return select(at, NONE, logs[table] == NONE); }
  if (mode == 1u) {
    let symbol = byte_at(at);
    if (symbol > LARGEST[table]) { return NONE; }
    logs[table] = 0u;
    tables[TABLE[table]] = (symbol << 9u) | (extra_bits(table, symbol) << 26u);
    return at + 1u;
  }
  block.builds |= 1u << table;
  if (mode == 2u) { return read_counts(table, at, end); }
  for (var k = 0u; k <= LARGEST[table]; k++) { counts[table * ${ZSTD_CODES}u + k] = PREDEFINED[table * ${ZSTD_CODES}u + k]; }
  logs[table] = PREDEFINED_LOG[table];
  return at;
}
`;
