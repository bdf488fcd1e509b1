/** GPU time by kernel: a timestamp before and after each dispatch, added up by name. */

/** GPU time of one kernel. */
export interface KernelTime {
  readonly launches: number;
  readonly nanoseconds: number;
}

/** Dispatches that one query set can time. */
export const PROFILED_DISPATCHES = 1024;

const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x4;
const MAP_READ = 0x1;
const COPY_DST = 0x8;
const READ_MODE = 0x1;

export class Profiler {
  readonly #device: GPUDevice;
  readonly #times = new Map<string, { launches: number; nanoseconds: number }>();
  #pending: Promise<unknown> = Promise.resolve();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Times one command encoder of at most `PROFILED_DISPATCHES` dispatches. */
  begin(): ProfiledEncoder {
    return new ProfiledEncoder(
      this.#device,
      (names, stamps) => this.#add(names, stamps),
      (pending) => {
        const before = this.#pending;
        this.#pending = pending.then(() => before);
      },
    );
  }

  /** Times of everything submitted before the call, by kernel name, since the last call. */
  async take(): Promise<ReadonlyMap<string, KernelTime>> {
    await this.#pending;
    const taken = new Map(this.#times);
    this.#times.clear();
    return taken;
  }

  #add(names: readonly string[], stamps: BigUint64Array): void {
    names.forEach((name, dispatch) => {
      const time = this.#times.get(name) ?? { launches: 0, nanoseconds: 0 };
      time.launches += 1;
      time.nanoseconds += Number((stamps[dispatch * 2 + 1] ?? 0n) - (stamps[dispatch * 2] ?? 0n));
      this.#times.set(name, time);
    });
  }
}

export class ProfiledEncoder {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;
  readonly #names: string[] = [];
  readonly #add: (names: readonly string[], stamps: BigUint64Array) => void;
  readonly #wait: (pending: Promise<void>) => void;

  constructor(device: GPUDevice, add: (names: readonly string[], stamps: BigUint64Array) => void, wait: (pending: Promise<void>) => void) {
    const size = PROFILED_DISPATCHES * 16;
    this.#queries = device.createQuerySet({ type: "timestamp", count: PROFILED_DISPATCHES * 2 });
    this.#resolved = device.createBuffer({ label: "timestamps", size, usage: QUERY_RESOLVE | COPY_SRC });
    this.#readable = device.createBuffer({ label: "timestamps", size, usage: MAP_READ | COPY_DST });
    this.#add = add;
    this.#wait = wait;
  }

  /** What the pass of the next dispatch is to be begun with. */
  timestamps(name: string): GPUComputePassTimestampWrites {
    const at = this.#names.push(name) * 2 - 2;
    return { querySet: this.#queries, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 };
  }

  /** To be called before the encoder is finished. */
  end(encoder: GPUCommandEncoder): void {
    if (this.#names.length === 0) return;
    encoder.resolveQuerySet(this.#queries, 0, this.#names.length * 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, this.#names.length * 16);
  }

  /** To be called once the encoder's commands are submitted. */
  submitted(): void {
    const read = async (): Promise<void> => {
      if (this.#names.length > 0) {
        await this.#readable.mapAsync(READ_MODE);
        this.#add(this.#names, new BigUint64Array(this.#readable.getMappedRange().slice(0)));
      }
      this.#readable.destroy();
      this.#resolved.destroy();
      this.#queries.destroy();
    };
    this.#wait(read().catch(() => undefined));
  }
}
