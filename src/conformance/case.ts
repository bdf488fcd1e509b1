/** What conformance is made of: things that a user can write, each over one column of every dtype or over a whole frame. */

import type { Expr, LazyDataFrame } from "nodejs-polars";
import type { Tolerance } from "../fallback/frame-difference.ts";

export const EXACT: Tolerance = {};
/**
 * For sums and what is made of them: CPU polars rounds at every step, the engine once. It adds f32 of a group up in f32, which loses up to half a unit
 * with each of the at most 40 rows.
 */
export const SUMS: Tolerance = { rel: 1e-12, single: 40 * 2 ** -24 };
/** For ratios of moments, which are about 1 in size and may cancel out to 0. */
export const UNITLESS: Tolerance = { rel: 1e-12, abs: 1e-12 };
/** For elementary functions. */
export const MATH: Tolerance = { ulps: 2 };

interface Common {
  /** As one would write it, and unique. */
  readonly name: string;
  readonly section: string;
  readonly tolerance: Tolerance;
}

/** An expression of one column; it is tried on a column of each dtype. */
export interface ExpressionCase extends Common {
  readonly kind: "expression";
  readonly make: (column: Expr) => Expr;
  /** The query that holds the expressions. */
  readonly within: (frame: LazyDataFrame, exprs: readonly Expr[]) => LazyDataFrame;
  /** Columns on which CPU polars ends the process or never comes back. */
  readonly except: readonly string[];
}

/** A query of the whole frame of `everyDtype`. */
export interface QueryCase extends Common {
  readonly kind: "query";
  readonly make: (frame: LazyDataFrame) => LazyDataFrame;
}

export type Case = ExpressionCase | QueryCase;

interface Options {
  readonly tolerance?: Tolerance;
  readonly except?: readonly string[];
  readonly within?: ExpressionCase["within"];
}

const selected: ExpressionCase["within"] = (frame, exprs) => frame.select(...exprs);

/** Expressions by name. */
export const expressions = (
  section: string,
  makes: Readonly<Record<string, (column: Expr) => Expr>>,
  { tolerance = EXACT, except = [], within = selected }: Options = {},
): readonly ExpressionCase[] =>
  Object.entries(makes).map(([name, make]) => ({ kind: "expression", name, section, make, within, tolerance, except }));

/** Queries by name. */
export const queries = (
  section: string,
  makes: Readonly<Record<string, (frame: LazyDataFrame) => LazyDataFrame>>,
  tolerance: Tolerance = EXACT,
): readonly QueryCase[] => Object.entries(makes).map(([name, make]) => ({ kind: "query", name, section, make, tolerance }));
