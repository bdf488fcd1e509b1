/** What an aggregate is over: its input row by row, with filters, orders and `unique` around it taken apart. */

import type { DType } from "../../ir/dtype.ts";
import { isOrdered } from "../../ir/dtype.ts";
import type { AggregateExpr, Expr, SortKey } from "../../ir/expr.ts";
import { aggregate, call, literal } from "../../ir/expr.ts";
import type { DslExpr, DslObject, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { isFloat } from "./binary.ts";
import type { ExprTranslator } from "./translator.ts";
import { asExpr, columnNames, flagAt } from "./tree.ts";

export interface AggregateRows {
  readonly value: Expr;
  /** Only rows for which it is true; null: all. */
  readonly where: Expr | null;
  /** Order of the rows, row order by itself. */
  readonly by: readonly SortKey[];
  /** Only the first row of each value, null being one. */
  readonly distinct: boolean;
  /** Polars leaves their order open, unless `by` gives one. */
  readonly anyOrder: boolean;
}

/** What has one answer whatever the order of the rows; else null, with the reason. */
export const inKnownOrder = (inner: ExprTranslator, rows: AggregateRows | null): AggregateRows | null =>
  rows?.anyOrder && rows.by.length === 0 ? inner.scope.unsupported("the rows of a mode in the order that polars gives them") : rows;

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const NO_ROW = literal(null, BOOLEAN);
const ROW = literal(true, BOOLEAN);

const test = (fn: "is_null" | "is_not_null" | "is_not_nan", value: Expr): Expr => call(fn, [value], BOOLEAN);
const both = (a: Expr | null, b: Expr): Expr => (a === null ? b : call("and", [a, b], BOOLEAN));

/** The value, null where the row has no part. */
export const valueOrNull = ({ value, where }: AggregateRows): Expr =>
  where === null ? value : call("ternary", [where, value, literal(null, value.dtype)], value.dtype);

/** How many rows have a part. */
export const countRows = (rows: AggregateRows, dtype: DType): AggregateExpr => {
  if (rows.distinct) return aggregate("n_unique", rows.value, dtype, { where: rows.where });
  return rows.where === null
    ? aggregate("len", null, dtype)
    : aggregate("count", call("ternary", [rows.where, ROW, NO_ROW], BOOLEAN), dtype);
};

/** How many of them are not null. */
export const countValues = (rows: AggregateRows, dtype: DType): AggregateExpr =>
  rows.distinct
    ? aggregate("n_unique", rows.value, dtype, { where: both(rows.where, test("is_not_null", rows.value)) })
    : aggregate("count", valueOrNull(rows), dtype);

export const countNulls = (rows: AggregateRows, dtype: DType): AggregateExpr => {
  if (rows.where === null) return aggregate("null_count", rows.value, dtype);
  return aggregate("count", call("ternary", [both(rows.where, test("is_null", rows.value)), ROW, NO_ROW], BOOLEAN), dtype);
};

/** What becomes of each value before it is aggregated. */
export type Wrap = (value: DslExpr) => DslExpr;

/** Translates the input of an aggregate; `inner` translates row by row. */
export function rowsOf(inner: ExprTranslator, input: DslValue | undefined, wrap: Wrap = (value) => value): AggregateRows | null {
  const { scope } = inner;
  if (typeof input !== "string" && !isObject(input)) return scope.unsupported("an aggregate without an input");
  const [name, payload] = tagOf(input) ?? ["", null];
  switch (name) {
    case "Alias":
      return rowsOf(inner, isList(payload) ? payload[0] : undefined, wrap);
    case "Filter":
      return isObject(payload) ? filtered(inner, payload, wrap) : null;
    case "Sort":
      return isObject(payload) ? sorted(inner, payload, wrap) : null;
    case "SortBy":
      return isObject(payload) ? sortedBy(inner, payload, wrap) : null;
    case "Function": {
      const [fn] = isObject(payload) ? (tagOf(payload.function) ?? [""]) : [""];
      const of = isObject(payload) && isList(payload.input) ? payload.input[0] : undefined;
      if (fn === "DropNulls" || fn === "DropNans") return dropped(rowsOf(inner, of, wrap), fn);
      if (fn === "Unique") return unique(rowsOf(inner, of, wrap));
      if (fn === "Mode") return mode(inner, rowsOf(inner, of, wrap));
    }
  }
  if (columnNames(input).size === 0) return scope.unsupported("an aggregate of a constant, which to polars is one value whatever the rows");
  const value = inner.translate(wrap(input));
  return value === null ? null : { value, where: null, by: [], distinct: false, anyOrder: false };
}

const isPlain = ({ where, by, distinct }: AggregateRows): boolean => where === null && by.length === 0 && !distinct;

function filtered(inner: ExprTranslator, payload: DslObject, wrap: Wrap): AggregateRows | null {
  const rows = rowsOf(inner, payload.input, wrap);
  const by = inner.translate(asExpr(payload.by));
  if (rows === null || by === null) return null;
  if (!isPlain(rows)) return inner.scope.unsupported("a filter of rows that were filtered or sorted");
  const where = inner.cast(by, BOOLEAN);
  return where === null ? null : { ...rows, where };
}

function dropped(rows: AggregateRows | null, fn: "DropNulls" | "DropNans"): AggregateRows | null {
  if (rows === null) return null;
  if (fn === "DropNulls") return { ...rows, where: both(rows.where, test("is_not_null", rows.value)) };
  if (!isFloat(rows.value.dtype)) return rows;
  const kept = call("coalesce", [test("is_not_nan", rows.value), ROW], BOOLEAN);
  return { ...rows, where: both(rows.where, kept) };
}

function sorted(inner: ExprTranslator, payload: DslObject, wrap: Wrap): AggregateRows | null {
  const rows = rowsOf(inner, payload.expr, wrap);
  if (rows === null) return null;
  const options = isObject(payload.options) ? payload.options : {};
  const key = sortKey(inner, rows.value, options.descending === true, options.nulls_last === true);
  return key === null ? null : { ...rows, by: [key, ...rows.by] };
}

function sortedBy(inner: ExprTranslator, payload: DslObject, wrap: Wrap): AggregateRows | null {
  const rows = rowsOf(inner, payload.expr, wrap);
  const exprs = (isList(payload.by) ? payload.by : []).map((e) => inner.translate(asExpr(e)));
  if (rows === null || exprs.includes(null)) return null;
  if (!isPlain(rows)) return inner.scope.unsupported("a sort by another column of rows that were filtered or sorted");
  const options = isObject(payload.sort_options) ? payload.sort_options : {};
  const by = exprs.map((e, i) => (e === null ? null : sortKey(inner, e, flagAt(options.descending, i), flagAt(options.nulls_last, i))));
  const known = by.filter((k) => k !== null);
  return known.length === by.length ? { ...rows, by: known } : null;
}

const sortKey = (inner: ExprTranslator, expr: Expr, descending: boolean, nullsLast: boolean): SortKey | null =>
  isOrdered(expr.dtype) ? { expr, descending, nullsLast } : inner.scope.unsupported("a sort by structs");

const unique = (rows: AggregateRows | null): AggregateRows | null => (rows === null || rows.distinct ? rows : { ...rows, distinct: true });

/** The first row of each value of which there are most. */
function mode(inner: ExprTranslator, rows: AggregateRows | null): AggregateRows | null {
  const { scope, target } = inner;
  if (rows === null || target === null) return null;
  if (!isPlain(rows)) return scope.unsupported("Mode of rows that were filtered or sorted");
  const by = { keys: [rows.value] };
  const [row, count] = [inner.window("row_number", [], U32, [], by), inner.window("segment_length", [], U32, [], by)];
  if (row === null || count === null) return null;
  const most = target.set.add(aggregate("max", count, U32));
  const where = both(call("eq", [count, most], BOOLEAN), call("eq", [row, literal(0n, U32)], BOOLEAN));
  return { ...rows, where, anyOrder: true };
}
