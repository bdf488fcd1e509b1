/** Works that go on side by side, and works that have to be alone. */

export class Turns {
  #running = 0;
  #taken = false;
  #waiting: (() => void)[] = [];

  /** Runs `work` as soon as none is alone. */
  async beside<T>(work: () => Promise<T>): Promise<T> {
    while (this.#taken) await this.#change();
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#changed();
    }
  }

  /** Runs `work` when all others have ended; none begins meanwhile. Not to be called within another work. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#taken) await this.#change();
    this.#taken = true;
    try {
      while (this.#running > 0) await this.#change();
      return await work();
    } finally {
      this.#taken = false;
      this.#changed();
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
