/** The GPU as the rest of the package sees it: memory, one in-order command list, and transfers both ways. */

import { AsyncLocalStorage } from "node:async_hooks";
import { totalmem } from "node:os";
import { setImmediate } from "node:timers/promises";
import { DeviceError, InternalError } from "../errors.ts";
import { type AdapterChoice, type AdapterInfo, type DeviceFeatures, type DeviceLimits, type OpenedDevice, openDevice } from "./adapter.ts";
import { checkLaunch, inside, pooled } from "./bounds.ts";
import { BufferPool, type DeviceBuffer, type PooledBuffer } from "./buffers.ts";
import { Fault } from "./fault.ts";
import type { Kernel, Launch } from "./kernel.ts";
import { PipelineCache } from "./pipeline-cache.ts";
import type { KernelTime } from "./profile.ts";
import { ReadbackPool, UploadRing } from "./staging.ts";
import { CommandStream } from "./stream.ts";

export interface DeviceOptions {
  /** Limits to ask for: all that the adapter has (default), or WebGPU's guaranteed ones. */
  readonly limits?: "adapter" | "default";
  /** Bytes of device buffers that may exist at once; default: the GPU's own limit, half of the host's memory on a software adapter. */
  readonly memoryLimit?: number;
  readonly adapter?: AdapterChoice;
  /** Largest storage binding to use, in bytes; default: what the limits allow. Columns beyond it are worked on in parts. */
  readonly maxBindingBytes?: number;
}

/** Counts since the device was opened; bytes as of now. */
export interface DeviceStats {
  readonly dispatches: number;
  readonly submits: number;
  /** Times that the host waited for results. */
  readonly roundTrips: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  readonly pipelines: number;
  readonly allocatedBytes: number;
  readonly pooledBytes: number;
  readonly peakBytes: number;
}

/** `words` words of `buffer` from word `word` on. */
export interface Part {
  readonly buffer: DeviceBuffer;
  readonly word: number;
  readonly words: number;
}

/** What one scope asked of the device. */
export interface ScopeMeter {
  /** In front of the names of its kernels in a profile; empty: nothing is. */
  readonly label: string;
  dispatches: number;
  roundTrips: number;
  bytesUp: number;
  bytesDown: number;
}

export const newMeter = (label: string): ScopeMeter => ({ label, dispatches: 0, roundTrips: 0, bytesUp: 0, bytesDown: 0 });

interface Scope {
  readonly buffers: PooledBuffer[];
  readonly meter: ScopeMeter;
}

/** Between a scope's label and the kernel's name. */
export const LABEL_END = "\u0001";

const READ_MODE = 0x1;

/**
 * `launch`, `copy`, `clear`, `write` record and return; everything executes in the order of the calls, across concurrent callers
 * too, so a buffer may be released as soon as its last use is recorded. Failures of recorded work (validation, compilation, memory)
 * are thrown by every `read` and `idle` until `recover`; once the device is lost or destroyed every call throws DeviceError.
 */
export class Device {
  readonly adapter: AdapterInfo;
  readonly limits: DeviceLimits;
  readonly features: DeviceFeatures;
  /** Bytes of device buffers that may exist at once; Infinity for no limit. */
  readonly memoryLimit: number;
  readonly #gpu: GPUDevice;
  readonly #fault = new Fault();
  readonly #pipelines: PipelineCache;
  readonly #uploads: UploadRing;
  readonly #readbacks: ReadbackPool;
  readonly #stream: CommandStream;
  readonly #pool: BufferPool;
  readonly #scopes = new AsyncLocalStorage<Scope>();
  /** The submission that readers of the moment wait for. */
  #submission: Promise<void> | null = null;
  #roundTrips = 0;
  #bytesUp = 0;
  #bytesDown = 0;

  /** @throws DeviceError when there is no such adapter. */
  static async open(options: DeviceOptions = {}): Promise<Device> {
    const opened = await openDevice(
      options.adapter ?? "any",
      options.limits ?? "adapter",
      options.maxBindingBytes ?? Number.POSITIVE_INFINITY,
    );
    return new Device(opened, options.memoryLimit ?? (opened.adapter.software ? totalmem() / 2 : Number.POSITIVE_INFINITY));
  }

  private constructor(opened: OpenedDevice, memoryLimit: number) {
    this.adapter = opened.adapter;
    this.limits = opened.limits;
    this.features = opened.features;
    this.memoryLimit = memoryLimit;
    this.#gpu = opened.gpu;
    this.#pipelines = new PipelineCache(this.#gpu);
    this.#uploads = new UploadRing(this.#gpu, this.#fault);
    this.#readbacks = new ReadbackPool(this.#gpu, this.#fault);
    this.#stream = new CommandStream(this.#gpu, this.#fault, this.#uploads, opened.adapter.software);
    this.#pool = new BufferPool(this.#gpu, this.#fault, this.limits.bufferBytes, memoryLimit, (block) => this.#stream.retire(block));
    this.#gpu.onuncapturederror = (event) => {
      event.preventDefault();
      this.#fault.reportUncaptured(event.error);
    };
    void this.#gpu.lost.then((info) => this.#fault.report(new DeviceError(`the device is lost (${info.reason}): ${info.message}`), true));
  }

  get stats(): DeviceStats {
    return {
      dispatches: this.#stream.dispatches,
      submits: this.#stream.submits,
      roundTrips: this.#roundTrips,
      bytesUp: this.#bytesUp,
      bytesDown: this.#bytesDown,
      pipelines: this.#pipelines.size,
      ...this.#pool.stats,
    };
  }

  /**
   * A buffer with unspecified contents; `words` is rounded up to a multiple of 4, so that kernels may read vectors.
   * @throws OutOfDeviceMemoryError over the memory limit or the largest buffer.
   */
  alloc(words: number, label: string): DeviceBuffer {
    this.#fault.throwIfFatal();
    const buffer = this.#pool.alloc(words, label);
    this.#scopes.getStore()?.buffers.push(buffer);
    return buffer;
  }

  /**
   * Runs `work`; when it fails, every buffer that it allocated and still holds is freed. Buffers that outlive it are made in `outsideScope`.
   * `meter` counts what the work asks of the device, without the scopes inside of it.
   */
  async scope<T>(work: () => Promise<T>, meter: ScopeMeter = newMeter("")): Promise<T> {
    const scope: Scope = { buffers: [], meter };
    try {
      return await this.#scopes.run(scope, work);
    } catch (error) {
      for (const buffer of scope.buffers) buffer.abandon();
      throw error;
    }
  }

  /** A handle of the scope's own on a buffer: when the scope fails, whatever references to it are left are given back. */
  borrow(buffer: DeviceBuffer): DeviceBuffer {
    const own = pooled(buffer).borrow();
    this.#scopes.getStore()?.buffers.push(own);
    return own;
  }

  /** Takes a buffer out of the scope that it was made in: it stays when that fails. */
  outlive(buffer: DeviceBuffer): void {
    const buffers = this.#scopes.getStore()?.buffers;
    const at = buffers?.indexOf(pooled(buffer)) ?? -1;
    if (at >= 0) buffers?.splice(at, 1);
  }

  /** Runs `work` without the scope that it is called in. */
  outsideScope<T>(work: () => Promise<T>): Promise<T> {
    return this.#scopes.exit(work);
  }

  /** As `alloc`, all zero. */
  allocZeroed(words: number, label: string): DeviceBuffer {
    const buffer = this.alloc(words, label);
    this.clear(buffer, 0, buffer.words);
    return buffer;
  }

  /** Records one run of a kernel; nothing for 0 workgroups. @throws InternalError when the bindings do not fit the kernel or the limits. */
  launch(launch: Launch): void {
    this.#fault.throwIfFatal();
    const windows = checkLaunch(launch, this.limits);
    const { kernel, params, workgroups } = launch;
    if (workgroups === 0) return;
    const meter = this.#scopes.getStore()?.meter;
    if (meter !== undefined) meter.dispatches += 1;
    const label = this.#stream.profiling ? meter?.label : "";
    const name = label ? `${label}${LABEL_END}${kernel.name}` : kernel.name;
    this.#stream.dispatch(name, this.#pipelines.get(kernel), windows, params, workgroups);
  }

  /** Starts to compile a kernel that is going to be launched. */
  prepare(kernel: Kernel): void {
    this.#fault.throwIfFatal();
    this.#pipelines.get(kernel);
  }

  /** Records a copy of words between two different buffers. @throws InternalError out of bounds. */
  copy(src: DeviceBuffer, srcWord: number, dst: DeviceBuffer, dstWord: number, words: number): void {
    this.#fault.throwIfFatal();
    const from = inside(src, srcWord, words);
    const to = inside(dst, dstWord, words);
    if (from === to) throw new InternalError(`copy within the buffer "${to.label}"`);
    this.#stream.copy(from, srcWord * 4, to, dstWord * 4, words * 4);
  }

  /** Records a zero fill. @throws InternalError out of bounds. */
  clear(dst: DeviceBuffer, word: number, words: number): void {
    this.#fault.throwIfFatal();
    this.#stream.clear(inside(dst, word, words), word * 4, words * 4);
  }

  /** Records an upload; `data` is copied before the return, and padded with zero bytes to whole words. */
  write(dst: DeviceBuffer, word: number, data: ArrayBufferView): void {
    this.#fault.throwIfFatal();
    const to = inside(dst, word, Math.ceil(data.byteLength / 4));
    let at = word * 4;
    for (const piece of this.#uploads.stage(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))) {
      this.#stream.copy(piece.gpu, piece.offset, to, at, piece.bytes);
      at += piece.bytes;
    }
    this.#countUp(data.byteLength);
    this.#stream.uploaded(data.byteLength);
  }

  /**
   * An upload without a copy on the host: `fill` writes `bytes` bytes into memory that the GPU reads (a file's contents, say), and
   * the transfer is recorded when it is done. Padded to whole words as `write`. Waits while too many uploads are in flight:
   * pieces of 16 MiB, 8 to 16 at a time, are fastest.
   */
  async uploadFrom(dst: DeviceBuffer, word: number, bytes: number, fill: (target: Uint8Array) => Promise<void>): Promise<void> {
    this.#fault.throwIfFatal();
    inside(dst, word, Math.ceil(bytes / 4));
    if (bytes === 0) return;
    const chunk = await this.#uploads.claim(bytes, () => this.flush());
    try {
      this.#fault.throwIfFatal();
      await fill(chunk.bytes.subarray(0, bytes));
    } catch (error) {
      this.#uploads.abandon(chunk);
      this.#fault.throwIfFatal();
      throw error;
    }
    this.#fault.throwIfFatal();
    const piece = this.#uploads.fill(chunk, bytes);
    this.#stream.copy(piece.gpu, piece.offset, inside(dst, word, piece.bytes / 4), word * 4, piece.bytes);
    this.#countUp(bytes);
    void this.flush();
  }

  #countUp(bytes: number): void {
    this.#bytesUp += bytes;
    const meter = this.#scopes.getStore()?.meter;
    if (meter !== undefined) meter.bytesUp += bytes;
  }

  /** Flushes and waits for `words` words; a fresh array each time. */
  async read(src: DeviceBuffer, word: number, words: number): Promise<Uint32Array<ArrayBuffer>> {
    const [only] = await this.readMany([{ buffer: src, word, words }]);
    return only ?? new Uint32Array(0);
  }

  /** Several parts in one round trip, in the order of `parts`. */
  readMany(parts: readonly Part[]): Promise<Uint32Array<ArrayBuffer>[]> {
    return this.readWith(parts, (views) => views.map((view) => view.slice()));
  }

  /** Several parts in one round trip, without a copy on the host: the views are valid until `use` is done. */
  async readWith<T>(parts: readonly Part[], use: (views: Uint32Array<ArrayBuffer>[]) => T | Promise<T>): Promise<T> {
    this.#fault.throwIfFatal();
    const total = parts.reduce((sum, { words }) => sum + words, 0);
    const sources = parts.map(({ buffer, word, words }) => inside(buffer, word, words));
    const staging = this.#readbacks.take(total * 4);
    let at = 0;
    parts.forEach(({ word, words }, index) => {
      const from = sources[index];
      if (from !== undefined) this.#stream.copy(from, word * 4, staging.gpu, at, words * 4);
      at += words * 4;
    });
    await this.#submitted();
    this.#bytesDown += total * 4;
    const meter = this.#scopes.getStore()?.meter;
    if (meter !== undefined) {
      meter.roundTrips += 1;
      meter.bytesDown += total * 4;
    }
    try {
      await staging.gpu.mapAsync(READ_MODE);
    } catch (error) {
      this.#readbacks.drop(staging);
      await this.#fault.check();
      throw new DeviceError(`read-back: ${error instanceof Error ? error.message : String(error)}`);
    }
    try {
      await this.#fault.check();
      const mapped = staging.gpu.getMappedRange();
      let from = 0;
      const views = parts.map(({ words }) => {
        const view = new Uint32Array(mapped, from, words);
        from += words * 4;
        return view;
      });
      return await use(views);
    } finally {
      staging.gpu.unmap();
      this.#readbacks.give(staging);
    }
  }

  /** Submits what has been recorded when all that can run has run: concurrent readers then wait for the GPU once, all together. */
  #submitted(): Promise<void> {
    this.#submission ??= (async () => {
      await setImmediate();
      this.#submission = null;
      this.#roundTrips += 1;
      await this.#stream.flush();
    })();
    return this.#submission;
  }

  /** Submits what is recorded; waits for pipelines, not for the GPU. */
  flush(): Promise<void> {
    return this.#stream.flush();
  }

  /** Waits until everything recorded has run. @throws DeviceError for what failed. */
  async idle(): Promise<void> {
    this.#fault.throwIfFatal();
    await this.#stream.flush();
    this.#roundTrips += 1;
    await this.#gpu.queue.onSubmittedWorkDone().catch(() => undefined);
    await this.#fault.check();
  }

  /** The device is gone for good: lost, or destroyed. */
  get isLost(): boolean {
    return this.#fault.fatal;
  }

  /** A failure of recorded work waits to be thrown: no result can be read until `recover`. */
  get isFaulty(): boolean {
    return this.#fault.pending;
  }

  /** Forgets the failure of recorded work. Only for when no results of earlier work are wanted any more. */
  recover(): void {
    this.#fault.clear();
  }

  /** Gives the pool's unused memory back to the system. */
  trim(): void {
    this.#pool.trim(0);
  }

  /** Measures GPU time by kernel from now on, or no longer. Every dispatch then stands alone. Nothing without `features.timestamps`. */
  profile(on: boolean): void {
    this.#stream.profiling = on && this.features.timestamps;
  }

  /** GPU time of what ran since the last call, by kernel name; waits for the GPU. */
  async takeProfile(): Promise<ReadonlyMap<string, KernelTime>> {
    await this.idle();
    return this.#stream.profiler.take();
  }

  /** Frees everything; pending reads are rejected. */
  destroy(): void {
    this.#fault.report(new DeviceError("the device was destroyed"), true);
    this.#stream.destroy();
    this.#uploads.destroy();
    this.#readbacks.destroy();
    this.#pool.destroy();
    this.#gpu.destroy();
  }
}
