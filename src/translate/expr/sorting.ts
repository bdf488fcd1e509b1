/** Sort and SortBy inside an expression: the values of the column, or of each segment, in another order. */

import { isOrdered } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isList, isObject } from "../../polars/dsl.ts";
import { columnInput } from "./column-input.ts";
import type { ExprTranslator } from "./translator.ts";
import { asExpr, flagAt } from "./tree.ts";

type Payload = Readonly<Record<string, DslValue>>;

export function translateSort(t: ExprTranslator, payload: Payload): Expr | null {
  const { expr, options } = payload;
  const value = asExpr(expr);
  return sorted(t, value, [value], isObject(options) ? options : {});
}

export function translateSortBy(t: ExprTranslator, payload: Payload): Expr | null {
  const { expr, by, sort_options } = payload;
  return sorted(t, asExpr(expr), (isList(by) ? by : []).map(asExpr), isObject(sort_options) ? sort_options : {});
}

function sorted(t: ExprTranslator, valueDsl: DslExpr, by: readonly DslExpr[], options: Payload): Expr | null {
  if (options.limit !== null && options.limit !== undefined) return t.scope.unsupported("a sort with a limit inside an expression");
  const value = columnInput(t, valueDsl);
  const keys = by.map((e) => columnInput(t, e));
  const known = keys.filter((k) => k !== null);
  if (value === null || known.length !== keys.length) return null;
  if (known.some((k) => !isOrdered(k.dtype))) return t.scope.unsupported("a sort by structs");
  const directions = known.flatMap((_, i) => [flagAt(options.descending, i), flagAt(options.nulls_last, i)].map(Number));
  return t.window("sorted", [value, ...known], value.dtype, directions);
}
