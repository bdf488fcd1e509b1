/** What conformance is made of: things that a user can write, each over one column of every dtype or over a whole frame. */

import type { Expr, LazyDataFrame } from "nodejs-polars";

/** How far floats of the result may be from those of CPU polars; zero is the same bits, any NaN being like any other. */
export interface Tolerance {
  readonly rel: number;
}
export const EXACT: Tolerance = { rel: 0 };
/** For sums and what is made of them: CPU polars rounds at every step, the engine once. */
export const SUMS: Tolerance = { rel: 1e-12 };

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
  /** `any`: polars leaves the order of the rows open. */
  readonly order: "exact" | "any";
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

interface QueryOptions {
  readonly tolerance?: Tolerance;
  readonly order?: "exact" | "any";
}

/** Queries by name. */
export const queries = (
  section: string,
  makes: Readonly<Record<string, (frame: LazyDataFrame) => LazyDataFrame>>,
  { tolerance = EXACT, order = "exact" }: QueryOptions = {},
): readonly QueryCase[] => Object.entries(makes).map(([name, make]) => ({ kind: "query", name, section, make, tolerance, order }));
