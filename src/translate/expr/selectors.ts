/** Expands selectors: one expression of the plan becomes one expression for each output column, with the name that polars gives it. */

import type { DType } from "../../ir/dtype.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import type { ExprContext } from "../../polars/oracle.ts";
import type { Scope } from "../scope.ts";
import { exprInputs, mapInputs, replaceExprs, selectorsOf } from "./tree.ts";

export interface OutputExpr {
  readonly name: string;
  readonly expr: DslExpr;
  /** As polars says; in the context of a group-by that is a List for a bare column. */
  readonly dtype: DType;
}

/** Functions that take what a selector in their inputs expands to as further inputs. */
const SPREADING = new Set([
  "AllHorizontal",
  "AnyHorizontal",
  "MinHorizontal",
  "MaxHorizontal",
  "SumHorizontal",
  "MeanHorizontal",
  "Coalesce",
  "AsStruct",
  "ConcatHorizontal",
]);

/** Null (with a reason) where the expansion is not understood. */
export function expand(scope: Scope, expr: DslExpr, context: ExprContext = "select"): readonly OutputExpr[] | null {
  const spread = spreadInputs(scope, expr);
  const outputs = scope.outputs(expr, context);
  if (outputs === undefined) return scope.unsupported("polars gives no dtype for an expression");
  const selectors = selectorsOf(spread);
  const [selector] = selectors;
  if (selector === undefined) {
    const [only] = outputs;
    if (only === undefined || outputs.length !== 1) return scope.unsupported("an expression without selectors has several outputs");
    return [{ ...only, expr: spread }];
  }
  if (selectors.length > 1) return scope.unsupported("several selectors in one expression");
  const names = scope.outputs(selector, context)?.map((f) => f.name);
  if (names === undefined || names.length !== outputs.length)
    return scope.unsupported("a selector that does not expand to one output for each column");
  return outputs.map((output, i) => ({
    ...output,
    expr: replaceExprs(spread, (e) => (tagOf(e)?.[0] === "Selector" ? { Column: names[i] ?? "" } : undefined)),
  }));
}

/** The tree with selectors in the inputs of horizontal functions expanded in place. */
function spreadInputs(scope: Scope, expr: DslExpr): DslExpr {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name === "Function" && isObject(payload) && isList(payload.input) && SPREADING.has(functionName(payload.function))) {
    const input = exprInputs(expr).flatMap((e) => {
      const [selector, more] = selectorsOf(e);
      const names = selector === undefined || more !== undefined ? undefined : scope.outputs(selector)?.map((f) => f.name);
      if (names === undefined) return [e];
      return names.map((n) => replaceExprs(e, (x) => (tagOf(x)?.[0] === "Selector" ? { Column: n } : undefined)));
    });
    return { Function: { ...payload, input } };
  }
  if (selectorsOf(expr).length === 0) return expr;
  return mapInputs(expr, (e) => spreadInputs(scope, e));
}

/** Name of a function, or of the function inside its namespace: `{ Boolean: "AllHorizontal" }` is `AllHorizontal`. */
export function functionName(value: DslValue | undefined): string {
  const [name, payload] = tagOf(value) ?? ["", null];
  if (NAMESPACES.has(name)) return tagOf(payload)?.[0] ?? name;
  return name;
}
export const NAMESPACES = new Set([
  "Boolean",
  "StringExpr",
  "TemporalExpr",
  "ListExpr",
  "StructExpr",
  "ArrayExpr",
  "BinaryExpr",
  "Categorical",
  "Range",
  "Trigonometry",
  "Correlation",
]);
