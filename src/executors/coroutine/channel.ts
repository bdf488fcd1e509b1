/** Channels between operators: one sender, any number of readers, bounded by the reader that is furthest ahead. */

import type { Stored } from "../memory/store.ts";

/** What a channel says before its first chunk. */
export interface ChannelMetadata {
  /** Most chunks that can follow. */
  readonly partitions: number;
  readonly partitionedBy: string | null;
  /** Estimated rows of all chunks; null where nothing is known. */
  readonly rows: number | null;
}

/** A partition on its way; whoever holds the chunk holds a reference to each of its parts. */
export interface Chunk {
  /** Ascends along a channel. */
  readonly partition: number;
  /** Behind one another. */
  readonly parts: readonly Stored[];
}

export const rowsOfChunk = ({ parts }: Chunk): number => parts.reduce((n, s) => n + s.rows, 0);
export const releaseChunk = ({ parts }: Chunk): void => {
  for (const part of parts) part.release();
};

/** One end of a channel. What is not read yet waits in the store, where it may leave the device. */
export class Reader {
  readonly metadata: ChannelMetadata;
  readonly #queue: Chunk[] = [];
  readonly #changed: () => void;
  #wake: (() => void) | null = null;
  #ended = false;
  #failure: { readonly error: unknown } | null = null;
  cancelled = false;

  constructor(metadata: ChannelMetadata, changed: () => void) {
    this.metadata = metadata;
    this.#changed = changed;
  }

  /** Chunks that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** The next chunk, which is the caller's; null behind the last one. @throws what ended the channel. */
  async next(): Promise<Chunk | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.error;
      const chunk = this.#queue.shift();
      if (chunk !== undefined) {
        this.#changed();
        return chunk;
      }
      if (this.#ended || this.cancelled) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Nothing more is wanted; what waits is given back. */
  cancel(): void {
    this.cancelled = true;
    for (const chunk of this.#queue.splice(0)) releaseChunk(chunk);
    this.#changed();
    this.#wakeUp();
  }

  /** For the sender. */
  push(chunk: Chunk): void {
    this.#queue.push(chunk);
    this.#wakeUp();
  }

  end(failure: { readonly error: unknown } | null): void {
    this.#ended = true;
    this.#failure ??= failure;
    this.#wakeUp();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}

export class Channel {
  readonly #metadata: ChannelMetadata;
  readonly #capacity: number;
  readonly #readers: Reader[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(metadata: ChannelMetadata, capacity: number) {
    this.#metadata = metadata;
    this.#capacity = capacity;
  }

  /** All readers are made before the first chunk is sent. */
  reader(): Reader {
    const reader = new Reader(this.#metadata, () => this.#wakeUp());
    this.#readers.push(reader);
    return reader;
  }

  /**
   * Sends a chunk to every reader, which takes the sender's references over; waits while all readers have as many chunks waiting as the
   * channel holds: one that lags behind never holds up the others. False: nobody reads any more, and the sender should stop.
   */
  async send(chunk: Chunk): Promise<boolean> {
    for (;;) {
      const open = this.#readers.filter((r) => !r.cancelled);
      if (open.length === 0 || this.#closed) {
        releaseChunk(chunk);
        return false;
      }
      if (open.some((r) => r.waiting < this.#capacity)) {
        for (const part of chunk.parts) for (let i = 1; i < open.length; i++) part.retain();
        for (const reader of open) reader.push(chunk);
        return true;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Whether anybody still reads. */
  get wanted(): boolean {
    return !this.#closed && this.#readers.some((r) => !r.cancelled);
  }

  /** Behind the last chunk, or where an error ends the channel. */
  close(failure: { readonly error: unknown } | null = null): void {
    this.#closed = true;
    for (const reader of this.#readers) reader.end(failure);
    this.#wakeUp();
  }

  /** Gives back what nobody has read. */
  drain(): void {
    for (const reader of this.#readers) reader.cancel();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
