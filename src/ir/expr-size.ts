/** What expressions cost: how large they are, and become by substitution, which can double them with every step; and which are dear. */

import type { Expr, NamedExpr } from "./expr.ts";
import { exprChildren, visitExpr } from "./expr.ts";
import type { FunctionName } from "./functions.ts";

/** Expressions above this number of nodes are not made by substitution. */
const MAX_SIZE = 1000;

const sizes = new WeakMap<Expr, number>();

/** Number of nodes, shared ones counted for each use. */
export function sizeOf(expr: Expr): number {
  const known = sizes.get(expr);
  if (known !== undefined) return known;
  const size = exprChildren(expr).reduce((sum, child) => sum + sizeOf(child), 1);
  sizes.set(expr, size);
  return size;
}

/** How often each column is read. */
export function readsOf(exprs: readonly Expr[]): ReadonlyMap<string, number> {
  const reads = new Map<string, number>();
  const pending = [...exprs];
  for (let expr = pending.pop(); expr !== undefined; expr = pending.pop()) {
    if (expr.kind === "column") reads.set(expr.name, (reads.get(expr.name) ?? 0) + 1);
    pending.push(...exprChildren(expr));
  }
  return reads;
}

/** Whether `expr` stays small when columns are replaced by what computes them. */
export function staysSmall(expr: Expr, by: ReadonlyMap<string, Expr>): boolean {
  if (sizeOf(expr) > MAX_SIZE) return false;
  let size = sizeOf(expr);
  for (const [name, reads] of readsOf([expr])) {
    const replacement = by.get(name);
    if (replacement !== undefined) size += reads * (sizeOf(replacement) - 1);
  }
  return size <= MAX_SIZE;
}

/** Emulated division and roots take hundreds of instructions, elementary functions thousands. */
const DEAR: ReadonlySet<FunctionName> = new Set<FunctionName>([
  ...(["div", "floor_div", "mod", "sqrt", "exp", "ln", "log1p", "cbrt", "pow", "ipow", "sin", "cos", "tan", "cot"] as const),
  ...(["asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"] as const),
]);

/** Whether computing the expression again costs more than writing its values and reading them. */
export function isDear(expr: Expr): boolean {
  let dear = false;
  visitExpr(expr, (e) => {
    dear ||= e.kind === "call" && DEAR.has(e.fn);
  });
  return dear;
}

/** Whether putting `inner` in the place of the columns that it computes would compute something dear more than once. */
export function repeatsDear(inner: readonly NamedExpr[], exprs: readonly Expr[]): boolean {
  const reads = readsOf(exprs);
  return inner.some(({ name, expr }) => (reads.get(name) ?? 0) > 1 && isDear(expr));
}
