/** Compares two results: names, types, number of rows, then every value; floats may differ by a relative 1e-12, all else not at all. */
import type { DataFrame } from "nodejs-polars";

const tolerance = 1e-12;

/** Null when the frames agree, else the first difference in words. Rows are compared in order. */
export function difference(expected: DataFrame, actual: DataFrame): string | null {
  const names = expected.columns.join(", ");
  if (names !== actual.columns.join(", ")) return `columns: expected ${names}; got ${actual.columns.join(", ")}`;
  const [types, otherTypes] = [expected.dtypes.map(String), actual.dtypes.map(String)];
  const type = types.findIndex((name, i) => name !== otherTypes[i]);
  if (type >= 0) return `type of ${expected.columns[type]}: expected ${types[type]}, got ${otherTypes[type]}`;
  if (expected.height !== actual.height) return `rows: expected ${expected.height}, got ${actual.height}`;
  const [rows, otherRows] = [expected.rows(), actual.rows()];
  for (const [r, row] of rows.entries()) {
    const other = otherRows[r] ?? [];
    const c = row.findIndex((value, i) => !same(value, other[i]));
    if (c >= 0) return `row ${r}, column ${expected.columns[c]}: expected ${String(row[c])}, got ${String(other[c])}`;
  }
  return null;
}

function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  if (typeof a !== "number" || typeof b !== "number" || (Number.isInteger(a) && Number.isInteger(b) && Number.isSafeInteger(a)))
    return a === b;
  return Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));
}
