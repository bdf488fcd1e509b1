/** WGSL: the bit streams of zstd frames. */

/*
 * A stream is read from its end to its start. Its positions are bits from the word `word` of the source on; `floor` is its first bit and
 * `at` the bit behind the next one to read, both as i32: a corrupt stream goes below its floor.
 */
export const ZSTD_BITS = /* wgsl */ `
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
