/** Compares two results: names, types, number of rows, then every value; floats may differ a little, all else not at all. */
import type { DataFrame } from "nodejs-polars";

/** Relative. */
const usualTolerance = 1e-12;

/** Relative error that adding up `rows` floats of one sign one after the other may have, as CPU polars does in a group, but no less than 1e-12. */
export const summingTolerance = (rows: number): number => Math.max(usualTolerance, rows * 2 ** -53);

/** Null when the frames agree, else the first difference in words. Rows are compared in order, floats up to a relative `tolerance`. */
export function difference(expected: DataFrame, actual: DataFrame, tolerance: number = usualTolerance): string | null {
  const names = expected.columns.join(", ");
  if (names !== actual.columns.join(", ")) return `columns: expected ${names}; got ${actual.columns.join(", ")}`;
  const [types, otherTypes] = [expected.dtypes.map(String), actual.dtypes.map(String)];
  const type = types.findIndex((name, i) => name !== otherTypes[i]);
  if (type >= 0) return `type of ${expected.columns[type]}: expected ${types[type]}, got ${otherTypes[type]}`;
  if (expected.height !== actual.height) return `rows: expected ${expected.height}, got ${actual.height}`;
  const [rows, otherRows] = [expected.rows(), actual.rows()];
  for (const [r, row] of rows.entries()) {
    const other = otherRows[r] ?? [];
    const c = row.findIndex((value, i) => !same(value, other[i], tolerance));
    if (c >= 0) return `row ${r}, column ${expected.columns[c]}: expected ${String(row[c])}, got ${String(other[c])}`;
  }
  return null;
}

/** The largest relative difference between floats of two frames that agree. */
export function largestDeviation(expected: DataFrame, actual: DataFrame): number {
  const otherRows = actual.rows();
  let largest = 0;
  for (const [r, row] of expected.rows().entries()) {
    for (const [c, value] of row.entries()) {
      const other: unknown = otherRows[r]?.[c];
      if (typeof value !== "number" || typeof other !== "number" || Object.is(value, other)) continue;
      largest = Math.max(largest, Math.abs(value - other) / Math.max(Math.abs(value), Math.abs(other)));
    }
  }
  return largest;
}

function same(a: unknown, b: unknown, tolerance: number): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (typeof a !== "number" || typeof b !== "number" || (Number.isInteger(a) && Number.isInteger(b) && Number.isSafeInteger(a)))
    return a === b;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
