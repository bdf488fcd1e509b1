/** WGSL: the sequences of a block, from their positions in the stream to places in the content, a batch at a time. */

import { TABLES, ZSTD_CODES } from "./zstd-tables.ts";

/** Sequences of a batch: half of the invocations have one each. */
export const BATCH = 32;
/** Steps of a batch, one in each round: a batch in each of them is in workgroup memory. */
export const STEPS = 5;
/** Sequences whose effects are found one after another; then the groups are put together. */
const GROUP = 8;

/*
 * Batch n of a block lies in slot n % STEPS of `list`, an element for each sequence:
 *
 *     after read_values   literal length, match length, offset value, 0: all 0 behind the last sequence
 *     after place_batch   end of the match; its start; first literal's byte minus its place; offset
 *     after shorten       a larger offset, where the match lies within other matches of the batch
 *
 * `sums`, in turns for batches: four planes with literals, bytes of content, first and second of the last three offsets after each sequence, as
 * seen from the start of its group; `thirds`: the third of the last three offsets after each group. An offset is less than 2^29; one that is
 * known only as one of the three before the group, less a number, is UNKNOWN + which << 30, less the number. `jumps`, in turns: the offsets
 * of a batch while they grow.
 */
export const ZSTD_SEQUENCES = /* wgsl */ `
const BATCH = ${BATCH}u;
const STEPS = ${STEPS}u;
const UNKNOWN = 0x20000000u;
// Where the next sequence starts in the content and among the literals, and the offsets of the last three.
struct Place { at: u32, literal: u32, last: vec3<u32> }
var<workgroup> list: array<vec4<u32>, ${STEPS * BATCH}>;
var<workgroup> spans: array<vec2<u32>, ${STEPS}>;
var<workgroup> sums: array<u32, ${2 * 4 * BATCH}>;
var<workgroup> thirds: array<u32, ${(2 * BATCH) / GROUP}>;
var<workgroup> jumps: array<atomic<u32>, ${2 * BATCH}>;
// First value | extra bits << 24 of the codes of literal lengths, then of match lengths.
var<workgroup> codes: array<u32, ${2 * ZSTD_CODES}>;
// Before a batch, in turns.
var<workgroup> places: array<Place, 2>;

fn slot_of(batch: u32) -> u32 { return batch % STEPS; }

// The values of sequence k of a batch: its extra bits lie behind one another, those of the offset last.
fn read_values(b: Block, batch: u32, k: u32) {
  let at = slot_of(batch) * BATCH + k;
  let number = batch * BATCH + k;
  if (number >= b.sequences) {
    list[at] = vec4<u32>(0u);
    return;
  }
  let s = sequences[b.first_sequence + number];
  let symbol = (vec3<u32>(s.y) >> vec3<u32>(0u, 6u, 12u)) & vec3<u32>(63u);
  let literal = codes[symbol.x];
  let match_ = codes[${ZSTD_CODES * TABLES.matchLengths}u + symbol.y];
  let behind = s.x + (literal >> 24u);
  list[at] = vec4<u32>(
    (literal & 0xffffffu) + low(bits_at(0u, s.x), literal >> 24u),
    (match_ & 0xffffffu) + low(bits_at(0u, behind), match_ >> 24u),
    (1u << (symbol.z & 31u)) + low(bits_at(0u, behind + (match_ >> 24u)), symbol.z & 31u),
    0u,
  );
}

// The last three offsets after a sequence with this offset value, whose own offset is then the first of them.
fn next_offsets(last: vec3<u32>, value: u32, literals: u32) -> vec3<u32> {
  if (value > 3u) { return vec3<u32>(min(value - 3u, UNKNOWN - 1u), last.xy); }
  let which = value - u32(literals != 0u);
  if (which == 0u) { return last; }
  if (which == 1u) { return last.yxz; }
  return vec3<u32>(select(last.z, last.x - 1u, which == 3u), last.xy);
}

// What sequence k of a batch and those before it in its group come to.
fn sum_group(batch: u32, k: u32) {
  let from_ = slot_of(batch) * BATCH;
  var sum = vec2<u32>(0u);
  var last = vec3<u32>(UNKNOWN + (1u << 30u), UNKNOWN + (2u << 30u), UNKNOWN + (3u << 30u));
  for (var j = k & ${BATCH - GROUP}u; j <= k; j++) {
    let v = list[from_ + j];
    sum += vec2<u32>(v.x, v.x + v.y);
    if (v.z > 0u) { last = next_offsets(last, v.z, v.x); }
  }
  let turn = batch & 1u;
  let to = turn * 4u * BATCH + k;
  sums[to] = sum.x;
  sums[to + BATCH] = sum.y;
  sums[to + 2u * BATCH] = last.x;
  sums[to + 3u * BATCH] = last.y;
  if ((k & ${GROUP - 1}u) == ${GROUP - 1}u) { thirds[(turn * BATCH + k) / ${GROUP}u] = last.z; }
}

fn known(offset: u32, last: vec3<u32>) -> u32 {
  let which = offset >> 30u;
  if (which == 0u) { return offset; }
  return select(select(last.x, last.y, which == 2u), last.z, which == 3u) + (offset & 0x3fffffffu) - UNKNOWN;
}

// The place of sequence k of a batch; behind the last sequence of the block come the literals that are left.
fn place_batch(b: Block, batch: u32, k: u32) {
  let turn = batch & 1u;
  let from_ = turn * 4u * BATCH;
  let before = places[turn];
  var p = before;
  for (var j = ${GROUP - 1}u; j < k; j += ${GROUP}u) {
    let last = vec3<u32>(sums[from_ + 2u * BATCH + j], sums[from_ + 3u * BATCH + j], thirds[(turn * BATCH + j) / ${GROUP}u]);
    p = Place(
      p.at + sums[from_ + BATCH + j],
      p.literal + sums[from_ + j],
      vec3<u32>(known(last.x, p.last), known(last.y, p.last), known(last.z, p.last)),
    );
  }
  var sum = vec2<u32>(0u);
  if ((k & ${GROUP - 1}u) > 0u) { sum = vec2<u32>(sums[from_ + k - 1u], sums[from_ + BATCH + k - 1u]); }
  let literal = p.literal + sum.x;
  let start = p.at + sum.y;
  var literals = sums[from_ + k] - sum.x;
  var bytes = sums[from_ + BATCH + k] - sum.y;
  if (batch * BATCH + k >= b.sequences) {
    literals = b.literals - min(b.literals, literal);
    bytes = literals;
  }
  let offset = known(sums[from_ + 2u * BATCH + k], p.last);
  var match_ = min(start + literals, b.limit);
  let end = min(start + bytes, b.limit);
  if (literal + literals > b.literals || start + bytes > b.limit || (bytes > literals && offset - 1u >= match_ - b.origin)) {
    // All of it counts as literals: whatever they are, no byte is its own source.
    match_ = end;
    fail();
  }
  let slot = slot_of(batch);
  list[slot * BATCH + k] = vec4<u32>(end, match_, b.literal + literal - start, offset);
  atomicStore(&jumps[turn * BATCH + k], offset);
  if (k == ${BATCH - 1}u) {
    spans[slot] = vec2<u32>(before.at, end);
    let last = vec3<u32>(sums[from_ + 2u * BATCH + k], sums[from_ + 3u * BATCH + k], thirds[(turn * BATCH + k) / ${GROUP}u]);
    places[1u - turn] = Place(end, literal + literals, vec3<u32>(known(last.x, p.last), known(last.y, p.last), known(last.z, p.last)));
  }
}

// The sequence of a batch from word "first" of the list on whose content byte q is in.
fn sequence_at(first: u32, q: u32) -> u32 {
  var i = first;
${Array.from({ length: Math.log2(BATCH) }, (_, k) => BATCH >> (k + 1))
  .map((step) => `  i += select(0u, ${step}u, list[i + ${step - 1}u].x <= q);`)
  .join("\n")}
  return i;
}

// A match whose source lies within another match of the batch has the source of that one as well. All sequences do this beside one another, so
// that chains of any length take a few steps: whatever offset another one has at the moment is a right one.
fn shorten(batch: u32, k: u32) {
  let first = slot_of(batch) * BATCH;
  let start = spans[slot_of(batch)].x;
  let end = list[first + k].x;
  let match_ = list[first + k].y;
  let turn = (batch & 1u) * BATCH;
  var offset = list[first + k].w;
  for (var step = 0u; step < BATCH; step++) {
    let from_ = match_ - offset;
    if (match_ == end || from_ < start || offset < end - match_) { break; }
    let other = sequence_at(first, from_);
    if (from_ < list[other].y || from_ + end - match_ > list[other].x) { break; }
    offset += atomicLoad(&jumps[turn + other - first]);
    atomicStore(&jumps[turn + k], offset);
  }
  list[first + k].w = offset;
}
`;
