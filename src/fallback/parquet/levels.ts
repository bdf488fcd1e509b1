/** Parquet's hybrid of run lengths and packed bits: what definition levels and dictionary indices are written in. */

/** Reused between calls: pages are many, and memory that is new is slow. */
let packed = new Uint32Array(1 << 16);

/** Decodes `count` numbers of `width` bits, 0 to 32, from byte `at` of `bytes` on, into `out`. @throws RangeError where there are fewer. */
export function decodeHybrid(bytes: Uint8Array, at: number, width: number, count: number, out: Uint32Array): void {
  if (width === 0) {
    out.fill(0, 0, count);
    return;
  }
  for (let from = at, done = 0; done < count; ) {
    const run = runAt(bytes, from);
    const length = Math.min(run.length, count - done);
    from = run.from;
    if (run.isPacked) {
      unpack(bytes, from, width, out, done, length);
      from += (run.length / 8) * width;
    } else {
      out.fill(valueAt(bytes, from, width), done, done + length);
      from += Math.ceil(width / 8);
    }
    done += length;
  }
}

/** Whether the levels of so many values, of one bit each, are one run of ones: nothing is null. */
export function isOneRunOfOnes(bytes: Uint8Array, values: number): boolean {
  const { isPacked, length, from } = runAt(bytes, 0);
  return !isPacked && length >= values && bytes[from] === 1;
}

/** The run that starts at byte `at`: how many values it has, and where they start. */
function runAt(bytes: Uint8Array, at: number): { readonly isPacked: boolean; readonly length: number; readonly from: number } {
  let header = 0;
  let from = at;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[from++];
    if (byte === undefined || shift > 28) throw new RangeError("a page has too few values");
    header |= (byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  const length = header >>> 1;
  if (length === 0) throw new RangeError("a page has a run of no values");
  return (header & 1) === 1 ? { isPacked: true, length: 8 * length, from } : { isPacked: false, length, from };
}

function valueAt(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let i = 0; i < Math.ceil(width / 8); i++) value |= (bytes[at + i] ?? 0) << (8 * i);
  return value >>> 0;
}

function unpack(bytes: Uint8Array, from: number, width: number, out: Uint32Array, start: number, length: number): void {
  const size = Math.ceil((length * width) / 8);
  if (from + size > bytes.byteLength) throw new RangeError("a page has too few values");
  const words = Math.ceil(size / 4) + 1;
  if (packed.length < words) packed = new Uint32Array(2 * words);
  new Uint8Array(packed.buffer).set(bytes.subarray(from, from + size));
  const source = packed;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  const end = start + length;
  for (let i = start, bit = 0; i < end; i++, bit += width) {
    const word = bit >>> 5;
    const shift = bit & 31;
    let value = (source[word] ?? 0) >>> shift;
    if (shift + width > 32) value |= (source[word + 1] ?? 0) << (32 - shift);
    out[i] = value & mask;
  }
}
