/** A seeded source of random choices: the same seed gives the same choices on every machine. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1). Mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `low` to `high`, both included. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of the values. @throws RangeError where there is none. */
  pick<T>(values: readonly T[]): T {
    for (const value of values.slice(this.integer(0, values.length - 1))) return value;
    throw new RangeError("nothing to choose from");
  }

  /** Some of the values in a random order: at least `low`, at most `high`. */
  some<T>(values: readonly T[], low: number, high: number): readonly T[] {
    const rest = [...values];
    const chosen: T[] = [];
    const count = Math.min(rest.length, this.integer(low, high));
    while (chosen.length < count) chosen.push(...rest.splice(this.integer(0, rest.length - 1), 1));
    return chosen;
  }

  /** A generator of its own, so that what it is used for does not shift the choices made here. */
  fork(): Random {
    return new Random(this.integer(0, 2 ** 32 - 1));
  }
}
