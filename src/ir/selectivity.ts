/** Which share of its rows a predicate probably leaves, by what is known of its columns: an estimate, for sizes and never for results. */

import type { Expr } from "./expr.ts";
import { type FunctionName, MIRRORED } from "./functions.ts";
import { partsOf } from "./optimize/conjuncts.ts";

/** Least and greatest value of a column, as its literals are numbers. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

/** Share of rows for conditions of which nothing is known, and for such equalities. */
const UNKNOWN = 0.5;
const EQUAL = 0.2;
/** No estimate is below this. */
const LEAST = 1 / 16;

/** From `LEAST` to 1; `rangeOf` is null for columns of which nothing is known. Values are taken to be spread evenly, columns to be independent. */
export function selectivity(predicate: Expr, rangeOf: (column: string) => ValueRange | null): number {
  return Math.max(LEAST, share(predicate, rangeOf));
}

function share(predicate: Expr, rangeOf: (column: string) => ValueRange | null): number {
  const bounds = new Map<string, Bound>();
  let rest = 1;
  for (const condition of partsOf("and", predicate)) {
    const bound = boundOf(condition);
    const range = bound === null ? null : rangeOf(bound.column);
    if (bound === null || range === null) {
      rest *= shareOfOne(condition, rangeOf);
      continue;
    }
    const before = bounds.get(bound.column) ?? range;
    bounds.set(bound.column, { ...bound, min: Math.max(before.min, bound.min), max: Math.min(before.max, bound.max) });
  }
  for (const { column, min, max, step } of bounds.values()) {
    const range = rangeOf(column);
    const width = range === null ? 0 : range.max - range.min + step;
    if (max < min) return 0;
    if (width > 0) rest *= (max - min + step) / width;
  }
  return rest;
}

function shareOfOne(condition: Expr, rangeOf: (column: string) => ValueRange | null): number {
  if (condition.kind !== "call") return UNKNOWN;
  const [a, b] = condition.args;
  if (condition.fn === "or" && a !== undefined && b !== undefined) return Math.min(1, share(a, rangeOf) + share(b, rangeOf));
  if (condition.fn === "not" && a !== undefined) return 1 - share(a, rangeOf);
  return condition.fn === "eq" ? EQUAL : UNKNOWN;
}

interface Bound extends ValueRange {
  readonly column: string;
  /** Between neighbouring values: 1 for integers, 0 for floats. */
  readonly step: number;
}

/** What a comparison of a column with a number leaves of its values; null for other conditions. */
function boundOf(condition: Expr): Bound | null {
  if (condition.kind !== "call") return null;
  const [a, b] = condition.args;
  if (a?.kind === "column") return bounded(condition.fn, a.name, b);
  const mirrored = MIRRORED[condition.fn];
  return b?.kind === "column" && mirrored !== undefined ? bounded(mirrored, b.name, a) : null;
}

function bounded(fn: FunctionName, column: string, other: Expr | undefined): Bound | null {
  if (other?.kind !== "literal" || (typeof other.value !== "number" && typeof other.value !== "bigint")) return null;
  const value = Number(other.value);
  const step = typeof other.value === "bigint" ? 1 : 0;
  if (fn === "eq") return { column, step, min: value, max: value };
  if (fn === "lt" || fn === "le") return { column, step, min: Number.NEGATIVE_INFINITY, max: value };
  return fn === "gt" || fn === "ge" ? { column, step, min: value, max: Number.POSITIVE_INFINITY } : null;
}
