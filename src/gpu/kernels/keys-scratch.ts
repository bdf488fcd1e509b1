/** The device buffers of one operation: whatever it does not hand out is released when it ends, failed or not. */

import type { DeviceBuffer } from "../buffers.ts";
import type { Device } from "../device.ts";

export class Scratch {
  readonly #device: Device;
  readonly #held = new Set<DeviceBuffer>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** As `Device.alloc`; no words become one. */
  alloc(words: number, label: string): DeviceBuffer {
    return this.own(this.#device.alloc(Math.max(1, words), label));
  }

  /** As `Device.allocZeroed`. */
  zeroed(words: number, label: string): DeviceBuffer {
    return this.own(this.#device.allocZeroed(Math.max(1, words), label));
  }

  /** Takes over a reference. */
  own(buffer: DeviceBuffer): DeviceBuffer {
    this.#held.add(buffer);
    return buffer;
  }

  /** Hands the reference to the caller. */
  keep(buffer: DeviceBuffer): DeviceBuffer {
    this.#held.delete(buffer);
    return buffer;
  }

  /** Releases one buffer early; nothing for buffers that are not held. */
  drop(buffer: DeviceBuffer): void {
    if (this.#held.delete(buffer)) buffer.release();
  }

  release(): void {
    for (const buffer of this.#held) buffer.release();
    this.#held.clear();
  }
}

/** Runs `body` with a scratch that is released at its end. Synchronous bodies only record work, so nothing is freed too early. */
export function withScratch<T>(device: Device, body: (scratch: Scratch) => T): T {
  const scratch = new Scratch(device);
  try {
    return body(scratch);
  } finally {
    scratch.release();
  }
}

/** As `withScratch`, until the promise settles. */
export async function withScratchAsync<T>(device: Device, body: (scratch: Scratch) => Promise<T>): Promise<T> {
  const scratch = new Scratch(device);
  try {
    return await body(scratch);
  } finally {
    scratch.release();
  }
}
