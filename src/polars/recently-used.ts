/** A map that forgets what was used longest ago. */

export class RecentlyUsed<K, V> {
  readonly #entries = new Map<K, V>();
  readonly #size: number;
  readonly #forgotten: (value: V) => void;

  /** `forgotten` is told the values that had to go for newer ones. */
  constructor(size: number, forgotten: (value: V) => void = () => undefined) {
    this.#size = size;
    this.#forgotten = forgotten;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries;
    if (this.#entries.size <= this.#size || oldest === undefined) return;
    this.#entries.delete(oldest[0]);
    this.#forgotten(oldest[1]);
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** Takes out all values, those used longest ago first. */
  clear(): readonly V[] {
    const values = [...this.#entries.values()];
    this.#entries.clear();
    return values;
  }
}
