/** Parquet's hybrid of run lengths and packed bits: what definition levels and dictionary indices are written in. */

/** Decodes `count` numbers of `width` bits, 0 to 32, from byte `at` to `end` of `bytes`. @throws RangeError where there are fewer. */
export function decodeHybrid(bytes: Uint8Array, at: number, end: number, width: number, count: number): Uint32Array {
  const out = new Uint32Array(count);
  if (width === 0) return out;
  const runBytes = Math.ceil(width / 8);
  let from = at;
  let done = 0;
  while (done < count) {
    if (from >= end) throw new RangeError("a page has too few values");
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[from++] ?? 0;
      header |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    header >>>= 0;
    if ((header & 1) === 0) {
      const length = Math.min(header >>> 1, count - done);
      let value = 0;
      for (let i = 0; i < runBytes; i++) value |= (bytes[from + i] ?? 0) << (8 * i);
      from += runBytes;
      out.fill(value >>> 0, done, done + length);
      done += length;
    } else {
      const groups = header >>> 1;
      const length = Math.min(8 * groups, count - done);
      if (from + Math.ceil((length * width) / 8) > end) throw new RangeError("a page has too few values");
      unpack(bytes, from, width, out, done, length);
      from += groups * width;
      done += length;
    }
  }
  return out;
}

function unpack(bytes: Uint8Array, from: number, width: number, out: Uint32Array, start: number, length: number): void {
  const mask = width === 32 ? 0xffff_ffff : (1 << width) - 1;
  let bit = 8 * from;
  for (let i = start; i < start + length; i++, bit += width) {
    const byte = Math.floor(bit / 8);
    const shift = bit % 8;
    let word =
      ((bytes[byte] ?? 0) | ((bytes[byte + 1] ?? 0) << 8) | ((bytes[byte + 2] ?? 0) << 16) | ((bytes[byte + 3] ?? 0) << 24)) >>> shift;
    if (shift + width > 32) word |= (bytes[byte + 4] ?? 0) << (32 - shift);
    out[i] = (word & mask) >>> 0;
  }
}
