/** Device memory: reference-counted buffers from a pool, accounted against a hard limit. */

/** A block of device memory, 4-byte words. Born with one reference; the last `release` gives it back to the pool. */
export interface DeviceBuffer {
  /** Usable words; the underlying GPUBuffer may be larger. */
  readonly words: number;
  retain(): this;
  release(): void;
}
