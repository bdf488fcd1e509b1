/** Elementwise expressions that CPU polars evaluates: on the entries of one string-like column, or on the distinct rows of several columns. */

import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { column, LOOKUP_COLUMN, lookup } from "../../ir/expr.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { tagOf } from "../../polars/dsl.ts";
import { exactText } from "../../polars/dsl-text.ts";
import type { Scope } from "../scope.ts";
import { isElementwise } from "./elementwise.ts";
import { columnNames, replaceExprs } from "./tree.ts";

/** The lookup for an elementwise expression over exactly one code column; undefined for any other expression. */
export function asLookup(scope: Scope, expr: DslExpr): Expr | null | undefined {
  const [name, second] = columnNames(expr);
  if (name === undefined || second !== undefined) return undefined;
  const field = scope.column(name);
  if (field === undefined || physicalOf(field.dtype) !== "code" || !isElementwise(scope, expr)) return undefined;
  const dtype = scope.dtype(expr);
  if (dtype === null) return null;
  const dsl = replaceExprs(expr, (e) => (tagOf(e)?.[0] === "Column" ? { Column: LOOKUP_COLUMN } : undefined));
  return lookup(exactText(dsl), column(name, field.dtype), dtype);
}

/** Where lookups over several columns, and over columns that are no codes, go. */
export interface LookupTarget {
  readonly size: number;
  add(args: readonly string[], dsl: string, dtype: Expr["dtype"]): Expr;
  truncate(size: number): void;
}

/** The column of a new lookup for an elementwise expression; null where it is not one, or polars gives it no dtype. */
export function lifted(scope: Scope, target: LookupTarget, expr: DslExpr): Expr | null {
  const args = scope.schema.filter((f) => columnNames(expr).has(f.name)).map((f) => f.name);
  if (args.length < columnNames(expr).size || !isElementwise(scope, expr)) return null;
  const [output, more] = scope.outputs(expr) ?? [];
  return output === undefined || more !== undefined ? null : target.add(args, exactText(expr), output.dtype);
}
