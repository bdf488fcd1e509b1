/** Host memory that the GPU can reach: reused mapped buffers for uploads and for read-backs, because fresh ones are slow. */

import type { Fault } from "./fault.ts";

const MAP_READ = 0x1;
const MAP_WRITE = 0x2;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const WRITE_MODE = 0x2;

/** Writes up to `SHARED_WRITE` bytes are packed into shared chunks of `SHARED_CHUNK`; larger ones get chunks of their own. */
const SHARED_WRITE = 1 << 18;
const SHARED_CHUNK = 1 << 20;
/** Largest chunk that a write is cut into. */
const WHOLE_CHUNK = 1 << 24;
/** Upload memory that `claim` keeps within, and unused memory of either kind that is kept. */
const BUDGET = 1 << 29;

const powerOfTwo = (bytes: number, least: number): number => Math.max(least, 2 ** Math.ceil(Math.log2(bytes)));

/** A mapped upload buffer. */
export interface UploadChunk {
  readonly gpu: GPUBuffer;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Where a piece of data stands in upload memory. */
export interface StagedPiece {
  readonly gpu: GPUBuffer;
  readonly offset: number;
  /** A multiple of 4: padded with zeros. */
  readonly bytes: number;
}

/** Chunks go round: mapped and unused -> filled -> submitted (unmapped) -> mapped again when the GPU has read them. */
export class UploadRing {
  readonly #device: GPUDevice;
  readonly #fault: Fault;
  readonly #unused = new Map<number, UploadChunk[]>();
  readonly #all = new Set<GPUBuffer>();
  #filled: UploadChunk[] = [];
  #open: UploadChunk | null = null;
  #openUsed = 0;
  #total = 0;
  #waiting: (() => void)[] = [];

  constructor(device: GPUDevice, fault: Fault) {
    this.#device = device;
    this.#fault = fault;
  }

  /**
   * Copies `data` into upload memory, in pieces where it is large. The copy of each piece has to be recorded before the next one is asked for:
   * recording may submit, which seals what was filled.
   */
  *stage(data: Uint8Array): Generator<StagedPiece, void> {
    if (data.byteLength <= SHARED_WRITE) {
      if (data.byteLength > 0) yield this.#stageShared(data);
      return;
    }
    for (let from = 0; from < data.byteLength; from += WHOLE_CHUNK) {
      const part = data.subarray(from, from + WHOLE_CHUNK);
      const size = powerOfTwo(part.byteLength, SHARED_CHUNK);
      const chunk = this.#unused.get(size)?.pop() ?? this.#make(size);
      chunk.bytes.set(part);
      yield this.fill(chunk, part.byteLength);
    }
  }

  /**
   * A chunk of at least `bytes` for the caller alone, to be given to `fill` or `abandon`. While the budget is used up, it waits
   * for chunks to come back, which `flush` sees to.
   */
  async claim(bytes: number, flush: () => Promise<void>): Promise<UploadChunk> {
    const size = powerOfTwo(bytes, SHARED_CHUNK);
    for (;;) {
      this.#fault.throwIfFatal();
      const chunk = this.#unused.get(size)?.pop();
      if (chunk !== undefined) return chunk;
      if (this.#total + size > BUDGET) this.#dropUnused(this.#total + size - BUDGET);
      if (this.#total + size <= BUDGET || this.#total === 0) return this.#make(size);
      const woken = new Promise<void>((wake) => this.#waiting.push(wake));
      void flush();
      await woken;
    }
  }

  /** Hands over a claimed chunk whose first `bytes` are to be copied by a command that is recorded next. */
  fill(chunk: UploadChunk, bytes: number): StagedPiece {
    const padded = Math.ceil(bytes / 4) * 4;
    chunk.bytes.fill(0, bytes, padded);
    this.#filled.push(chunk);
    return { gpu: chunk.gpu, offset: 0, bytes: padded };
  }

  /** Takes back a claimed chunk that is not to be copied. */
  abandon(chunk: UploadChunk): void {
    this.#recycle(chunk);
  }

  /** Unmaps what was filled since the last call, so that the commands recorded until now can be submitted. */
  seal(): readonly GPUBuffer[] {
    if (this.#open !== null) this.#filled.push(this.#open);
    this.#open = null;
    const sealed = this.#filled.map((chunk) => chunk.gpu);
    this.#filled = [];
    for (const gpu of sealed) gpu.unmap();
    return sealed;
  }

  /** To be called with sealed chunks once their commands are submitted. */
  submitted(sealed: readonly GPUBuffer[]): void {
    for (const gpu of sealed) {
      gpu
        .mapAsync(WRITE_MODE)
        .then(() => this.#recycle({ gpu, bytes: new Uint8Array(gpu.getMappedRange()) }))
        .catch(() => this.#drop(gpu));
    }
  }

  destroy(): void {
    for (const gpu of this.#all) gpu.destroy();
    this.#all.clear();
    this.#unused.clear();
    this.#filled = [];
    this.#open = null;
    this.#wake();
  }

  #stageShared(data: Uint8Array): StagedPiece {
    const padded = Math.ceil(data.byteLength / 4) * 4;
    if (this.#open === null || this.#openUsed + padded > SHARED_CHUNK) {
      if (this.#open !== null) this.#filled.push(this.#open);
      this.#open = this.#unused.get(SHARED_CHUNK)?.pop() ?? this.#make(SHARED_CHUNK);
      this.#openUsed = 0;
    }
    const offset = this.#openUsed;
    this.#open.bytes.set(data, offset);
    this.#open.bytes.fill(0, offset + data.byteLength, offset + padded);
    this.#openUsed += padded;
    return { gpu: this.#open.gpu, offset, bytes: padded };
  }

  #make(size: number): UploadChunk {
    const gpu = this.#fault.allocate(this.#device, { label: "upload", size, usage: MAP_WRITE | COPY_SRC, mappedAtCreation: true }, () =>
      this.#drop(gpu),
    );
    this.#all.add(gpu);
    this.#total += size;
    return { gpu, bytes: new Uint8Array(gpu.getMappedRange()) };
  }

  #recycle(chunk: UploadChunk): void {
    if (!this.#all.has(chunk.gpu)) return;
    if (this.#total > BUDGET) this.#drop(chunk.gpu);
    else {
      const size = chunk.bytes.byteLength;
      const same = this.#unused.get(size);
      if (same === undefined) this.#unused.set(size, [chunk]);
      else same.push(chunk);
      this.#wake();
    }
  }

  #dropUnused(bytes: number): void {
    let left = bytes;
    for (const chunks of this.#unused.values()) {
      while (left > 0) {
        const chunk = chunks.pop();
        if (chunk === undefined) break;
        left -= chunk.gpu.size;
        this.#drop(chunk.gpu);
      }
    }
  }

  #drop(gpu: GPUBuffer): void {
    if (!this.#all.delete(gpu)) return;
    this.#total -= gpu.size;
    gpu.destroy();
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

/** A buffer that results are copied into and read from. */
export interface Readback {
  readonly gpu: GPUBuffer;
  readonly bytes: number;
}

export class ReadbackPool {
  readonly #device: GPUDevice;
  readonly #fault: Fault;
  readonly #unused = new Map<number, Readback[]>();
  readonly #all = new Set<Readback>();
  #unusedBytes = 0;

  constructor(device: GPUDevice, fault: Fault) {
    this.#device = device;
    this.#fault = fault;
  }

  /** An unmapped buffer of at least `bytes`. */
  take(bytes: number): Readback {
    const size = powerOfTwo(bytes, 1 << 16);
    const unused = this.#unused.get(size)?.pop();
    if (unused !== undefined) {
      this.#unusedBytes -= size;
      return unused;
    }
    const gpu = this.#fault.allocate(this.#device, { label: "read-back", size, usage: MAP_READ | COPY_DST }, () => this.drop(made));
    const made = { gpu, bytes: size };
    this.#all.add(made);
    return made;
  }

  /** Takes an unmapped buffer back. */
  give(readback: Readback): void {
    const { bytes } = readback;
    if (!this.#all.has(readback)) return;
    if (this.#unusedBytes + bytes > BUDGET) {
      this.drop(readback);
      return;
    }
    this.#unusedBytes += bytes;
    const same = this.#unused.get(bytes);
    if (same === undefined) this.#unused.set(bytes, [readback]);
    else same.push(readback);
  }

  /** Takes a buffer back that is of no use any more. */
  drop(readback: Readback): void {
    if (this.#all.delete(readback)) readback.gpu.destroy();
  }

  destroy(): void {
    for (const { gpu } of this.#all) gpu.destroy();
    this.#all.clear();
    this.#unused.clear();
  }
}
