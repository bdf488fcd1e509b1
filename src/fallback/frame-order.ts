/** Rows of two results in one order, for results whose row order polars leaves open. */

import type { Cell, CellColumn } from "./cells.ts";

const RANK: readonly string[] = ["null", "boolean", "bigint", "number", "string"];
const rank = (cell: Cell): number => (cell === null ? 0 : RANK.indexOf(typeof cell));

/** A total order of the cells of one column: nulls first, NaN last, -0 before 0. */
export function compareCells(a: Cell, b: Cell): number {
  if (Object.is(a, b)) return 0;
  if (rank(a) !== rank(b) || a === null || b === null) return rank(a) - rank(b);
  if (typeof a === "number" && typeof b === "number") {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    if (a === b) return Object.is(a, -0) ? -1 : 1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The rows sorted by all columns. Columns that may differ within a tolerance, those of floats by default, are looked at last, so that such
 * results still pair up wherever anything else tells the rows apart.
 */
export function sortedRows(
  columns: readonly CellColumn[],
  rows: number,
  isNoisy: (column: CellColumn) => boolean = ({ float }) => float,
): readonly CellColumn[] {
  const keys = [...columns].sort((a, b) => Number(isNoisy(a)) - Number(isNoisy(b)));
  const order = Array.from({ length: rows }, (_, row) => row).sort((x, y) => {
    for (const { cells } of keys) {
      const difference = compareCells(cells[x] ?? null, cells[y] ?? null);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return columns.map((column) => ({ ...column, cells: order.map((row) => column.cells[row] ?? null) }));
}
