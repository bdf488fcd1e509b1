/** Headers of zstd frames (RFC 8878, 3.1.1), read on the host: where the blocks of a frame, their literals and their sequences stand. */

const MAGIC = 0xfd2fb528;
/** Most bytes that a block becomes. */
const MOST_CONTENT = 1 << 17;
/** A sequence copies so many bytes at least. */
const LEAST_MATCH = 3;
/** Bits of the source are counted in 32 bits. */
export const MOST_SOURCE = 1 << 29;

/** How the literals of a block are stored: as they are, one byte for all, or where the literals kernel puts them. */
export const LITERALS = { raw: 0, repeated: 1, decoded: 2 } as const;

/** Words of an entry of each list. */
export const FRAME_WORDS = 5;
export const BLOCK_WORDS = 5;
export const LITERALS_WORDS = 8;
export const SEQUENCES_WORDS = 8;

const corrupt = (): never => {
  throw new RangeError("a zstd frame is corrupt, or of a kind that is not known");
};

/** Little-endian bytes; what lies behind the end is corrupt. */
class Bytes {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  at(at: number, count = 1): number {
    let value = 0;
    for (let k = count - 1; k >= 0; k--) value = value * 256 + (this.#bytes[at + k] ?? corrupt());
    return value;
  }
}

/** Where a description stands that a later block may use again. */
interface Described {
  readonly at: number;
  readonly modes: number;
}

/** A Huffman code: its description from byte `at` to `end`; `isPlain`: four bits a symbol. */
interface Code {
  readonly at: number;
  readonly end: number;
  readonly isPlain: boolean;
}

/** What a block may take over from those before it in its frame. */
interface Earlier {
  code: Code | null;
  literalLengths: Described | null;
  offsets: Described | null;
  matchLengths: Described | null;
}

/** What the kernels are told of frames, as words; see `ZstdFrames`. */
export interface ZstdLists {
  readonly frames: Uint32Array;
  readonly blocks: Uint32Array;
  readonly literals: Uint32Array;
  readonly sequences: Uint32Array;
  readonly literalBytes: number;
  readonly sequenceCount: number;
}

/** Where each of the four kinds of work finds its input, as lists of words for the device. Bytes are those of the source. */
export class ZstdFrames {
  /** First block, blocks, first byte of the content, the byte behind it, most bytes of a block. */
  readonly frames: number[] = [];
  /** Kind of the literals, their first byte or the word of equal ones, how many, sequences, the first of these in their list. */
  readonly blocks: number[] = [];
  /** Of blocks with coded literals: description of the code and its end, streams | 256 if the description is plain, their first byte and end, literals, where they go, 0. */
  readonly literals: number[] = [];
  /** Of blocks with sequences: how many, the first one in the list, description and end; modes of this block and of those that describe its tables; the three descriptions. */
  readonly sequences: number[] = [];
  /** Bytes of all coded literals, those of each block from a multiple of 4 on. */
  literalBytes = 0;
  sequenceCount = 0;

  get count(): number {
    return this.frames.length / FRAME_WORDS;
  }

  /**
   * Adds a frame. `at`: its first byte in the source. `target`: where its content of `size` bytes starts, a multiple of 4; contents have no word in
   * common. A checksum is passed over. @throws RangeError for what is no single frame of this size, or asks for a dictionary.
   */
  add(frame: Uint8Array, at: number, target: number, size: number): void {
    const bytes = new Bytes(frame);
    if (bytes.at(0, 4) !== MAGIC) corrupt();
    const flags = bytes.at(4);
    if ((flags & 8) !== 0) corrupt();
    const { most, first } = this.#frameHeader(bytes, flags, size);
    const earlier: Earlier = { code: null, literalLengths: null, offsets: null, matchLengths: null };
    const firstBlock = this.blocks.length / BLOCK_WORDS;
    let left = size;
    let from = first;
    for (let isLast = false; !isLast; ) {
      const head = bytes.at(from, 3);
      const length = head >> 3;
      const kind = (head >> 1) & 3;
      from += 3;
      isLast = (head & 1) === 1;
      const behind = from + (kind === 1 ? 1 : length);
      if (kind === 3 || length > most || behind > bytes.length) corrupt();
      if (kind === 2) left -= this.#block(bytes, at, from, behind, Math.min(most, left), earlier);
      else {
        if (length > left) corrupt();
        left -= length;
        this.blocks.push(kind, kind === 1 ? repeatedWord(bytes.at(from)) : at + from, length, 0, 0);
      }
      from = behind;
    }
    if (from + ((flags & 4) !== 0 ? 4 : 0) !== bytes.length) corrupt();
    this.frames.push(firstBlock, this.blocks.length / BLOCK_WORDS - firstBlock, target, target + size, most);
  }

  /** Bytes of the largest buffer that decompression takes besides the content: coded literals, sequences, or a list. */
  get mostBytes(): number {
    const { frames, blocks, literals, sequences, literalBytes, sequenceCount } = this;
    const words = Math.max(frames.length, blocks.length, literals.length, sequences.length, 2 * sequenceCount, literalBytes / 4 + 2);
    return 4 * (words + 4);
  }

  get lists(): ZstdLists {
    return {
      frames: Uint32Array.from(this.frames),
      blocks: Uint32Array.from(this.blocks),
      literals: Uint32Array.from(this.literals),
      sequences: Uint32Array.from(this.sequences),
      literalBytes: this.literalBytes,
      sequenceCount: this.sequenceCount,
    };
  }

  /** Adds frames that were read elsewhere, where the source began `at` bytes later and contents `target` bytes, a multiple of 4. */
  include(lists: ZstdLists, at: number, target: number): void {
    const firstBlock = this.blocks.length / BLOCK_WORDS;
    const { literalBytes, sequenceCount } = this;
    const literalOf = (kind: number): number => (kind === LITERALS.raw ? at : kind === LITERALS.decoded ? literalBytes : 0);
    pushMoved(this.frames, lists.frames, FRAME_WORDS, () => [firstBlock, 0, target, target, 0]);
    pushMoved(this.blocks, lists.blocks, BLOCK_WORDS, (kind) => [0, literalOf(kind), 0, 0, sequenceCount]);
    pushMoved(this.literals, lists.literals, LITERALS_WORDS, () => [at, at, 0, at, at, 0, literalBytes, 0]);
    pushMoved(this.sequences, lists.sequences, SEQUENCES_WORDS, () => [0, sequenceCount, at, at, 0, at, at, at]);
    this.literalBytes += lists.literalBytes;
    this.sequenceCount += lists.sequenceCount;
  }

  #frameHeader(bytes: Bytes, flags: number, size: number): { readonly most: number; readonly first: number } {
    const isSingle = (flags & 0x20) !== 0;
    let at = 5;
    let most = MOST_CONTENT;
    if (!isSingle) {
      const window = bytes.at(at++);
      const base = 2 ** (10 + (window >> 3));
      most = Math.min(most, base + (base / 8) * (window & 7));
    }
    const dictionaryBytes = [0, 1, 2, 4][flags & 3] ?? 0;
    if (bytes.at(at, dictionaryBytes) !== 0) corrupt();
    at += dictionaryBytes;
    const form = flags >> 6;
    if (form !== 0 || isSingle) {
      const own = bytes.at(at, 2 ** form) + (form === 1 ? 256 : 0);
      if (own !== size) corrupt();
      at += 2 ** form;
      if (isSingle) most = Math.min(most, size);
    }
    return { most, first: at };
  }

  /** A compressed block; how many bytes it becomes at least. */
  #block(bytes: Bytes, at: number, first: number, end: number, most: number, earlier: Earlier): number {
    const { kind, literal, count, behind } = this.#literals(bytes, at, first, end, most, earlier);
    let from = behind;
    if (from >= end) corrupt();
    let sequences = bytes.at(from++);
    if (sequences === 255) {
      sequences = bytes.at(from, 2) + 0x7f00;
      from += 2;
    } else if (sequences > 127) sequences = (sequences - 128) * 256 + bytes.at(from++);
    const least = count + LEAST_MATCH * sequences;
    if (least > most) corrupt();
    if (sequences === 0) {
      if (from !== end) corrupt();
    } else this.#sequences(sequences, bytes.at(from), at + from + 1, at + end, earlier);
    this.blocks.push(kind, literal, count, sequences, this.sequenceCount - sequences);
    return least;
  }

  #literals(bytes: Bytes, at: number, first: number, end: number, most: number, earlier: Earlier): LiteralsOfBlock {
    const head = bytes.at(first);
    const form = head & 3;
    const sizeForm = (head >> 2) & 3;
    if (form < 2) {
      const headBytes = (sizeForm & 1) === 0 ? 1 : (sizeForm + 3) / 2;
      const count = headBytes === 1 ? head >> 3 : bytes.at(first, headBytes) >> 4;
      const from = first + headBytes;
      const behind = from + (form === 1 ? 1 : count);
      if (behind > end || count > most) corrupt();
      return { kind: form, literal: form === 1 ? repeatedWord(bytes.at(from)) : at + from, count, behind };
    }
    const bits = sizeForm === 0 ? 10 : 6 + 4 * sizeForm;
    const headBytes = [3, 3, 4, 5][sizeForm] ?? 0;
    const sizes = Math.floor(bytes.at(first, headBytes) / 16);
    const count = sizes % 2 ** bits;
    const streams = sizeForm === 0 ? 1 : 4;
    let from = first + headBytes;
    const behind = from + Math.floor(sizes / 2 ** bits);
    if (behind > end || count > most || count === 0 || (streams === 4 && count < 6)) corrupt();
    if (form === 2) {
      const size = bytes.at(from++);
      const isPlain = size > 127;
      earlier.code = { at: at + from, end: at + from + (isPlain ? (size - 126) >> 1 : size), isPlain };
      from = earlier.code.end - at;
    }
    const { code } = earlier;
    if (code === null || from > behind) return corrupt();
    const literal = this.literalBytes;
    this.literalBytes += Math.ceil(count / 4) * 4;
    this.literals.push(code.at, code.end, streams + (code.isPlain ? 256 : 0), at + from, at + behind, count, literal, 0);
    return { kind: LITERALS.decoded, literal, count, behind };
  }

  #sequences(count: number, modes: number, at: number, end: number, earlier: Earlier): void {
    if ((modes & 3) !== 0 || at > end) corrupt();
    const own = { at, modes };
    const describing = (shift: number, before: Described | null): Described => (((modes >> shift) & 3) !== 3 ? own : (before ?? corrupt()));
    const literalLengths = describing(6, earlier.literalLengths);
    const offsets = describing(4, earlier.offsets);
    const matchLengths = describing(2, earlier.matchLengths);
    Object.assign(earlier, { literalLengths, offsets, matchLengths });
    const all = modes + literalLengths.modes * 2 ** 8 + offsets.modes * 2 ** 16 + matchLengths.modes * 2 ** 24;
    this.sequences.push(count, this.sequenceCount, at, end, all, literalLengths.at, offsets.at, matchLengths.at);
    this.sequenceCount += count;
  }
}

/** `by`: what is added to the words of an entry, by its first word. */
function pushMoved(to: number[], from: Uint32Array, words: number, by: (first: number) => readonly number[]): void {
  for (let entry = 0; entry < from.length; entry += words) {
    const moved = by(from[entry] ?? 0);
    for (let k = 0; k < words; k++) to.push((from[entry + k] ?? 0) + (moved[k] ?? 0));
  }
}

interface LiteralsOfBlock {
  readonly kind: number;
  readonly literal: number;
  readonly count: number;
  /** The byte behind them. */
  readonly behind: number;
}

const repeatedWord = (byte: number): number => byte * 0x01010101;
