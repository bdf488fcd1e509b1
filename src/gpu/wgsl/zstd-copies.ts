/** WGSL: literals and matches to content, where each batch of copies is known by its places. */

import { BATCH } from "./zstd-sequences.ts";

/*
 * The invocations share the words of the content that a batch writes. A byte's source is found by search among the copies of the batch;
 * one that the batch itself writes stands for its own source, and so on, until it is a literal or lies before the batch: every byte is
 * known without waiting for another. `list` and `spans` as the places of a batch (see `zstd-sequences.ts`).
 *
 * Literals are what `literal_word(kind, word)` gives, or, where the kind is REPEATED, four of them are the same word always.
 *
 * A word that the batch ends in is not stored: its bytes go to `carries`, for the next batch. No word is read while it is written.
 */
export const ZSTD_COPIES = /* wgsl */ `
// The bytes that a batch leaves of a word, for the next one.
var<workgroup> carries: array<u32, 2>;

// Where bytes of the content come from: how many, and whether they are literals, at which byte.
struct Piece { at: u32, bytes: u32, is_literal: bool }

fn find_piece(place: u32, most: u32, first: u32, start: u32) -> Piece {
  var q = place;
  var bytes = most;
  loop {
    let copy = list[sequence_at(first, q)];
    if (q < copy.y) { return Piece(q + copy.z, min(bytes, copy.y - q), true); }
    bytes = min(bytes, copy.x - q);
    // Behind the first "offset" bytes of a match its own are taken again.
    var k = q - copy.y;
    if (k >= copy.w) { k %= max(copy.w, 1u); }
    bytes = min(bytes, copy.w - k);
    q = copy.y - copy.w + k;
    if (q < start) { return Piece(q, min(bytes, start - q), false); }
  }
}

// Batch number n of a frame, in a slot of the list. "end": of the content of the frame, whose last word is stored however few bytes it has.
fn execute(b: Block, lane: u32, lanes: u32, slot: u32, n: u32, end: u32) {
  let start = spans[slot].x;
  let stop = spans[slot].y;
  let carry = carries[n & 1u];
  let behind = (stop + 3u) / 4u;
  for (var w = start / 4u + lane; w < behind; w += lanes) {
    var q = max(w * 4u, start);
    let to = min(w * 4u + 4u, stop);
    var word = select(0u, carry, w * 4u < start);
    while (q < to) {
      let piece = find_piece(q, to - q, slot * ${BATCH}u, start);
      var bits = b.literal;
      if (!piece.is_literal || b.kind != REPEATED) {
        let from_ = piece.at >> 2u;
        let shift = (piece.at & 3u) * 8u;
        let more = shift + piece.bytes * 8u > 32u;
        var high = 0u;
        if (piece.is_literal) {
          bits = literal_word(b.kind, from_);
          if (more) { high = literal_word(b.kind, from_ + 1u); }
        } else {
          bits = carry;
          if (from_ != start >> 2u) { bits = content[from_]; }
          if (more) {
            high = carry;
            if (from_ + 1u != start >> 2u) { high = content[from_ + 1u]; }
          }
        }
        bits = (bits >> shift) | ((high << 1u) << (31u - shift));
      }
      word |= (bits & (0xffffffffu >> (32u - piece.bytes * 8u))) << ((q & 3u) * 8u);
      q += piece.bytes;
    }
    if (to == w * 4u + 4u || to == end) { content[w] = word; }
    if (to != w * 4u + 4u) { carries[(n + 1u) & 1u] = word; }
  }
}
`;
