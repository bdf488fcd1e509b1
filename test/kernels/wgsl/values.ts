/** Seeded test values of every numeric type: edges crossed with one another, random bit patterns, and pairs of near magnitude. */

/** A generator of 32-bit words (xoshiro128**), the same for the same seed. */
export const randomWords = (seed: number): (() => number) => {
  let [a, b, c, d] = [seed | 0, 0x9e3779b9 | 0, 0x243f6a88 | 0, 0xb7e15162 | 0];
  const next = (): number => {
    const m = Math.imul(b, 5);
    const result = Math.imul((m << 7) | (m >>> 25), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };
  for (let i = 0; i < 16; i++) next();
  return next;
};

const float64Bits = (values: readonly number[]): readonly bigint[] => [...new BigUint64Array(new Float64Array(values).buffer)];
const float32Bits = (values: readonly number[]): readonly number[] => [...new Uint32Array(new Float32Array(values).buffer)];

const POWERS = [
  -1074, -1073, -1023, -1022, -1021, -54, -53, -1, 0, 1, 7, 8, 15, 16, 23, 24, 31, 32, 52, 53, 62, 63, 64, 511, 512, 1022, 1023,
];
const PLAIN = [
  0.5,
  1.5,
  2.5,
  3,
  5,
  7,
  10,
  0.1,
  1 / 3,
  100.75,
  127.9,
  255.9,
  65535.5,
  2147483647.5,
  4294967295.5,
  Math.PI,
  4503599627370495.5,
];
const NANS = [0x7ff8000000000000n, 0x7ff0000000000001n, 0x7fffffffffffffffn, 0x7ff0000100000000n];

/** Bit patterns, both signs of each: zeros, subnormals, powers of two and their neighbours, halves, limits, infinities, NaNs. */
export const F64_EDGES: readonly bigint[] = [
  ...new Set(
    [
      0n,
      0x000fffffffffffffn,
      0x0008000000000000n,
      0x7fefffffffffffffn,
      0x7ff0000000000000n,
      ...NANS,
      ...float64Bits(PLAIN),
      ...float64Bits(POWERS.map((power) => 2 ** power)).flatMap((bits) => [bits - 1n, bits, bits + 1n]),
    ].flatMap((bits) => [bits, bits | 0x8000000000000000n]),
  ),
];

const POWERS_32 = [-149, -148, -127, -126, -125, -25, -24, -1, 0, 1, 7, 8, 15, 16, 22, 23, 24, 31, 32, 63, 64, 126, 127];

/** Bit patterns as of F64_EDGES, for f32. */
export const F32_EDGES: readonly number[] = [
  ...new Set(
    [
      0,
      0x007fffff,
      0x00400000,
      0x7f7fffff,
      0x7f800000,
      0x7fc00000,
      0x7f800001,
      0x7fffffff,
      ...float32Bits(PLAIN),
      ...float32Bits(POWERS_32.map((power) => 2 ** power)).flatMap((bits) => [bits - 1, bits, bits + 1]),
    ].flatMap((bits) => [bits, (bits | 0x80000000) >>> 0]),
  ),
];

const near = (powers: readonly number[]): readonly bigint[] =>
  powers.flatMap((power) => [-1n, 0n, 1n].flatMap((step) => [2n ** BigInt(power) + step, -(2n ** BigInt(power)) + step]));

/** Two's complement patterns: zeros, limits of every width, powers of two, their neighbours and negatives. */
export const W64_EDGES: readonly bigint[] = [
  ...new Set([0n, 3n, 10n, ...near([0, 1, 7, 8, 15, 16, 24, 31, 32, 33, 48, 53, 54, 62, 63])].map((value) => BigInt.asUintN(64, value))),
];

export const W32_EDGES: readonly number[] = [
  ...new Set([0n, 3n, 10n, ...near([0, 1, 7, 8, 15, 16, 17, 24, 30, 31])].map((value) => Number(BigInt.asUintN(32, value)))),
];

/** The words that `value` gives for each row; a plain loop, since Uint32Array.from calls are ten times slower over a million rows. */
export const column = (rows: number, value: (row: number) => number): Uint32Array<ArrayBuffer> => {
  const words = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) words[row] = value(row);
  return words;
};

export interface Pairs {
  readonly rows: number;
  readonly a: Uint32Array;
  readonly b: Uint32Array;
}

export const RANDOM_ROWS = 1_000_000;
const NEAR_ROWS = 200_000;
const CLASS_ROWS = 300_000;

/** A significand of few bits, of almost all, or of any, so that ties and carries through all bits occur. */
const significand = (next: () => number): bigint => {
  const bits = (BigInt(next() & 0xfffff) << 32n) | BigInt(next());
  const low = (1n << BigInt(next() % 53)) - 1n;
  return [bits, bits & ~low, bits | low][next() % 3] ?? bits;
};

/** Exponents of every class, and those that bring a sum, product or quotient of both to a limit of the format. */
const exponents = (next: () => number): readonly [number, number] => {
  const fields = [0, 0, 1, 2, 53, 1022, 1023, 1024, 2045, 2046, 2047, next() % 2048];
  const own = fields[next() % fields.length] ?? 0;
  const near = (next() % 120) - 60;
  const other = [own + near, 1023 - own + near, 3069 - own + near, own - 1023 + near, own + 1023 + near][next() % 6];
  return [own, other === undefined ? (fields[next() % fields.length] ?? 0) : Math.min(2047, Math.max(0, other))];
};

const float64 = (next: () => number, exponent: number): bigint =>
  (BigInt(next() & 1) << 63n) | (BigInt(exponent) << 52n) | significand(next);

/**
 * Two-word operands: all pairs of `edges`, RANDOM_ROWS of random bits, then pairs of near magnitude: for floats exponents at most
 * 63 apart, for integers random bit lengths. Last, for floats, pairs of exponents of every class.
 */
export const pairs64 = (edges: readonly bigint[], kind: "float" | "integer", seed: number): Pairs => {
  const crossed = edges.length * edges.length;
  const classes = crossed + RANDOM_ROWS + NEAR_ROWS;
  const rows = kind === "float" ? classes + CLASS_ROWS : classes;
  const a = new Uint32Array(rows * 2);
  const b = new Uint32Array(rows * 2);
  const [wideA, wideB] = [new BigUint64Array(a.buffer), new BigUint64Array(b.buffer)];
  edges.forEach((x, i) => {
    wideA.fill(x, i * edges.length, (i + 1) * edges.length);
    wideB.set(edges, i * edges.length);
  });
  const next = randomWords(seed);
  for (let i = crossed * 2; i < classes * 2; i++) {
    a[i] = next();
    b[i] = next();
  }
  for (let row = classes; row < rows; row++) {
    const [x, y] = exponents(next);
    wideA[row] = float64(next, x);
    wideB[row] = float64(next, y);
  }
  for (let row = crossed + RANDOM_ROWS; row < classes; row++) {
    if (kind === "float") {
      const exponent = ((a[2 * row + 1] ?? 0) >>> 20) & 0x7ff;
      const other = Math.min(0x7fe, Math.max(0, exponent + (next() & 127) - 63));
      b[2 * row + 1] = ((b[2 * row + 1] ?? 0) & 0x800fffff) | (other << 20);
      // A third of the near pairs has few bits, so that ties occur.
      if (row % 3 === 0) b[2 * row] = 0;
    } else {
      const [x, y] = [wideA[row] ?? 0n, wideB[row] ?? 0n];
      wideA[row] = BigInt.asIntN(64, x) >> BigInt(next() & 63);
      wideB[row] = BigInt.asIntN(64, y) >> BigInt(next() & 63);
    }
  }
  return { rows, a, b };
};

/** One-word operands, as of `pairs64`. */
export const pairs32 = (edges: readonly number[], kind: "float" | "integer", seed: number): Pairs => {
  const crossed = edges.length * edges.length;
  const rows = crossed + RANDOM_ROWS + NEAR_ROWS;
  const a = new Uint32Array(rows);
  const b = new Uint32Array(rows);
  edges.forEach((x, i) => {
    a.fill(x, i * edges.length, (i + 1) * edges.length);
    b.set(edges, i * edges.length);
  });
  const next = randomWords(seed);
  for (let row = crossed; row < rows; row++) {
    const [x, y] = [next(), next()];
    const isNear = row >= crossed + RANDOM_ROWS;
    if (!isNear || kind === "float") {
      a[row] = x;
      const other = Math.min(0xfe, Math.max(0, ((x >>> 23) & 0xff) + (next() & 63) - 31));
      b[row] = isNear ? (y & (row % 3 === 0 ? 0x807f0000 : 0x807fffff)) | (other << 23) : y;
    } else {
      a[row] = (x | 0) >> (next() & 31);
      b[row] = (y | 0) >> (next() & 31);
    }
  }
  return { rows, a, b };
};
