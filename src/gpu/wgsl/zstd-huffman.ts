/** WGSL: the Huffman code of the literals (RFC 8878, 4.2): its description, its table, its streams. */

import { TABLES } from "./zstd-tables.ts";

/*
 * `weights` of the symbols, from the description of the code, 0 for a symbol that does not occur. `ring`, which is not in use yet, has the
 * symbols in the order of their weights, and `ranks[w]` where weight w begins: in the table, among the symbols. `huffman`: two entries of
 * a word, symbol | bits << 8, for all values of the next `code_bits` bits.
 */
export const ZSTD_HUFFMAN = /* wgsl */ `
const WEIGHTS = ${TABLES.weights}u;
var<workgroup> weights: array<u32, 256>;
var<workgroup> ranks: array<vec2<u32>, 14>;
var<workgroup> huffman: array<u32, 1024>;
var<workgroup> weighted: u32;
var<workgroup> code_bits: u32;
var<workgroup> edges: array<u32, 8>;

// Reads the description of a code from byte "first" on; returns the byte behind it, NONE where it is corrupt.
fn read_weights(first: u32, end: u32) -> u32 {
  if (first >= end) { return NONE; }
  let head = byte_at(first);
  let from_ = first + 1u;
  var count = 0u;
  var behind = from_ + head;
  if (head >= 128u) {
    count = head - 127u;
    behind = from_ + (count + 1u) / 2u;
    for (var k = 0u; k < count; k++) { weights[k] = (byte_at(from_ + k / 2u) >> (4u - (k & 1u) * 4u)) & 15u; }
  }
  if (behind > end) { return NONE; }
  if (head < 128u) {
    count = read_coded_weights(from_, behind);
    if (count == NONE) { return NONE; }
  }
  var total = 0u;
  var ones = 0u;
  for (var k = 0u; k < count; k++) {
    if (weights[k] > 11u) { return NONE; }
    total += (1u << weights[k]) >> 1u;
    ones += u32(weights[k] == 1u);
  }
  if (total == 0u) { return NONE; }
  let bits = highest_bit(total) + 1u;
  let rest = (1u << bits) - total;
  if (bits > 11u || (rest & (rest - 1u)) != 0u) { return NONE; }
  weights[count] = highest_bit(rest) + 1u;
  ones += u32(rest == 1u);
  if (ones < 2u || (ones & 1u) != 0u) { return NONE; }
  weighted = count + 1u;
  code_bits = bits;
  return behind;
}

// Two states take turns in one stream, until it has no bits left for the next state.
fn read_coded_weights(first: u32, end: u32) -> u32 {
  let from_ = read_counts(WEIGHTS, first, end);
  if (from_ == NONE || from_ >= end) { return NONE; }
  build_table(WEIGHTS);
  let stream = open_stream(from_, end - from_);
  let log = logs[WEIGHTS];
  var at = stream.at - i32(2u * log);
  if (at < stream.floor) { return NONE; }
  var even = low(bits_at(stream.word, u32(at) + log), log);
  var odd = low(bits_at(stream.word, u32(at)), log);
  for (var count = 0u; count < 254u; count += 1u) {
    let entry = tables[TABLE[WEIGHTS] + even];
    weights[count] = (entry >> 9u) & 63u;
    let bits = (entry >> 21u) & 31u;
    at -= i32(bits);
    if (at < stream.floor) {
      weights[count + 1u] = (tables[TABLE[WEIGHTS] + odd] >> 9u) & 63u;
      return count + 2u;
    }
    even = odd;
    odd = (entry & 0x1ffu) + low(bits_at(stream.word, u32(at)), bits);
  }
  return NONE;
}

// One invocation puts the symbols in order.
fn sort_symbols() {
  for (var w = 0u; w < 14u; w++) { ranks[w] = vec2<u32>(); }
  for (var k = 0u; k < weighted; k++) { ranks[weights[k] + 1u].y += 1u; }
  var place = 0u;
  var before = 0u;
  for (var w = 1u; w < 13u; w++) {
    let count = ranks[w + 1u].y;
    ranks[w] = vec2<u32>(place, before);
    place += count << (w - 1u);
    before += count;
  }
  for (var k = 0u; k < weighted; k++) {
    let w = weights[k];
    if (w == 0u) { continue; }
    ring[ranks[w].y] = k;
    ranks[w].y += 1u;
  }
  for (var w = 12u; w > 1u; w--) { ranks[w].y = ranks[w - 1u].y; }
  ranks[1].y = 0u;
}

fn code_of(index: u32) -> u32 {
  var w = code_bits;
  while (w > 1u && ranks[w].x > index) { w -= 1u; }
  return ring[(ranks[w].y + ((index - ranks[w].x) >> (w - 1u))) & 255u] | ((code_bits + 1u - w) << 8u);
}

fn fill_codes(lane: u32, lanes: u32) {
  for (var k = lane; k < (1u << code_bits) / 2u; k += lanes) { huffman[k] = code_of(k * 2u) | (code_of(k * 2u + 1u) << 16u); }
}

// The first literal of stream k; a stream has a quarter of the literals, or all.
fn share_of(k: u32, b: Block) -> u32 {
  return min(b.literals, k * select((b.literals + 3u) / 4u, b.literals, b.streams == 1u));
}

// Decodes stream k to "scratch", but for words that it has only a part of: they go to "edges", the first and the last.
fn decode_stream(k: u32, b: Block) {
  var first = b.streams_at;
  var end = b.streams_end;
  if (b.streams == 4u) {
    let sizes = bits_at(first >> 2u, (first & 3u) * 8u);
    let size = vec3<u32>(sizes & 0xffffu, sizes >> 16u, bytes_at(first + 4u) & 0xffffu);
    let starts = vec4<u32>(6u, 6u + size.x, 6u + size.x + size.y, 6u + size.x + size.y + size.z);
    if (starts.w >= end - first) { fail(); return; }
    if (k < 3u) { end = first + starts[k + 1u]; }
    first += starts[k];
  }
  let stream = open_stream(first, end - first);
  let from_ = share_of(k, b);
  let to = select(share_of(k + 1u, b), b.literals, k + 1u == b.streams);
  var left = stream.at - stream.floor;
  if (left < 0) { fail(); return; }
  // The next bit is bit 31 - used of "high"; two words are there already, and the one behind them is on its way.
  let top = (stream.at + 31) / 32 - 1;
  var used = u32(top * 32 + 32 - stream.at);
  var next = stream.word + u32(top);
  var high = source[next];
  var middle = source[next - 1u];
  var ahead = source[next - 2u];
  next -= 3u;
  let shift = 32u - code_bits;
  let to_word = b.literal >> 2u;
  edges[k * 2u] = 0u;
  edges[k * 2u + 1u] = 0u;
  var word = 0u;
  for (var at = from_; at < to; ) {
    let index = ((high << used) | ((middle >> 1u) >> (31u - used))) >> shift;
    let code = (huffman[index >> 1u] >> ((index & 1u) * 16u)) & 0xffffu;
    used += code >> 8u;
    left -= i32(code >> 8u);
    if (used >= 32u) {
      used -= 32u;
      high = middle;
      middle = ahead;
      ahead = source[next];
      next -= 1u;
    }
    word |= (code & 0xffu) << ((at & 3u) * 8u);
    at += 1u;
    if ((at & 3u) == 0u || at == to) {
      let own = (at - 1u) >> 2u;
      if (own * 4u >= from_ && (at & 3u) == 0u) { scratch[to_word + own] = word; }
      else { edges[k * 2u + u32(own != from_ >> 2u)] = word; }
      word = 0u;
    }
  }
  if (left != 0) { fail(); }
}

// Puts the word together in which stream k ends.
fn join_edges(k: u32, b: Block) {
  let end = select(share_of(k + 1u, b), b.literals, k + 1u == b.streams);
  if ((end & 3u) == 0u) { return; }
  var word = 0u;
  for (var j = 0u; j < b.streams; j++) {
    let first = share_of(j, b) >> 2u;
    if (first == end >> 2u) { word |= edges[j * 2u]; }
    let last = select(share_of(j + 1u, b), b.literals, j + 1u == b.streams) >> 2u;
    if (last == end >> 2u && last != first) { word |= edges[j * 2u + 1u]; }
  }
  scratch[(b.literal + end) >> 2u] = word;
}
`;
