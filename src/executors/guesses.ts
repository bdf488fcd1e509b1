/** What operations take for granted while a query runs, to be looked at with its result: reading it at once would make each of them wait. */

import type { DeviceBuffer } from "../gpu/buffers.ts";
import type { Device } from "../gpu/device.ts";

/** A query guessed wrong: what it has computed is void, and it has to be run without guesses. */
export class WrongGuessError extends Error {
  override readonly name = "WrongGuessError";
}

interface Guess {
  readonly buffer: DeviceBuffer;
  readonly word: number;
}

export class Guesses {
  readonly #device: Device;
  readonly #open = new Set<Guess>();
  #wrong = false;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Takes it for granted that a word is 0; the buffer is taken over, and outlives the scope that it was made in. */
  zero(buffer: DeviceBuffer, word: number): void {
    this.#device.outlive(buffer);
    this.#open.add({ buffer, word });
  }

  /** Waits with whoever reads at the moment. @throws WrongGuessError where one of the guesses so far was wrong, now and ever after. */
  async check(): Promise<void> {
    const open = [...this.#open];
    if (open.length > 0) {
      const words = await this.#device.readMany(open.map(({ buffer, word }) => ({ buffer, word, words: 1 })));
      this.#wrong ||= words.some(([word]) => word !== 0);
      for (const guess of open) this.#close(guess);
    }
    if (this.#wrong) throw new WrongGuessError("keys were guessed not to repeat, and do");
  }

  /** Frees what was not looked at. */
  close(): void {
    for (const guess of this.#open) this.#close(guess);
  }

  #close(guess: Guess): void {
    if (this.#open.delete(guess)) guess.buffer.release();
  }
}
