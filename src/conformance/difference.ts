/** The first difference between two results in words. */

import type { DataFrame } from "nodejs-polars";
import type { Tolerance } from "./case.ts";
import { type Cell, type CellColumn, cellColumns } from "./cells.ts";
import { sortedRows } from "./order.ts";

/** Null: the frames have the same schema, height and rows, in any order where `order` is "any". */
export function frameDifference(expected: DataFrame, actual: DataFrame, tolerance: Tolerance, order: "exact" | "any"): string | null {
  const [columns, others] = [cellColumns(expected), cellColumns(actual)];
  if (schemaText(columns) !== schemaText(others)) return `schema: expected ${schemaText(columns)}; got ${schemaText(others)}`;
  const rows = expected.height;
  if (rows !== actual.height) return `rows: expected ${rows}, got ${actual.height}`;
  const [want, have] = order === "any" ? [sortedRows(columns, rows), sortedRows(others, rows)] : [columns, others];
  for (const [c, column] of want.entries()) {
    for (const [row, cell] of column.cells.entries()) {
      const got = have[c]?.cells[row] ?? null;
      if (!same(cell, got, tolerance))
        return `row ${row}, column ${JSON.stringify(column.name)} (${column.dtype}): expected ${cellText(cell)}, got ${cellText(got)}`;
    }
  }
  return null;
}

const schemaText = (columns: readonly CellColumn[]): string => columns.map((c) => `${c.name}: ${c.dtype}`).join(", ");

function same(a: Cell, b: Cell, { rel }: Tolerance): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "number" || typeof b !== "number") return false;
  if (a === b) return rel > 0;
  return Math.abs(a - b) <= rel * Math.max(Math.abs(a), Math.abs(b)) && Number.isFinite(a) && Number.isFinite(b);
}

export const cellText = (cell: Cell): string =>
  typeof cell === "bigint" ? `${cell}` : typeof cell === "string" ? JSON.stringify(cell) : Object.is(cell, -0) ? "-0" : String(cell);
