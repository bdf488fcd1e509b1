/** Work on partitions side by side, whose results go on in the order in which it was begun. */

import type { Stored } from "../memory/store.ts";
import { releaseChunk } from "./channel.ts";

type Parts = readonly Stored[];

export class InOrder {
  readonly #width: number;
  readonly #deliver: (partition: number, parts: Parts) => Promise<boolean>;
  readonly #failed: (error: unknown) => void;
  #last: Promise<boolean> = Promise.resolve(true);
  readonly #underWay: Promise<boolean>[] = [];

  /**
   * `width`: works that are under way at once. `deliver` takes the parts over, one partition after the other, and says whether more are
   * wanted. `failed` is told at once of what `add` and `end` will throw.
   */
  constructor(width: number, deliver: (partition: number, parts: Parts) => Promise<boolean>, failed: (error: unknown) => void) {
    this.#width = width;
    this.#deliver = deliver;
    this.#failed = failed;
  }

  /** Waits until there is room for more work. False: nothing more is wanted. @throws what earlier work threw. */
  async room(): Promise<boolean> {
    while (this.#underWay.length >= this.#width) if ((await this.#underWay.shift()) !== true) return false;
    return true;
  }

  /** Begins the work once there is room for it. False: nothing more is wanted, and it was not begun. @throws what earlier work threw. */
  async add(partition: number, work: () => Promise<Parts>): Promise<boolean> {
    if (!(await this.room())) return false;
    const made = work();
    made.catch(this.#failed);
    const delivered = this.#behind(this.#last, partition, made);
    delivered.catch(this.#failed);
    this.#last = delivered;
    this.#underWay.push(delivered);
    return true;
  }

  async #behind(before: Promise<boolean>, partition: number, work: Promise<Parts>): Promise<boolean> {
    const [wanted, made] = await Promise.allSettled([before, work]);
    if (wanted.status === "fulfilled" && wanted.value) {
      if (made.status === "rejected") throw made.reason;
      return this.#deliver(partition, made.value);
    }
    if (made.status === "fulfilled") releaseChunk({ partition, parts: made.value });
    if (wanted.status === "rejected") throw wanted.reason;
    return false;
  }

  /** Everything that was begun has ended and is delivered. @throws what work threw. */
  async end(): Promise<void> {
    await this.#last;
  }
}
