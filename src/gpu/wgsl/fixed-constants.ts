/** Constants of the elementary functions, computed with BigInt: fixed-point numbers, and their WGSL text. */

import type { Definition } from "./definitions.ts";

/** Bits behind the binary point while computing; every constant is cut from this, so that it is off by less than one unit of its last place. */
const BITS = 224;
const ONE = 1n << BigInt(BITS);

/** Sum of term(k) for k = 0, 1, .. until the terms vanish. */
const series = (term: (k: bigint) => bigint): bigint => {
  let sum = 0n;
  for (let k = 0n; ; k++) {
    const t = term(k);
    if (t === 0n) return sum;
    sum += t;
  }
};

/** atanh(p / q), or atan(p / q) where `alternating`: sum of (p / q)^(2k + 1) / (2k + 1). */
const arcSeries = (p: bigint, q: bigint, alternating: boolean, one = ONE): bigint => {
  let power = (one * p) / q;
  return series((k) => {
    const t = power / (2n * k + 1n);
    power = (power * p * p) / (q * q);
    return alternating && k % 2n === 1n ? -t : t;
  });
};

/** Machin's formula. */
const pi = (one: bigint): bigint => 16n * arcSeries(1n, 5n, true, one) - 4n * arcSeries(1n, 239n, true, one);

export const LN2 = 2n * arcSeries(1n, 3n, false);
export const PI = pi(ONE);
export const LOG2_E = (ONE * ONE) / LN2;
export const THIRD = ONE / 3n;

/** ln(p / q). */
export const ln = (p: bigint, q: bigint): bigint => 2n * arcSeries(p - q, p + q, false);

/** 2^(p / q). */
export const exp2 = (p: bigint, q: bigint): bigint => {
  let t = ONE;
  return series((k) => {
    const now = t;
    t = (t * LN2 * p) / (q * (k + 1n)) / ONE;
    return now;
  });
};

/** ln(2)^k / k!: the coefficients of 2^x. */
export const exp2Coefficient = (k: number): bigint => (k === 0 ? ONE : (exp2Coefficient(k - 1) * LN2) / ONE / BigInt(k));

export const inverseFactorial = (k: number): bigint => (k < 2 ? ONE : inverseFactorial(k - 1) / BigInt(k));

export const inverse = (n: number): bigint => ONE / BigInt(n);

/** atan(j / n) for j = 0 .. n: each out of the one before by atan((j + 1) / n) - atan(j / n) = atan(n / (n^2 + j (j + 1))). */
export const arcTangents = (n: number): readonly bigint[] => {
  const all = [0n];
  for (let j = 0; j < n; j++) all.push((all[j] ?? 0n) + arcSeries(BigInt(n), BigInt(n * n + j * (j + 1)), true));
  return all;
};

/** The first bits of 2 / pi behind the binary point, as an integer. */
export const twoOverPi = (bits: number): bigint => {
  const one = 1n << BigInt(bits + 32);
  return (2n * one * (1n << BigInt(bits))) / pi(one);
};

/** A constant as an integer of `fraction` bits behind the binary point; negative ones round down too. */
export const fixed = (constant: bigint, fraction: number): bigint => constant >> BigInt(BITS - fraction);

/** An integer, in two's complement if negative, as a WGSL vector of 2 or 4 words, the least first. */
export const vector = (value: bigint, words: 2 | 4): string => {
  const unsigned = BigInt.asUintN(words * 32, value);
  const parts = Array.from({ length: words }, (_, i) => `0x${((unsigned >> BigInt(32 * i)) & 0xffffffffn).toString(16)}u`);
  return `vec${words}<u32>(${parts.join(", ")})`;
};

/** A table is computed when a kernel needs it. */
export const table =
  (name: string, values: () => readonly bigint[], words: 2 | 4): Definition =>
  () => {
    const vectors = values().map((v) => vector(v, words));
    return `const ${name} = array<vec${words}<u32>, ${vectors.length}>(${vectors.join(", ")});`;
  };
