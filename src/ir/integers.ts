/** The integers behind dtypes: their ranges, wrapping, and division as the device does it. */

import type { DType } from "./dtype.ts";

export interface IntegerRange {
  readonly least: bigint;
  readonly most: bigint;
}

const signed = (bits: bigint): IntegerRange => ({ least: -(1n << (bits - 1n)), most: (1n << (bits - 1n)) - 1n });
const unsigned = (bits: bigint): IntegerRange => ({ least: 0n, most: (1n << bits) - 1n });

const RANGES: Partial<Record<DType["kind"], IntegerRange>> = {
  Int8: signed(8n),
  Int16: signed(16n),
  Int32: signed(32n),
  Int64: signed(64n),
  UInt8: unsigned(8n),
  UInt16: unsigned(16n),
  UInt32: unsigned(32n),
  UInt64: unsigned(64n),
  Date: signed(32n),
  Time: signed(64n),
  Datetime: signed(64n),
  Duration: signed(64n),
};

/** Range of the integers that a dtype is stored as; null for dtypes that are not integers. */
export const integerRange = (dtype: DType): IntegerRange | null => RANGES[dtype.kind] ?? null;

/** The value modulo the width of the range. */
export function wrapTo({ least, most }: IntegerRange, value: bigint): bigint {
  const width = most - least + 1n;
  return ((((value - least) % width) + width) % width) + least;
}

/** Quotient rounded toward negative infinity; the divisor is not 0. */
export const floorDivide = (a: bigint, b: bigint): bigint => {
  const quotient = a / b;
  return quotient * b !== a && a < 0n !== b < 0n ? quotient - 1n : quotient;
};
