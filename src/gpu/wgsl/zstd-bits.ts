/** WGSL: bits and bytes of the compressed frames. Reads outside of the frame give any value, so what is read is checked, never where. */

/*
 * A stream is read from its end to its start. Its positions are bits from the word `word` of the source on; `floor` is its first bit and
 * `at` the bit behind the next one to read, both as i32: a corrupt stream goes below its floor.
 */
export const ZSTD_BITS = /* wgsl */ `
fn byte_at(i: u32) -> u32 { return (source[i >> 2u] >> ((i & 3u) * 8u)) & 0xffu; }
// 32 bits from bit "bit" of the words from "word" on.
fn bits_at(word: u32, bit: u32) -> u32 {
  let at = word + (bit >> 5u);
  let shift = bit & 31u;
  return (source[at] >> shift) | ((source[at + 1u] << 1u) << (31u - shift));
}
fn bytes_at(i: u32) -> u32 { return bits_at(i >> 2u, (i & 3u) * 8u); }
// The lowest n bits, n < 32.
fn low(value: u32, n: u32) -> u32 { return value & ((1u << n) - 1u); }
fn highest_bit(value: u32) -> u32 { return 31u - countLeadingZeros(value); }

struct Stream { word: u32, floor: i32, at: i32 }
// The highest bit that is set ends a stream; "at" is below "floor" where there is none.
fn open_stream(first: u32, bytes: u32) -> Stream {
  let floor = i32((first & 3u) * 8u);
  let last = byte_at(first + bytes - 1u);
  if (bytes == 0u || last == 0u) { return Stream(first >> 2u, floor, floor - 1); }
  return Stream(first >> 2u, floor, floor + i32((bytes - 1u) * 8u + highest_bit(last)));
}
`;
