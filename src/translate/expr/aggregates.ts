/** Aggregate expressions: each becomes a column of an Aggregate node, and the expression around it refers to that column. */

import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { AggregateExpr, Expr, NamedExpr } from "../../ir/expr.ts";
import { aggregate, call, column, describeExpr, literal, named } from "../../ir/expr.ts";
import type { AggregateName } from "../../ir/functions.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { isNumeric } from "./binary.ts";
import type { ExprTranslator } from "./translator.ts";
import { asExpr, columnNames, exprInputs } from "./tree.ts";

/** Aggregates over the same groups, under generated names that no user column can have. */
export class AggregateSet {
  readonly aggregates: NamedExpr[] = [];
  readonly #prefix: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The column that will hold the aggregate. */
  add(expr: AggregateExpr): Expr {
    const text = describeExpr(expr);
    const known = this.aggregates.find((a) => describeExpr(a.expr) === text);
    const name = known?.name ?? `${this.#prefix}${this.aggregates.length}`;
    if (known === undefined) this.aggregates.push(named(name, expr));
    return column(name, expr.dtype);
  }
}

const SIMPLE: Readonly<Record<string, AggregateName>> = {
  Sum: "sum",
  Mean: "mean",
  Min: "min",
  Max: "max",
  First: "first",
  Last: "last",
  NUnique: "n_unique",
  Std: "std",
  Var: "var",
};

/** Whether a node is an aggregate by itself. */
export function isAggregate(expr: DslExpr): boolean {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name === "Agg" || name === "Len") return true;
  if (name !== "Function" || !isObject(payload)) return false;
  const [fn, inner] = tagOf(payload.function) ?? ["", null];
  const boolean = fn === "Boolean" ? tagOf(inner)?.[0] : undefined;
  return fn === "NullCount" || boolean === "Any" || boolean === "All";
}

/** Whether the expression has one value for all rows: made of aggregates and constants only. */
export function hasOneValue(expr: DslExpr): boolean {
  if (isAggregate(expr)) return true;
  if (tagOf(expr)?.[0] === "Over") return false;
  const inputs = exprInputs(expr);
  return inputs.length === 0 ? columnNames(expr).size === 0 : inputs.every(hasOneValue);
}

/** Translates an aggregate node; `inner` translates its input row by row. */
export function translateAggregate(t: ExprTranslator, inner: ExprTranslator, set: AggregateSet, expr: DslExpr): Expr | null {
  const made = aggregateOf(t, inner, expr);
  return made === null ? null : set.add(made);
}

function aggregateOf(t: ExprTranslator, inner: ExprTranslator, expr: DslExpr): AggregateExpr | null {
  const { scope } = t;
  const [name, payload] = tagOf(expr) ?? ["", null];
  const dtype = scope.dtype(expr);
  if (dtype === null) return null;
  if (name === "Len") return aggregate("len", null, dtype);
  if (name === "Function" && isObject(payload)) {
    const [fn, options] = tagOf(payload.function) ?? ["", null];
    const input = isList(payload.input) ? payload.input[0] : undefined;
    const arg = translateInput(inner, input);
    if (arg === null) return null;
    if (fn === "NullCount") return aggregate("null_count", arg, dtype);
    const [kind, settings] = tagOf(options) ?? ["", null];
    if (isObject(settings) && settings.ignore_nulls !== true) return scope.unsupported(`${kind} with Kleene logic`);
    return aggregate(kind === "Any" ? "any" : "all", arg, dtype);
  }
  const [kind, body] = tagOf(payload) ?? ["", null];
  if (kind === "Count" && isObject(body)) {
    const arg = translateInput(inner, body.input);
    return arg === null ? null : aggregate(body.include_nulls === true ? "len" : "count", body.include_nulls === true ? null : arg, dtype);
  }
  const fn = SIMPLE[kind];
  if (fn === undefined) return scope.unsupported(`aggregate ${kind}`);
  const [input, ddof] = isList(body) ? body : [isObject(body) && "input" in body ? body.input : body, 1];
  const arg = translateInput(inner, input, fn);
  return arg === null ? null : typed(t, fn, arg, dtype, typeof ddof === "number" ? ddof : 1);
}

/** Aggregates for which a row that a filter drops is the same as a null. */
const FILTERS_AS_NULL = new Set<AggregateName>(["sum", "mean", "min", "max", "std", "var"]);

function translateInput(inner: ExprTranslator, input: DslValue | undefined, fn?: AggregateName): Expr | null {
  if (typeof input !== "string" && !isObject(input)) return inner.scope.unsupported("an aggregate without an input");
  if (columnNames(input).size === 0)
    return inner.scope.unsupported("an aggregate of a constant, which to polars is one value whatever the rows");
  const [name, payload] = tagOf(input) ?? ["", null];
  if (name === "Filter" && isObject(payload) && fn !== undefined && FILTERS_AS_NULL.has(fn)) {
    const value = translateInput(inner, payload.input, fn);
    const by = inner.translate(asExpr(payload.by));
    return value === null || by === null ? null : call("ternary", [by, value, literal(null, value.dtype)], value.dtype);
  }
  return inner.translate(input);
}

/** The aggregate with its input in the dtype that it accumulates. */
function typed(t: ExprTranslator, fn: AggregateName, arg: Expr, dtype: DType, ddof: number): AggregateExpr | null {
  const no = (): null => t.scope.unsupported(`${fn} of ${describeDType(arg.dtype)}`);
  switch (fn) {
    case "sum": {
      if (!(isNumeric(arg.dtype) || arg.dtype.kind === "Boolean" || arg.dtype.kind === "Duration") || physicalOf(dtype) === "code")
        return no();
      const input = arg.dtype.kind === "Duration" ? arg : t.cast(arg, dtype);
      return input === null ? null : aggregate(fn, input, dtype);
    }
    case "mean":
    case "var":
    case "std": {
      if (!(isNumeric(arg.dtype) || arg.dtype.kind === "Boolean") || !(dtype.kind === "Float64" || dtype.kind === "Float32")) return no();
      const input = arg.dtype.kind === "Boolean" ? t.cast(arg, { kind: "UInt32" }) : arg;
      return input === null ? null : aggregate(fn, input, dtype, ddof);
    }
    case "min":
    case "max":
      return physicalOf(arg.dtype) === "code" && arg.dtype.kind !== "String" ? no() : aggregate(fn, arg, dtype);
    default:
      return aggregate(fn, arg, dtype);
  }
}
