/** Aggregate expressions: each becomes columns of an Aggregate node, and the expression around it refers to those columns. */

import type { AggregateExpr, Expr, NamedExpr } from "../../ir/expr.ts";
import { column, describeExpr, named } from "../../ir/expr.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { isObject, tagOf } from "../../polars/dsl.ts";
import { functionName } from "./selectors.ts";
import { columnNames, exprInputs } from "./tree.ts";

/** Aggregates over the same groups, under generated names that no user column can have. */
export class AggregateSet {
  readonly aggregates: NamedExpr[] = [];
  readonly #prefix: string;
  readonly #inner: AggregateSet | null;

  /** `inner`: for aggregates of the same groups that the inputs of these see beside their rows; null: this set itself. */
  constructor(prefix: string, inner: AggregateSet | null = null) {
    this.#prefix = prefix;
    this.#inner = inner;
  }

  get inner(): AggregateSet {
    return this.#inner ?? this;
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

/** Functions that make one value of a column. */
export const AGGREGATE_FUNCTIONS: ReadonlySet<string> = new Set([
  "NullCount",
  "ArgMin",
  "ArgMax",
  "Quantile",
  "Skew",
  "Kurtosis",
  "LowerBound",
  "UpperBound",
  "Correlation",
  "Entropy",
  "Product",
  "Boolean.Any",
  "Boolean.All",
]);

/** Name of a function, with its namespace where that has several functions: `Boolean.Any`. */
export function aggregateFunction(expr: DslExpr): string | null {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name !== "Function" || !isObject(payload)) return null;
  const [fn, inner] = tagOf(payload.function) ?? ["", null];
  const full = fn === "Boolean" ? `${fn}.${tagOf(inner)?.[0]}` : fn;
  return AGGREGATE_FUNCTIONS.has(full) ? full : null;
}

/** Whether a node is an aggregate by itself. */
export function isAggregate(expr: DslExpr): boolean {
  const name = tagOf(expr)?.[0];
  return name === "Agg" || name === "Len" || aggregateFunction(expr) !== null;
}

/** Whether the expression has one value for all rows: made of aggregates and constants only. */
export function hasOneValue(expr: DslExpr): boolean {
  if (isAggregate(expr)) return true;
  if (tagOf(expr)?.[0] === "Over" || isRange(expr)) return false;
  const inputs = exprInputs(expr);
  return inputs.length === 0 ? columnNames(expr).size === 0 : inputs.every(hasOneValue);
}

/** A range has as many values as its end says, also where that is an aggregate; of ranges, each is one value. */
function isRange(expr: DslExpr): boolean {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name !== "Function" || !isObject(payload) || tagOf(payload.function)?.[0] !== "Range") return false;
  return !functionName(payload.function).endsWith("Ranges");
}
