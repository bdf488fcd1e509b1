/** The random numbers of the PDS-H generator: sfc32, the same sequence for the same seed on every machine. */

/** Four signed 32-bit words from which a stream goes on. */
export type RandomState = readonly [number, number, number, number];

/** A stream of random integers. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** Goes on where `state` was taken. */
  constructor([a, b, c, d]: RandomState) {
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
  }

  /** The stream of this name, from its start. */
  static seeded(seed: number, stream: string): Random {
    let hash = 2166136261 ^ seed;
    for (const character of stream) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619);
    const random = new Random([hash | 0, seed | 0, 0x9e3779b9 | 0, 1]);
    for (let i = 0; i < 15; i++) random.next();
    return random;
  }

  /** Where the stream stands. */
  state(): RandomState {
    return [this.a, this.b, this.c, this.d];
  }

  /** A uniform u32. */
  next(): number {
    const { b, c, d } = this;
    const result = (((this.a + b) | 0) + d) | 0;
    this.d = (d + 1) | 0;
    this.a = b ^ (b >>> 9);
    this.b = (c + (c << 3)) | 0;
    this.c = (((c << 21) | (c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** A uniform integer from `low` to `high`, both included; the span must be below 2^32. */
  between(low: number, high: number): number {
    return low + Math.floor((this.next() / 4294967296) * (high - low + 1));
  }
}
