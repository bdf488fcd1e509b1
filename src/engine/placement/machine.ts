/** How fast the device of this machine is, measured once when it is opened. */

import type { Device } from "../../gpu/device.ts";

export interface Machine {
  /** Milliseconds from handing a command over to reading its result. */
  readonly tripMs: number;
  /** Bytes that kernels read or write in a millisecond. */
  readonly kernelBytesPerMs: number;
}

const TRIPS = 5;
/** Of less where the device may not hold that twice. */
const COPIED_WORDS = 1 << 22;
const COPIES = 16;
/** The host records commands before it waits: a step takes longer than a bare round trip by about this. */
const RECORDING_MS = 0.15;
/** Kernels do more than copy. */
const SHARE_OF_COPY = 0.25;

/** Takes some milliseconds. */
export function measureMachine(device: Device): Promise<Machine> {
  return device.scope(async () => {
    const words = Math.min(COPIED_WORDS, Math.floor(device.memoryLimit / 16));
    const [from, to] = [device.alloc(words, "measured"), device.alloc(words, "measured")];
    const timed = async (work: () => void): Promise<number> => {
      const start = performance.now();
      work();
      await device.read(to, 0, 1);
      return performance.now() - start;
    };
    const copies = (): void => {
      for (let i = 0; i < COPIES; i++) device.copy(from, 0, to, 0, words);
    };
    await timed(copies);
    const trips: number[] = [];
    for (let i = 0; i < TRIPS; i++) trips.push(await timed(() => device.copy(from, 0, to, 0, 1)));
    const tripMs = trips.toSorted((a, b) => a - b)[TRIPS >> 1] ?? 0;
    const copyMs = Math.max(0.01, (await timed(copies)) - tripMs);
    for (const buffer of [from, to]) buffer.release();
    return { tripMs: tripMs + RECORDING_MS, kernelBytesPerMs: (SHARE_OF_COPY * 2 * 4 * words * COPIES) / copyMs };
  });
}
