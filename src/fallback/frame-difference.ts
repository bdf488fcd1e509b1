/** The first difference between two results in words. */

import type { DataFrame } from "nodejs-polars";
import { type Cell, type CellColumn, cellColumns } from "./cells.ts";
import { sortedRows } from "./frame-order.ts";

/** What may differ; by default nothing: the same rows in the same order, floats to the bit, any NaN being like any other. */
export interface Tolerance {
  /** `any`: the same rows, where polars leaves their order open. */
  readonly order?: "exact" | "any";
  /** Relative difference that floats may have. */
  readonly rel?: number;
  /** As `rel`, for f32; by default what `rel` says. */
  readonly single?: number;
  /** Absolute difference that floats may have, for measures without a unit. */
  readonly abs?: number;
  /** Units in the last place that floats may be apart, for elementary functions only. Zeros, infinities and NaN still have to be the same. */
  readonly ulps?: number;
  /** Whether -0 and 0 are the same value, where polars leaves open which one it gives. */
  readonly anyZero?: boolean;
}

/** Null: schema, height and rows are the same within the tolerance. */
export function frameDifference(expected: DataFrame, actual: DataFrame, tolerance: Tolerance): string | null {
  if (sameBytes(expected, actual)) return null;
  const [columns, others] = [cellColumns(expected), cellColumns(actual)];
  if (schemaText(columns) !== schemaText(others)) return `schema: expected ${schemaText(columns)}; got ${schemaText(others)}`;
  const rows = expected.height;
  if (rows !== actual.height) return `rows: expected ${rows}, got ${actual.height}`;
  const [want, have] = tolerance.order === "any" ? [sortedRows(columns, rows), sortedRows(others, rows)] : [columns, others];
  for (const [c, column] of want.entries()) {
    for (const [row, cell] of column.cells.entries()) {
      const got = have[c]?.cells[row] ?? null;
      const isSingle = column.dtype === "Float32";
      if (!same(cell, got, isSingle, tolerance) && !near(cell, got, isSingle, tolerance.ulps ?? 0))
        return `row ${row}, column ${JSON.stringify(column.name)} (${column.dtype}): expected ${cellText(cell)}, got ${cellText(got)}`;
    }
  }
  return null;
}

/** Whether the frames are the same to the bit, which is quickly seen; frames that are the same in other chunks need a closer look. */
export function sameBytes(a: DataFrame, b: DataFrame): boolean {
  try {
    return a.writeIPC().equals(b.writeIPC());
  } catch {
    return false;
  }
}

const schemaText = (columns: readonly CellColumn[]): string => columns.map((c) => `${c.name}: ${c.dtype}`).join(", ");

function same(a: Cell, b: Cell, isSingle: boolean, { rel = 0, single = rel, abs = 0, anyZero = false }: Tolerance): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "number" || typeof b !== "number") return false;
  if (a === b) return anyZero || rel > 0;
  return (
    Math.abs(a - b) <= Math.max(abs, (isSingle ? single : rel) * Math.max(Math.abs(a), Math.abs(b))) &&
    Number.isFinite(a) &&
    Number.isFinite(b)
  );
}

const floats = new Float64Array(1);
const integers = new BigInt64Array(floats.buffer);

/** The number of a finite double among all doubles, counted from 0; of an f32 among all f32. */
function ordinal(value: number, single: boolean): bigint {
  floats[0] = Math.abs(value);
  const bits = integers[0] ?? 0n;
  // 29 bits of a double lie below an f32's least one; subnormal f32 are counted in units of 2^-149.
  const count = !single ? bits : Math.abs(value) < 2 ** -126 ? BigInt(Math.abs(value) * 2 ** 149) : (bits >> 29n) - (896n << 23n);
  return value < 0 ? -count : count;
}

function near(a: Cell, b: Cell, single: boolean, ulps: number): boolean {
  if (ulps === 0 || typeof a !== "number" || typeof b !== "number" || !Number.isFinite(a) || !Number.isFinite(b) || a === 0 || b === 0)
    return false;
  const apart = ordinal(a, single) - ordinal(b, single);
  return apart <= BigInt(ulps) && -apart <= BigInt(ulps);
}

const cellText = (cell: Cell): string =>
  typeof cell === "bigint" ? `${cell}` : typeof cell === "string" ? JSON.stringify(cell) : Object.is(cell, -0) ? "-0" : String(cell);
