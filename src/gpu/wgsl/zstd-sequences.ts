/** WGSL: the sequences of a block, from their bits to places in the content, a batch at a time. */

import { TABLES, ZSTD_CODES } from "./zstd-tables.ts";

/** Sequences of a batch: the invocations of a team. */
export const BATCH = 32;
/** Batches in workgroup memory: one in each step of the work. */
export const SLOTS = 4;
/** Words of a stream in workgroup memory: more than two batches can take, which is 89 bits a sequence. */
const RING = 256;

/*
 * Batch n lies in slot n % 4 of `list`, an element for each sequence:
 *
 *     after read_states   bit of the stream behind which the extra bits are; entries of literal length, match length, offset
 *     after read_values   literal length, match length, offset value
 *     after place_batch   end of the match; its start; first literal's byte minus its place; offset
 *
 * `ring`: word r of the stream is at r % RING; `cursors[n & 1]`: the bit that batch n ends at.
 */
export const ZSTD_SEQUENCES = /* wgsl */ `
const BATCH = ${BATCH}u;
const SLOTS = ${SLOTS}u;
var<workgroup> list: array<vec4<u32>, ${SLOTS * BATCH}>;
var<workgroup> spans: array<vec2<u32>, ${SLOTS}>;
var<workgroup> ring: array<u32, ${RING}>;
var<workgroup> cursors: array<i32, 2>;

fn fill_ring(lane: u32, lanes: u32, word: u32, from_: i32, to: i32) {
  for (var r = max(from_, 0) + i32(lane); r < to; r += i32(lanes)) { ring[u32(r) & ${RING - 1}u] = source[word + u32(r)]; }
}

// n bits at bit "at" of the stream, n < 32.
fn ring_bits(at: i32, n: u32) -> u32 {
  let r = u32(at) >> 5u;
  let shift = u32(at) & 31u;
  return low((ring[r & ${RING - 1}u] >> shift) | ((ring[(r + 1u) & ${RING - 1}u] << 1u) << (31u - shift)), n);
}

struct States { at: i32, literal: u32, match_: u32, offset: u32 }

fn first_states(at: i32) -> States {
  var s = States(at, 0u, 0u, 0u);
  s.at -= i32(logs[${TABLES.literalLengths}]);
  s.literal = ring_bits(s.at, logs[${TABLES.literalLengths}]);
  s.at -= i32(logs[${TABLES.offsets}]);
  s.offset = ring_bits(s.at, logs[${TABLES.offsets}]);
  s.at -= i32(logs[${TABLES.matchLengths}]);
  s.match_ = ring_bits(s.at, logs[${TABLES.matchLengths}]);
  return s;
}

// One invocation walks over the states of "count" sequences; only the last sequence of a block has no next states.
fn read_states(batch: u32, count: u32, is_last: bool, s: ptr<function, States>) {
  let to = (batch % SLOTS) * BATCH;
  var at = (*s).at;
  var literal = (*s).literal;
  var match_ = (*s).match_;
  var offset = (*s).offset;
  for (var k = 0u; k < count; k++) {
    let a = tables[literal];
    let b = tables[TABLE[${TABLES.matchLengths}] + match_];
    let c = tables[TABLE[${TABLES.offsets}] + offset];
    let sum = a + b + c;
    at -= i32(sum >> 26u);
    list[to + k] = vec4<u32>(u32(at), a, b, c);
    if (is_last && k + 1u == count) { break; }
    let b_bits = (b >> 21u) & 31u;
    let c_bits = (c >> 21u) & 31u;
    at -= i32((sum >> 21u) & 31u);
    let bits = ring_bits(at, (sum >> 21u) & 31u);
    literal = (a & 0x1ffu) + (bits >> (b_bits + c_bits));
    match_ = (b & 0x1ffu) + low(bits >> c_bits, b_bits);
    offset = (c & 0x1ffu) + low(bits, c_bits);
  }
  *s = States(at, literal, match_, offset);
  cursors[batch & 1u] = at;
}

// The values of one sequence: its extra bits lie behind one another, those of the offset last.
fn read_values(at: u32, word: u32) {
  let s = list[at];
  let extra = s.yzw >> vec3<u32>(26u);
  let symbol = (s.yzw >> vec3<u32>(9u)) & vec3<u32>(63u);
  let literal = (codes[symbol.x] & 0xffffffu) + low(bits_at(word, s.x), extra.x);
  let match_ = (codes[${ZSTD_CODES}u + symbol.y] & 0xffffffu) + low(bits_at(word, s.x + extra.x), extra.y);
  let offset = (1u << symbol.z) + low(bits_at(word, s.x + extra.x + extra.y), extra.z);
  list[at] = vec4<u32>(literal, match_, offset, 0u);
}

// Where in the content and among the literals the next sequence starts, and the offsets of the last three.
struct Place { at: u32, literal: u32, last: vec3<u32> }

// One invocation gives the sequences of a batch their places; behind the last sequence of the block come the literals that are left.
// A corrupt sequence becomes an empty one.
fn place_batch(batch: u32, b: Block, p: ptr<function, Place>) {
  let slot = batch % SLOTS;
  let first = batch * BATCH;
  var at = (*p).at;
  var literal = (*p).literal;
  var last = (*p).last;
  let start = at;
  var corrupt = false;
  for (var k = 0u; k < BATCH; k++) {
    var v = vec4<u32>(0u);
    if (first + k < b.sequences) { v = list[slot * BATCH + k]; }
    else if (first + k == b.sequences) { v.x = b.literals - literal; }
    var offset = v.z - 3u;
    if (v.z > 3u) {
      last = vec3<u32>(offset, last.xy);
    } else if (v.z > 0u) {
      let which = v.z - u32(v.x != 0u);
      offset = select(select(last.x, last.y, which == 1u), select(last.z, last.x - 1u, which == 3u), which > 1u);
      if (which > 1u) { last = vec3<u32>(offset, last.xy); }
      else if (which == 1u) { last = vec3<u32>(offset, last.xz); }
    }
    if (v.x > b.literals - literal || v.x + v.y > b.limit - at || (v.y > 0u && offset - 1u >= at + v.x - b.start)) {
      corrupt = true;
      v = vec4<u32>(0u);
    }
    let from_ = at + v.x;
    let end = from_ + v.y;
    list[slot * BATCH + k] = vec4<u32>(end, from_, b.literal + literal - at, offset);
    literal += v.x;
    at = end;
  }
  spans[slot] = vec2<u32>(start, at);
  *p = Place(at, literal, last);
  if (corrupt) { fail(); }
}
`;
