/** Over: an expression evaluated in the groups of its keys, in an order of its own where it has one. */

import { isOrdered } from "../../ir/dtype.ts";
import type { Expr, SortKey } from "../../ir/expr.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import type { ExprTranslator } from "./translator.ts";
import { asExpr, isConstant } from "./tree.ts";

export function translateOver(t: ExprTranslator, payload: Readonly<Record<string, DslValue>>): Expr | null {
  const { scope, target } = t;
  if (target === null || target.over === null) return scope.unsupported("a window function inside of an aggregate or another one");
  if (payload.mapping !== "GroupsToRows") return scope.unsupported(`a window function with mapping ${String(payload.mapping)}`);
  const keys = (isList(payload.partition_by) ? payload.partition_by : []).map((k) => t.translate(asExpr(k)));
  const known = keys.filter((k) => k !== null);
  const order = orderOf(t, payload.order_by);
  if (known.length !== keys.length || order === null) return null;
  const inner = asExpr(payload.function);
  if (isConstant(inner)) return scope.unsupported("a window function of a constant");
  return t.within(target.over(known, order)).translate(inner);
}

/** Null where a key has no GPU form. Several keys come as a struct, with one direction for all. */
function orderOf(t: ExprTranslator, orderBy: DslValue | undefined): readonly SortKey[] | null {
  if (!isList(orderBy)) return [];
  const [by, options] = orderBy;
  const settings = isObject(options) ? options : {};
  const keys = fieldsOf(asExpr(by)).map((e) => t.translate(e));
  const known = keys.filter((k) => k !== null);
  if (known.length !== keys.length) return null;
  if (known.some((k) => !isOrdered(k.dtype))) return t.scope.unsupported("a window function ordered by structs");
  return known.map((expr) => ({ expr, descending: settings.descending === true, nullsLast: settings.nulls_last === true }));
}

function fieldsOf(expr: DslExpr): readonly DslExpr[] {
  const [name, payload] = tagOf(expr) ?? ["", null];
  const fn = name === "Function" && isObject(payload) ? payload.function : undefined;
  return fn === "AsStruct" && isObject(payload) && isList(payload.input) ? payload.input.map(asExpr) : [expr];
}
