/** Every aggregate of the DSL: what it adds to the Aggregate node, and the expression over that. */

import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { AggregateExpr, Expr } from "../../ir/expr.ts";
import { aggregate, call, literal } from "../../ir/expr.ts";
import type { AggregateName } from "../../ir/functions.ts";
import { integerRange } from "../../ir/integers.ts";
import { describeDType, sameDType } from "../../ir/schema.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import type { Scope } from "../scope.ts";
import type { AggregateCall } from "./aggregate-call.ts";
import { floatRows, plainRows, sharesRows, truthRows } from "./aggregate-call.ts";
import { implode } from "./aggregate-lists.ts";
import type { AggregateRows } from "./aggregate-rows.ts";
import { countNulls, countRows, countValues, inKnownOrder, rowsOf, valueOrNull } from "./aggregate-rows.ts";
import type { AggregateSet } from "./aggregates.ts";
import { aggregateFunction } from "./aggregates.ts";
import { isFloat, isInteger, isNumeric } from "./binary.ts";
import { correlation, entropy, kurtosis, skew } from "./moments.ts";
import { MICROSECONDS_A_DAY, quantile } from "./quantile.ts";
import type { ExprTranslator } from "./translator.ts";
import { exprInputs } from "./tree.ts";

type Handler = (call: AggregateCall) => Expr | null;

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const F64: DType = { kind: "Float64" };

/** The rows of the first input. */
const rowsIn = (c: AggregateCall): AggregateRows | null => rowsOf(c.inner, c.inputs[0]);

/** An aggregate that skips nulls, of the input in the dtype that it accumulates. */
const accumulated =
  (fn: "sum" | "mean" | "std" | "var"): Handler =>
  (c) => {
    const rows = fn === "sum" ? plainRows(c) : floatRows(c);
    if (rows === null) return null;
    if (rows.value.dtype.kind === "Null" && c.dtype.kind === "Null") return literal(null, c.dtype);
    if (fn === "mean" && rows.value.dtype.kind === "Date") return meanOfDates(c, rows);
    const input = accumulable(c, fn, rows);
    const ddof = typeof c.options === "number" ? c.options : 1;
    return input === null ? null : c.set.add(aggregate(fn, input, c.dtype, { ddof }));
  };

/** Days as Float64, whose mean is exact; the ticks are truncated. */
function meanOfDates(c: AggregateCall, rows: AggregateRows): Expr | null {
  const days = c.t.cast(valueOrNull(rows), F64);
  if (days === null) return null;
  const mean = c.set.add(aggregate("mean", days, F64));
  const ticks = call("mul", [mean, literal(MICROSECONDS_A_DAY, F64)], F64);
  return call("cast", [call("cast", [ticks], { kind: "Int64" })], c.dtype);
}

function accumulable(c: AggregateCall, fn: AggregateName, rows: AggregateRows): Expr | null {
  const value = valueOrNull(rows);
  const { kind } = value.dtype;
  const no = (): null => c.t.scope.unsupported(`${fn} of ${describeDType(value.dtype)}`);
  if (kind === "Float32" && sharesRows(c)) return c.t.scope.unsupported(`${fn} of Float32 over windows that share rows`);
  if (fn === "sum") {
    if (!(isNumeric(value.dtype) || kind === "Boolean" || kind === "Duration") || physicalOf(c.dtype) === "code") return no();
    return kind === "Duration" ? value : c.t.cast(value, c.dtype);
  }
  if (!(isNumeric(value.dtype) || kind === "Boolean") || !isFloat(c.dtype)) return no();
  return kind === "Boolean" ? c.t.cast(value, U32) : value;
}

/** Over groups that share rows polars takes extremes of floats by its rolling kernels, of which NaN is the extreme wherever there is one. */
const extreme =
  (fn: "min" | "max"): Handler =>
  (c) => {
    const rows = rowsIn(c);
    if (rows === null) return null;
    const value = valueOrNull(rows);
    if (value.dtype.kind === "Null") return literal(null, c.dtype);
    if (value.dtype.kind === "Opaque" || !sameDType(value.dtype, c.dtype))
      return c.t.scope.unsupported(`${fn} of ${describeDType(value.dtype)}`);
    const least = c.set.add(aggregate(fn, value, c.dtype));
    if (!isFloat(c.dtype) || rows.where !== null || !sharesRows(c)) return least;
    if (c.t.target?.grouping === "overlapping") return c.t.scope.unsupported(`${fn} of floats over windows that overlap`);
    const odd = c.set.add(aggregate("any", call("is_nan", [value], BOOLEAN), BOOLEAN));
    return call("ternary", [odd, literal(Number.NaN, c.dtype), least], c.dtype);
  };

const end =
  (fn: "first" | "last"): Handler =>
  (c) => {
    const rows = inKnownOrder(c.inner, rowsIn(c));
    if (rows === null) return null;
    if (rows.distinct && (fn === "last" || rows.by.length > 0)) return c.t.scope.unsupported("an aggregate of distinct values");
    const by = [...rows.by, ...(c.inner.target?.window?.order ?? [])];
    return c.set.add(aggregate(fn, rows.value, c.dtype, { where: rows.where, by }));
  };

/** An aggregate that is one expression over its rows. */
const counting =
  (make: (rows: AggregateRows, dtype: DType) => AggregateExpr, rows: (c: AggregateCall) => AggregateRows | null = rowsIn): Handler =>
  (c) => {
    const own = rows(c);
    return own === null ? null : c.set.add(make(own, c.dtype));
  };

const count: Handler = (c) => counting(isObject(c.options) && c.options.include_nulls === true ? countRows : countValues)(c);

/** Nulls are skipped, or decide where no other value does. */
const anyOrAll =
  (fn: "any" | "all"): Handler =>
  (c) => {
    const rows = truthRows(c);
    if (rows === null) return null;
    const value = c.t.cast(valueOrNull(rows), BOOLEAN);
    if (value === null) return null;
    const found = c.set.add(aggregate(fn, value, c.dtype));
    if (isObject(c.options) && c.options.ignore_nulls === true) return found;
    const nulls = call("gt", [c.set.add(countNulls({ ...rows, distinct: false }, U32)), literal(0n, U32)], BOOLEAN);
    const unknown = call("ternary", [nulls, literal(null, BOOLEAN), literal(fn === "all", BOOLEAN)], BOOLEAN);
    const known = fn === "any" ? found : call("not", [found], BOOLEAN);
    return call("ternary", [known, literal(fn === "any", BOOLEAN), unknown], BOOLEAN);
  };

/** Codes of which polars takes the first one among the least; among the greatest it takes the last. */
const FIRST_LEAST: ReadonlySet<string> = new Set(["String", "Categorical", "Binary"]);

/** Nulls and NaN are never the extreme value, but the first NaN is where there is nothing else. */
const argExtreme =
  (fn: "ArgMin" | "ArgMax"): Handler =>
  (c) => {
    const rows = plainRows(c);
    if (rows === null) return null;
    const { value, where, by } = rows;
    if (value.dtype.kind === "Null") return literal(null, c.dtype);
    const coded = physicalOf(value.dtype) === "code" && value.dtype.kind !== "Decimal";
    if (by.length > 0 || (coded && !(fn === "ArgMin" && FIRST_LEAST.has(value.dtype.kind))))
      return c.t.scope.unsupported(`${fn} of ${by.length > 0 ? "sorted rows" : describeDType(value.dtype)}`);
    const number = isFloat(value.dtype)
      ? call("ternary", [call("is_nan", [value], BOOLEAN), literal(null, value.dtype), value], value.dtype)
      : value;
    const order = [
      { expr: number, descending: fn === "ArgMax", nullsLast: true },
      ...(number === value ? [] : [{ expr: call("is_null", [value], BOOLEAN), descending: false, nullsLast: true }]),
    ];
    const at = c.set.add(aggregate("arg_first", null, c.dtype, { where, by: order }));
    const some = call("gt", [c.set.add(countValues(rows, U32)), literal(0n, U32)], BOOLEAN);
    return call("ternary", [some, at, literal(null, c.dtype)], c.dtype);
  };

/** The end of what the dtype holds, whatever the rows hold. */
const bound =
  (side: "least" | "most"): Handler =>
  (c) => {
    if (isFloat(c.dtype)) return literal(side === "least" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY, c.dtype);
    const range = integerRange(c.dtype);
    return range === null ? c.t.scope.unsupported(`bounds of ${describeDType(c.dtype)}`) : literal(range[side], c.dtype);
  };

/** Integers wrap around; nulls are left out, and of nothing it is 1. Floats depend on polars' order of rounding. */
const product: Handler = (c) => {
  const rows = plainRows(c);
  if (rows === null) return null;
  const { dtype } = rows.value;
  if (!isInteger(c.dtype) || !(isInteger(dtype) || dtype.kind === "Boolean"))
    return c.t.scope.unsupported(`Product of ${describeDType(dtype)}`);
  const value = c.t.cast(valueOrNull(rows), c.dtype);
  const one = literal(1n, c.dtype);
  const running = value === null ? null : c.inner.window("cum_prod", [call("coalesce", [value, one], c.dtype)], c.dtype, [0]);
  if (running === null) return null;
  const last = c.set.add(aggregate("last", running, c.dtype, { by: c.inner.target?.window?.order ?? [] }));
  return call("coalesce", [last, one], c.dtype);
};

const AGGREGATES: Readonly<Record<string, Handler>> = {
  Sum: accumulated("sum"),
  Mean: accumulated("mean"),
  Std: accumulated("std"),
  Var: accumulated("var"),
  Min: extreme("min"),
  Max: extreme("max"),
  First: end("first"),
  Last: end("last"),
  Count: count,
  NUnique: counting((rows, dtype) => aggregate("n_unique", rows.value, dtype, { where: rows.where })),
  Implode: implode,
  Median: (c) => quantile(c, 0.5, "Linear"),
  Quantile: (c) => quantile(c, c.inputs[1], isObject(c.options) ? c.options.method : null),
  Skew: skew,
  Kurtosis: kurtosis,
  Correlation: correlation,
  Entropy: entropy,
  Product: product,
  NullCount: counting(countNulls, plainRows),
  ArgMin: argExtreme("ArgMin"),
  ArgMax: argExtreme("ArgMax"),
  LowerBound: bound("least"),
  UpperBound: bound("most"),
  "Boolean.Any": anyOrAll("any"),
  "Boolean.All": anyOrAll("all"),
};

/**
 * An aggregate that polars refuses for the dtype of its input, but which in groups gives nulls of that dtype. Null: it is not one.
 * Source: the default implementations of polars' grouped aggregates.
 */
function nullsOfGroups(scope: Scope, expr: DslExpr): Expr | null {
  if (scope.outputs(expr) !== undefined) return null;
  const kind = aggregateFunction(expr) ?? tagOf(tagOf(expr)?.[1])?.[0] ?? "";
  const [input] = exprInputs(expr);
  const [key] = scope.schema;
  if (input === undefined || key === undefined || !["Sum", "Mean", "Min", "Max", "Median", "Quantile", "Std", "Var"].includes(kind))
    return null;
  const [output, ...more] = scope.outputs(expr, { keys: [{ Column: key.name }] }) ?? [];
  const [own] = scope.outputs(input) ?? [];
  return output === undefined || more.length > 0 || own === undefined || !sameDType(output.dtype, own.dtype)
    ? null
    : literal(null, own.dtype);
}

/** Translates an aggregate node into an expression over the columns of `set`; `inner` translates its inputs. */
export function translateAggregate(t: ExprTranslator, inner: ExprTranslator, set: AggregateSet, expr: DslExpr): Expr | null {
  const nulls = t.target !== null && t.target.grouping !== "none" ? nullsOfGroups(t.scope, expr) : null;
  if (nulls !== null) return nulls;
  const dtype = t.scope.dtype(expr);
  if (dtype === null) return null;
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name === "Len") return set.add(aggregate("len", null, dtype));
  const fn = aggregateFunction(expr);
  if (fn !== null && isObject(payload)) {
    const [outer, inside] = tagOf(payload.function) ?? ["", null];
    const options = outer === "Boolean" ? (tagOf(inside)?.[1] ?? null) : inside;
    const inputs = isList(payload.input) ? payload.input : [];
    return AGGREGATES[fn]?.({ t, inner, set, inputs, options, dtype }) ?? t.scope.unsupported(`aggregate ${fn}`);
  }
  const [kind, body] = tagOf(payload) ?? ["", null];
  const handler = AGGREGATES[kind];
  if (handler === undefined) return t.scope.unsupported(`aggregate ${kind}`);
  const [input, options] = isList(body) ? [body[0], body[1]] : isObject(body) && "input" in body ? [body.input, body] : [body, null];
  return handler({ t, inner, set, inputs: input === undefined ? [] : [input], options: options ?? null, dtype });
}
