/** WGSL: bytes and bits of `source`, compressed data. Reads beyond its end give any value, so what is read is checked, never where. */

export const SOURCE_BYTES = /* wgsl */ `
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
`;
