/** The random numbers of the PDS-H generator: sfc32, the same sequence for the same seed on every machine. */

/** A stream of random integers. */
export class Random {
  private readonly state: Uint32Array;

  constructor(seed: number, stream: string) {
    let hash = 2166136261 ^ seed;
    for (const character of stream) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
    this.state = Uint32Array.of(hash, seed, 0x9e3779b9, 1);
    for (let i = 0; i < 15; i++) this.next();
  }

  /** A uniform u32. */
  next(): number {
    const s = this.state;
    const [a = 0, b = 0, c = 0, d = 0] = [s[0], s[1], s[2], s[3]];
    const result = (a + b + d) >>> 0;
    s[3] = d + 1;
    s[0] = b ^ (b >>> 9);
    s[1] = c + (c << 3);
    s[2] = ((c << 21) | (c >>> 11)) + result;
    return result;
  }

  /** A uniform integer from `low` to `high`, both included; the span must be below 2^32. */
  between(low: number, high: number): number {
    return low + Math.floor((this.next() / 4294967296) * (high - low + 1));
  }
}
