/** Device memory: reference-counted buffers from a pool, accounted against a hard limit. */

import { InternalError, OutOfDeviceMemoryError } from "../errors.ts";
import type { Fault } from "./fault.ts";

/** A block of device memory, 4-byte words. Born with one reference; the last `release` gives it back to the pool. */
export interface DeviceBuffer {
  /** Usable words, a multiple of 4; the underlying GPUBuffer may be larger. */
  readonly words: number;
  /** Bytes of device memory that it takes, with their rounding. */
  readonly bytes: number;
  retain(): this;
  release(): void;
}

const STORAGE = 0x80;
const COPY_DST = 0x8;
const COPY_SRC = 0x4;
const SMALLEST = 256;
/** Unused bytes that the pool may always keep, however little is in use. */
const KEPT = 1 << 30;
/** Unused bytes that it may keep for each that was in use at most: steps of a query that follow one another want buffers of other sizes. */
const KEPT_OF_PEAK = 2;
/** Unused buffers that the pool keeps: a software adapter maps memory for each, and a process has a limited number of maps. */
const KEPT_BUFFERS = 1024;

/** Sizes are rounded up to 8 steps in an octave: at most an eighth is wasted, and buffers of similar sizes serve each other. */
export const sizeClass = (bytes: number): number => {
  if (bytes <= SMALLEST) return SMALLEST;
  const eighth = bytes < 2 ** 31 ? 1 << (28 - Math.clz32(bytes)) : 2 ** (Math.floor(Math.log2(bytes)) - 3);
  const step = Math.max(SMALLEST, eighth);
  return Math.ceil(bytes / step) * step;
};

/** A GPUBuffer of the pool. */
export interface Block {
  readonly gpu: GPUBuffer;
  readonly bytes: number;
  /** Differs between all blocks of a pool, past ones too. */
  readonly id: number;
  /** Number of its last return to the pool. */
  returned: number;
  /** There is no memory behind it: it is not to be used again. */
  invalid: boolean;
}

/** A window of a block, in bytes. */
export interface Window {
  readonly block: Block;
  readonly offset: number;
  readonly size: number;
}

/** The one implementation of `DeviceBuffer`: a handle on the first `words` words of a block. */
export class PooledBuffer implements DeviceBuffer {
  readonly words: number;
  readonly label: string;
  readonly #block: Block;
  readonly #giveBack: (block: Block) => void;
  #references = 1;
  #window: Window | null = null;

  constructor(block: Block, words: number, label: string, giveBack: (block: Block) => void) {
    this.#block = block;
    this.words = words;
    this.label = label;
    this.#giveBack = giveBack;
  }

  /** @throws InternalError after the last release. */
  get block(): Block {
    if (this.#references === 0) throw new InternalError(`buffer "${this.label}" is used after its release`);
    return this.#block;
  }

  /** All words. @throws InternalError after the last release. */
  get window(): Window {
    const { block } = this;
    this.#window ??= { block, offset: 0, size: this.words * 4 };
    return this.#window;
  }

  get bytes(): number {
    return this.#block.bytes;
  }

  retain(): this {
    if (this.#references === 0) throw new InternalError(`buffer "${this.label}" is retained after its release`);
    this.#references += 1;
    return this;
  }

  /** Another handle on the same words, with references of its own; the last one lets go of a reference to this one. */
  borrow(): PooledBuffer {
    this.retain();
    return new PooledBuffer(this.block, this.words, this.label, () => this.release());
  }

  /** Gives the block back whatever references are left; nothing for a buffer that was released. */
  abandon(): void {
    if (this.#references === 0) return;
    this.#references = 0;
    this.#giveBack(this.#block);
  }

  release(): void {
    if (this.#references === 0) throw new InternalError(`buffer "${this.label}" is released twice`);
    this.#references -= 1;
    if (this.#references === 0) this.#giveBack(this.#block);
  }
}

export interface PoolStats {
  /** Bytes in buffers that are in use, with their rounding. */
  readonly allocatedBytes: number;
  /** Bytes in buffers that wait to be used again. */
  readonly pooledBytes: number;
  /** Highest `allocatedBytes` so far. */
  readonly peakBytes: number;
}

export class BufferPool {
  readonly #device: GPUDevice;
  readonly #fault: Fault;
  readonly #bufferBytes: number;
  readonly #memoryLimit: number;
  /** Destroys a block once the commands recorded so far are submitted. */
  readonly #retire: (block: Block) => void;
  readonly #blocks = new Set<Block>();
  /** The unused ones by size, in the order of their return. */
  readonly #bySize = new Map<number, Block[]>();
  #unused = 0;
  #returns = 0;
  #allocated = 0;
  #made = 0;
  #pooled = 0;
  #peak = 0;

  constructor(device: GPUDevice, fault: Fault, bufferBytes: number, memoryLimit: number, retire: (block: Block) => void) {
    this.#device = device;
    this.#fault = fault;
    this.#bufferBytes = bufferBytes;
    this.#memoryLimit = memoryLimit;
    this.#retire = retire;
  }

  get stats(): PoolStats {
    return { allocatedBytes: this.#allocated, pooledBytes: this.#pooled, peakBytes: this.#peak };
  }

  /** Words are rounded up to a multiple of 4, at least 4; contents unspecified. @throws OutOfDeviceMemoryError over the memory limit or the largest buffer. */
  alloc(words: number, label: string): PooledBuffer {
    if (!Number.isInteger(words) || words < 0) throw new InternalError(`buffer "${label}" of ${words} words`);
    const usable = Math.max(4, Math.ceil(words / 4) * 4);
    if (usable * 4 > this.#bufferBytes)
      throw new OutOfDeviceMemoryError(`buffer "${label}" of ${usable * 4} bytes: the device's largest buffer has ${this.#bufferBytes}`);
    const size = Math.min(sizeClass(usable * 4), this.#bufferBytes);
    const block = this.#takeUnused(size) ?? this.#make(size, label);
    this.#allocated += block.bytes;
    this.#peak = Math.max(this.#peak, this.#allocated);
    return new PooledBuffer(block, usable, label, this.#giveBack);
  }

  /** Lets go of unused buffers, oldest first, until at most `bytes` of them are left, and no more than a thousand buffers. */
  trim(bytes: number): void {
    while (this.#pooled > bytes || this.#unused > KEPT_BUFFERS) {
      const same = this.#oldest();
      const block = same?.shift();
      if (block === undefined) return;
      this.#unused -= 1;
      this.#pooled -= block.bytes;
      this.#drop(block);
    }
  }

  destroy(): void {
    for (const { gpu } of this.#blocks) gpu.destroy();
    this.#blocks.clear();
    this.#bySize.clear();
    this.#unused = 0;
    this.#allocated = 0;
    this.#pooled = 0;
  }

  readonly #giveBack = (block: Block): void => {
    if (!this.#blocks.has(block)) return;
    this.#allocated -= block.bytes;
    if (block.invalid) {
      this.#drop(block);
      return;
    }
    this.#returns += 1;
    block.returned = this.#returns;
    this.#pooled += block.bytes;
    this.#unused += 1;
    const same = this.#bySize.get(block.bytes);
    if (same === undefined) this.#bySize.set(block.bytes, [block]);
    else same.push(block);
    this.trim(Math.max(KEPT, KEPT_OF_PEAK * this.#peak));
  };

  #drop(block: Block): void {
    this.#blocks.delete(block);
    this.#retire(block);
  }

  /** The unused buffers of the size that the one unused for longest has. */
  #oldest(): Block[] | undefined {
    let oldest: Block[] | undefined;
    for (const same of this.#bySize.values()) {
      const [first] = same;
      if (first !== undefined && first.returned < (oldest?.[0]?.returned ?? Number.POSITIVE_INFINITY)) oldest = same;
    }
    return oldest;
  }

  /**
   * The first made of the unused buffers of this size, else of one step larger, so that the same allocations get the same buffers each time and
   * find the bind groups that were made for them. Where another one would have to go for a new one, one of up to twice the size: making buffers
   * takes longer than what most of them are for.
   */
  #takeUnused(size: number): Block | undefined {
    const isFull = this.#allocated + this.#pooled + size > this.#memoryLimit;
    const block = this.#takeFirst(size) ?? this.#takeLarger(size, isFull ? 2 * size : sizeClass(size + 1));
    if (block === undefined) return undefined;
    this.#unused -= 1;
    this.#pooled -= block.bytes;
    return block;
  }

  #takeFirst(size: number): Block | undefined {
    const same = this.#bySize.get(size);
    if (same === undefined || same.length === 0) return undefined;
    let at = 0;
    let least = Number.POSITIVE_INFINITY;
    for (let i = 0; i < same.length; i++) {
      const id = same[i]?.id ?? 0;
      if (id < least) {
        least = id;
        at = i;
      }
    }
    const first = same[at];
    same.splice(at, 1);
    return first;
  }

  /** Of the smallest size above `size`, up to `most` bytes, that there is one of. */
  #takeLarger(size: number, most: number): Block | undefined {
    const largest = Math.min(most, this.#memoryLimit - this.#allocated);
    for (let larger = sizeClass(size + 1); larger <= largest; larger = sizeClass(larger + 1)) {
      const block = this.#takeFirst(larger);
      if (block !== undefined) return block;
    }
    return undefined;
  }

  #make(size: number, label: string): Block {
    if (this.#allocated + size > this.#memoryLimit)
      throw new OutOfDeviceMemoryError(
        `buffer "${label}" of ${size} bytes: ${this.#allocated} of the ${this.#memoryLimit} bytes of the memory limit are in use`,
      );
    this.trim(Math.max(0, this.#memoryLimit - this.#allocated - size));
    const descriptor = { label, size, usage: STORAGE | COPY_DST | COPY_SRC };
    const gpu = this.#fault.allocate(this.#device, descriptor, () => {
      block.invalid = true;
    });
    this.#made += 1;
    const block: Block = { gpu, bytes: size, id: this.#made, returned: 0, invalid: false };
    this.#blocks.add(block);
    return block;
  }
}
