/** Short names of expressions, equal for expressions of equal structure: what has been compiled is found by them. */

import type { Expr } from "../../ir/expr.ts";
import { describeExpr } from "../../ir/expr.ts";
import { describeDType } from "../../ir/schema.ts";
import { RecentlyUsed } from "../../polars/recently-used.ts";

/** Forgetting one costs a compilation: its structure gets another name. */
const names = new RecentlyUsed<string, string>(1 << 13);
const named = new WeakMap<Expr, string>();
let made = 0;

/** Two expressions with the same name have the same values over columns of the same dtypes, of the same dtype. */
export function structureName(expr: Expr): string {
  const known = named.get(expr);
  if (known !== undefined) return known;
  const structure = structureText(expr);
  let name = names.get(structure);
  if (name === undefined) {
    name = `${made++}`;
    names.set(structure, name);
  }
  named.set(expr, name);
  return name;
}

/** The names of its arguments stand for them. */
function structureText(expr: Expr): string {
  const dtype = describeDType(expr.dtype);
  switch (expr.kind) {
    case "column":
      return JSON.stringify([expr.kind, expr.name]);
    case "literal":
      return JSON.stringify([expr.kind, dtype, typeof expr.value, Object.is(expr.value, -0) ? "-0" : String(expr.value)]);
    case "lookup":
      return JSON.stringify([expr.kind, dtype, structureName(expr.arg), expr.dsl]);
    case "call":
      return JSON.stringify([expr.kind, dtype, expr.fn, expr.args.map(structureName), expr.options.map(String)]);
    case "aggregate":
      return JSON.stringify([expr.kind, dtype, describeExpr(expr)]);
  }
}
