/** Walking DSL expressions: which parts of a node are expressions, which columns and selectors it mentions. */

import type { DslExpr, DslNode, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";

const isNode = (value: DslValue | undefined): value is DslNode => typeof value === "string" || isObject(value);

/** Expressions directly inside a node, in order. */
export function exprInputs(expr: DslExpr): readonly DslExpr[] {
  const [name, payload] = tagOf(expr) ?? ["", null];
  const pick = (...values: readonly (DslValue | undefined)[]): readonly DslExpr[] => values.filter(isNode);
  switch (name) {
    case "Alias":
      return isList(payload) ? pick(payload[0]) : [];
    case "KeepName":
    case "AggGroups":
      return pick(payload);
    case "RenameAlias":
    case "Cast":
    case "Explode":
    case "StructEval":
    case "Sort":
      return isObject(payload) ? pick(payload.expr ?? payload.input) : [];
    case "BinaryExpr":
      return isObject(payload) ? pick(payload.left, payload.right) : [];
    case "Ternary":
      return isObject(payload) ? pick(payload.predicate, payload.truthy, payload.falsy) : [];
    case "Function":
      return isObject(payload) && isList(payload.input) ? payload.input.filter(isNode) : [];
    case "Agg": {
      const inner = tagOf(payload)?.[1];
      if (isList(inner)) return pick(inner[0]);
      if (isObject(inner) && "input" in inner) return pick(inner.input);
      if (isObject(inner) && "expr" in inner) return pick(inner.expr);
      return pick(inner);
    }
    case "Over":
      return isObject(payload) ? pick(payload.function, ...(isList(payload.partition_by) ? payload.partition_by : [])) : [];
    case "SortBy":
      return isObject(payload) ? pick(payload.expr, ...(isList(payload.by) ? payload.by : [])) : [];
    case "Gather":
      return isObject(payload) ? pick(payload.expr, payload.idx) : [];
    case "Slice":
      return isObject(payload) ? pick(payload.input, payload.offset, payload.length) : [];
    case "Filter":
      return isObject(payload) ? pick(payload.input, payload.by) : [];
    case "Eval":
      return isObject(payload) ? pick(payload.expr) : [];
    default:
      return [];
  }
}

/** The node with the expressions directly inside it replaced. */
export function mapInputs(expr: DslExpr, f: (expr: DslExpr) => DslExpr): DslExpr {
  const inputs = new Set<DslValue>(exprInputs(expr));
  const walk = (value: DslValue): DslValue => {
    if (inputs.has(value) && isNode(value)) return f(value);
    if (isList(value)) return value.map(walk);
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, walk(v)]));
    return value;
  };
  const [name, payload] = tagOf(expr) ?? ["", null];
  return typeof expr === "string" ? expr : { [name]: walk(payload) };
}

/** Every expression in the tree, the root first. */
export function* allExprs(expr: DslExpr): Generator<DslExpr> {
  yield expr;
  for (const input of exprInputs(expr)) yield* allExprs(input);
}

export const columnName = (expr: DslExpr): string | null => {
  const [name, payload] = tagOf(expr) ?? ["", null];
  return name === "Column" && typeof payload === "string" ? payload : null;
};

/** Names of the columns mentioned. */
export function columnNames(expr: DslExpr): ReadonlySet<string> {
  const names = new Set<string>();
  for (const e of allExprs(expr)) {
    const name = columnName(e);
    if (name !== null) names.add(name);
  }
  return names;
}

/** Whether the number of rows is mentioned, which no column is but which rows decide. */
export const mentionsLength = (expr: DslExpr): boolean => [...allExprs(expr)].some((e) => tagOf(e)?.[0] === "Len");

/** Whether the value is the same whatever the rows: aggregates of constants, like the list that SQL makes for IN, are constants too. */
export const isConstant = (expr: DslExpr): boolean => columnNames(expr).size === 0 && !mentionsLength(expr);

/** Payloads of the selectors mentioned, by text. */
export function selectorsOf(expr: DslExpr): readonly DslExpr[] {
  const found = new Map<string, DslExpr>();
  for (const e of allExprs(expr)) if (tagOf(e)?.[0] === "Selector") found.set(JSON.stringify(e), e);
  return [...found.values()];
}

/** The tree with every node for which `f` gives something replaced by it. */
export function replaceExprs(expr: DslExpr, f: (expr: DslExpr) => DslExpr | undefined): DslExpr {
  const rebuilt = replaceValue(expr, f);
  return isNode(rebuilt) ? rebuilt : expr;
}

function replaceValue(value: DslValue, f: (expr: DslExpr) => DslExpr | undefined): DslValue {
  if (isList(value)) return value.map((v) => replaceValue(v, f));
  if (!isObject(value)) return value;
  const [name] = tagOf(value) ?? [""];
  const replaced = name === "Column" || name === "Selector" ? f(value) : undefined;
  if (replaced !== undefined) return replaced;
  if (name === "Literal") return value;
  return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, replaceValue(v, f)]));
}

/** A flag of sort key `i`: lists have one for each key, or one for all. */
export const flagAt = (flags: DslValue | undefined, i: number): boolean =>
  (isList(flags) ? (flags.length === 1 ? flags[0] : flags[i]) : flags) === true;

/** Without the names around it, which the node that holds it gives. */
export function unnamed(expr: DslExpr): DslExpr {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name === "Alias" && isList(payload)) return unnamed(asExpr(payload[0]));
  if (name === "KeepName") return unnamed(asExpr(payload));
  if (name === "RenameAlias" && isObject(payload)) return unnamed(asExpr(payload.expr));
  return expr;
}

/** A payload that stands where polars always writes an expression. */
export const asExpr = (value: DslValue | undefined): DslExpr =>
  typeof value === "string" || isObject(value) ? value : { Literal: { Scalar: { Null: "Null" } } };
