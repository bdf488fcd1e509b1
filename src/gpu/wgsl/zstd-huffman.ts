/** WGSL: the Huffman code of the literals (RFC 8878, 4.2): its description, its table, its streams. */

import { TABLES } from "./zstd-tables.ts";

/*
 * `weights` of the symbols, from the description of the code, 0 for a symbol that does not occur; `sorted` the symbols in the order of their weights.
 * `ranks[w]` is where weight w begins: in the table, among the symbols. `huffman`: two entries of a word, symbol | bits << 8, for all values of
 * the next `code_bits` bits. `job`: the block, as `zstd-literals.ts` has it.
 */
export const ZSTD_HUFFMAN = /* wgsl */ `
const WEIGHTS = ${TABLES.weights}u;
var<workgroup> weights: array<u32, 256>;
var<workgroup> sorted: array<u32, 256>;
var<workgroup> ranks: array<vec2<u32>, 14>;
var<workgroup> huffman: array<u32, 1024>;
var<workgroup> weighted: u32;
var<workgroup> code_bits: u32;
var<workgroup> edges: array<u32, 8>;

// Reads the weights of the code.
fn read_weights() -> bool {
  var first = job.weights_at;
  var count = 0u;
  if (job.is_plain != 0u) {
    count = byte_at(first - 1u) - 127u;
    for (var k = 0u; k < count; k++) { weights[k] = (byte_at(first + k / 2u) >> (4u - (k & 1u) * 4u)) & 15u; }
  } else {
    let read = read_counts(0u, WEIGHTS, first, job.weights_end);
    if (read.behind == NONE) { return false; }
    logs[0] = read.log;
    build_table(0u, 0u, WEIGHTS);
    count = read_coded_weights(read.behind, job.weights_end);
  }
  var total = 0u;
  var ones = 0u;
  for (var k = 0u; k < count; k++) {
    let weight = weights[k];
    if (weight > 11u) { return false; }
    total += (1u << weight) >> 1u;
    ones += u32(weight == 1u);
  }
  if (total == 0u) { return false; }
  let bits = highest_bit(total) + 1u;
  let rest = (1u << bits) - total;
  if (bits > 11u || (rest & (rest - 1u)) != 0u) { return false; }
  weights[count] = highest_bit(rest) + 1u;
  ones += u32(rest == 1u);
  weighted = count + 1u;
  code_bits = bits;
  return ones >= 2u && (ones & 1u) == 0u;
}

// Two states take turns in one stream, until it has no bits left for the next state. Returns how many weights there are, 0 if it is corrupt.
fn read_coded_weights(first: u32, end: u32) -> u32 {
  let stream = open_stream(first, end - first);
  let log = logs[log_of(0u, WEIGHTS)];
  let table = table_of(0u, WEIGHTS);
  var at = stream.at - i32(2u * log);
  if (first >= end || at < stream.floor) { return 0u; }
  var even = low(bits_at(stream.word, u32(at) + log), log);
  var odd = low(bits_at(stream.word, u32(at)), log);
  for (var count = 0u; count < 254u; count += 1u) {
    let entry = tables[table + even];
    weights[count] = (entry >> 9u) & 63u;
    let bits = 31u - ((entry >> 17u) & 31u);
    at -= i32(bits);
    if (at < stream.floor) {
      weights[count + 1u] = (tables[table + odd] >> 9u) & 63u;
      return count + 2u;
    }
    even = odd;
    odd = (entry & 0x1ffu) + low(bits_at(stream.word, u32(at)), bits);
  }
  return 0u;
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
    sorted[ranks[w].y] = k;
    ranks[w].y += 1u;
  }
  for (var w = 12u; w > 1u; w--) { ranks[w].y = ranks[w - 1u].y; }
  ranks[1].y = 0u;
}

fn code_of(index: u32) -> u32 {
  var w = code_bits;
  while (w > 1u && ranks[w].x > index) { w -= 1u; }
  return sorted[((ranks[w].y + ((index - ranks[w].x) >> (w - 1u))) & 255u)] | ((code_bits + 1u - w) << 8u);
}

fn fill_codes(lane: u32, lanes: u32) {
  for (var k = lane; k < (1u << code_bits) / 2u; k += lanes) { huffman[k] = code_of(k * 2u) | (code_of(k * 2u + 1u) << 16u); }
}

// The first literal of stream k; a stream has a quarter of the literals, or all.
fn share_of(k: u32) -> u32 {
  let all = job.literals;
  if (k == job.streams) { return all; }
  return min(all, k * ((all + 3u) / 4u));
}

fn code_at(index: u32) -> u32 { return (huffman[(index >> 1u)] >> ((index & 1u) * 16u)) & 0xffffu; }

// Decodes stream k to "scratch", but for words that it has only a part of: they go to "edges", the first and the last.
fn decode_stream(k: u32) {
  var first = job.streams_at;
  var end = job.streams_end;
  if (job.streams == 4u) {
    let sizes = bytes_at(first);
    let size = vec3<u32>(sizes & 0xffffu, sizes >> 16u, bytes_at(first + 4u) & 0xffffu);
    let starts = vec4<u32>(6u, 6u + size.x, 6u + size.x + size.y, 6u + size.x + size.y + size.z);
    if (starts.w >= end - first) {
      fail();
      return;
    }
    if (k < 3u) { end = first + starts[k + 1u]; }
    first += starts[k];
  }
  let stream = open_stream(first, end - first);
  let from_ = share_of(k);
  let to = share_of(k + 1u);
  var left = stream.at - stream.floor;
  if (left < 0) {
    fail();
    return;
  }
  // The next bit is bit 31 - used of "high"; two words are there already, and the one behind them is on its way.
  let top = (stream.at + 31) / 32 - 1;
  var used = u32(top * 32 + 32 - stream.at);
  var next = stream.word + u32(top);
  var high = source[next];
  var middle = source[next - 1u];
  var ahead = source[next - 2u];
  next -= 3u;
  let shift = 32u - code_bits;
  let to_word = job.literal >> 2u;
  edges[k * 2u] = 0u;
  edges[k * 2u + 1u] = 0u;
  var word = 0u;
  for (var at = from_; at < to; ) {
    // Two codes have no more than 22 bits.
    var bits = (high << used) | ((middle >> 1u) >> (31u - used));
    var code = code_at(bits >> shift);
    var length = code >> 8u;
    let place = (at & 3u) * 8u;
    word |= (code & 0xffu) << place;
    if ((at & 1u) == 0u && at + 1u < to) {
      bits <<= length;
      code = code_at(bits >> shift);
      length += code >> 8u;
      word |= (code & 0xffu) << (place + 8u);
      at += 1u;
    }
    at += 1u;
    used += length;
    left -= i32(length);
    if (used >= 32u) {
      used -= 32u;
      high = middle;
      middle = ahead;
      ahead = source[next];
      next -= 1u;
    }
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
fn join_edges(k: u32) {
  let end = share_of(k + 1u);
  if ((end & 3u) == 0u) { return; }
  var word = 0u;
  for (var j = 0u; j < job.streams; j++) {
    let first = share_of(j) >> 2u;
    let last = share_of(j + 1u) >> 2u;
    if (first == end >> 2u) { word |= edges[j * 2u]; }
    if (last == end >> 2u && last != first) { word |= edges[j * 2u + 1u]; }
  }
  scratch[(job.literal + end) >> 2u] = word;
}
`;
