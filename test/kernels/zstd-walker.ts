/** Which kinds of blocks, literals and sequence tables a zstd frame has: enough of its format to pass over the rest. */

/** Occurrences by kind: `block: raw`, `literals: RLE`, `offsets: repeat`. */
export type Kinds = Map<string, number>;

const BLOCKS = ["raw", "RLE", "compressed", "reserved"] as const;
const LITERALS = ["raw", "RLE", "compressed", "treeless"] as const;
const MODES = ["predefined", "RLE", "FSE", "repeat"] as const;

/** Adds the kinds of a frame that is not corrupt and has no dictionary to `kinds`. */
export const countKinds = (frame: Uint8Array, kinds: Kinds): void => {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const count = (kind: string): Map<string, number> => kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const flags = view.getUint8(4);
  const single = (flags & 0x20) !== 0;
  const form = flags >> 6;
  let at = 5 + (single ? 0 : 1) + (form === 0 ? (single ? 1 : 0) : 2 ** form);
  for (let last = false; !last; ) {
    const head = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    last = (head & 1) === 1;
    const kind = (head >> 1) & 3;
    count(`block: ${BLOCKS[kind]}`);
    at += 3;
    if (kind === 2) countBlock(view, at, count);
    at += kind === 1 ? 1 : head >> 3;
  }
};

const countBlock = (view: DataView, first: number, count: (kind: string) => void): void => {
  const byte = (at: number): number => view.getUint8(at);
  const bits = (at: number, from: number, size: number): number => {
    let value = 0n;
    for (let k = 4; k >= 0; k--) value = (value << 8n) | BigInt(byte(at + k));
    return Number((value >> BigInt(from)) & ((1n << BigInt(size)) - 1n));
  };
  const kind = byte(first) & 3;
  const form = (byte(first) >> 2) & 3;
  let at = first;
  if (kind < 2) {
    count(`literals: ${LITERALS[kind]}`);
    const head = form === 1 ? 2 : form === 3 ? 3 : 1;
    const size = head === 1 ? byte(at) >> 3 : bits(at, 4, head * 8 - 4);
    at += head + (kind === 1 ? 1 : size);
  } else {
    count(`literals: ${LITERALS[kind]} in ${form === 0 ? 1 : 4}`);
    const size = [10, 10, 14, 18][form] ?? 10;
    const head = [3, 3, 4, 5][form] ?? 3;
    if (kind === 2) count(`weights: ${byte(at + head) < 128 ? "FSE" : "direct"}`);
    at += head + bits(at, 4 + size, size);
  }
  const sequences = byte(at);
  if (sequences === 0) {
    count("no sequences");
    return;
  }
  const modes = byte(at + (sequences < 128 ? 1 : sequences < 255 ? 2 : 3));
  ["literal lengths", "offsets", "match lengths"].forEach((table, k) => {
    count(`${table}: ${MODES[(modes >> (6 - 2 * k)) & 3]}`);
  });
};
