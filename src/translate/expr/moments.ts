/** Skewness, kurtosis, covariance and correlation: sums of products of differences from the mean, which is known before the sums are. */

import { isNumber, isTemporal } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { aggregate, call, literal } from "../../ir/expr.ts";
import { describeDType } from "../../ir/schema.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import type { AggregateCall } from "./aggregate-call.ts";
import { floatRows } from "./aggregate-call.ts";
import { valueOrNull } from "./aggregate-rows.ts";
import { averageRank } from "./ranks.ts";
import { asExpr } from "./tree.ts";

const F64: DType = { kind: "Float64" };
const U32: DType = { kind: "UInt32" };
const BOOLEAN: DType = { kind: "Boolean" };
const EPSILON = 2 ** -52;

const number = (value: number): Expr => literal(value, F64);
const over = (fn: "add" | "sub" | "mul" | "div", a: Expr, b: Expr): Expr => call(fn, [a, b], F64);
const power = (base: Expr, exponent: number): Expr => (exponent === 1 ? base : over("mul", power(base, exponent - 1), base));
const choose = (predicate: Expr, yes: Expr, no: Expr): Expr => call("ternary", [predicate, yes, no], F64);
const compare = (fn: "gt" | "le", a: Expr, b: Expr): Expr => call(fn, [a, b], BOOLEAN);

/** An input as Float64, null where the row has no part. */
function input(c: AggregateCall, i: number): Expr | null {
  const rows = floatRows(c, c.inputs[i]);
  if (rows === null) return null;
  const value = valueOrNull(rows);
  return value.dtype.kind === "Null" || isNumber(value.dtype) || isTemporal(value.dtype)
    ? c.t.cast(value, F64)
    : c.t.scope.unsupported(`moments of ${describeDType(value.dtype)}`);
}

interface Moments {
  /** Values that are not null, as Float64. */
  readonly count: Expr;
  readonly mean: Expr;
  /** Central moment of an order: the mean of powers of differences from the mean. */
  of(order: number): Expr;
}

function moments(c: AggregateCall): Moments | null {
  const own = c.t.scope.dtype(asExpr(c.inputs[0] ?? null));
  // Polars refuses them, but says so only where there are rows.
  if (own?.kind === "Categorical" || own?.kind === "Enum") return c.t.scope.unsupported(`moments of ${describeDType(own)}`);
  const value = input(c, 0);
  if (value === null) return null;
  const mean = aggregate("mean", value, F64);
  const difference = over("sub", value, c.set.inner.add(mean));
  const count = call("cast", [c.set.add(aggregate("count", value, U32))], F64);
  return {
    count,
    mean: c.set.add(mean),
    of: (order) => over("div", c.set.add(aggregate("sum", power(difference, order), F64)), count),
  };
}

/** The ratio, NaN where the variance is no more than the error of the mean allows. */
function unlessConstant({ mean }: Moments, variance: Expr, ratio: Expr): Expr {
  const error = over("mul", mean, number(EPSILON));
  return choose(compare("le", variance, over("mul", error, error)), number(Number.NaN), ratio);
}

export function skew(c: AggregateCall): Expr | null {
  const known = moments(c);
  if (known === null) return null;
  const { count } = known;
  const variance = known.of(2);
  const biased = unlessConstant(known, variance, over("div", known.of(3), over("mul", variance, call("sqrt", [variance], F64))));
  if (c.options === true) return choose(compare("gt", count, number(0)), biased, literal(null, F64));
  const pairs = call("sqrt", [over("mul", count, over("sub", count, number(1)))], F64);
  const unbiased = over("mul", over("div", pairs, over("sub", count, number(2))), biased);
  return choose(compare("gt", count, number(2)), unbiased, literal(null, F64));
}

export function kurtosis(c: AggregateCall): Expr | null {
  const known = moments(c);
  if (known === null) return null;
  const { count } = known;
  const [fisher, bias] = isList(c.options) ? c.options : [true, true];
  const variance = known.of(2);
  const biased = unlessConstant(known, variance, over("div", known.of(4), over("mul", variance, variance)));
  const less = (n: number): Expr => over("sub", count, number(n));
  const scaled = over("mul", over("div", over("add", count, number(1)), less(3)), biased);
  const centre = over("mul", over("div", less(1), less(3)), number(3));
  const unbiased = over("add", over("mul", over("div", less(1), less(2)), over("sub", scaled, centre)), number(3));
  const estimate = bias === true ? biased : unbiased;
  const out = fisher === true ? over("sub", estimate, number(3)) : estimate;
  return choose(compare("gt", count, number(bias === true ? 0 : 3)), out, literal(null, F64));
}

/** Of the shares of the sum, or of the values themselves; to polars a single row has none. */
export function entropy(c: AggregateCall): Expr | null {
  const { base, normalize } = isObject(c.options) ? c.options : {};
  if (c.dtype.kind !== "Float64" || typeof base !== "number") return c.t.scope.unsupported(`Entropy as ${describeDType(c.dtype)}`);
  const value = input(c, 0);
  if (value === null) return null;
  const share = normalize === true ? over("div", value, c.set.inner.add(aggregate("sum", value, F64))) : value;
  const logarithm = over("div", call("ln", [share], F64), number(Math.log(base)));
  const sum = c.set.add(aggregate("sum", over("mul", share, logarithm), F64));
  const rows = c.set.add(aggregate("len", null, U32));
  return choose(call("eq", [rows, literal(1n, U32)], BOOLEAN), number(0), call("neg", [sum], F64));
}

/** Of the rows where both inputs have a value; to polars the covariance of a single row is 0, whatever is in it. */
export function correlation(c: AggregateCall): Expr | null {
  const method = isObject(c.options) ? c.options.method : undefined;
  const [name, ddof] = tagOf(method) ?? ["", null];
  if (name !== "Pearson" && name !== "Covariance" && name !== "SpearmanRank") return c.t.scope.unsupported(`a correlation by ${name}`);
  if (c.dtype.kind !== "Float64") return c.t.scope.unsupported(`a correlation as ${describeDType(c.dtype)}`);
  const [x, y] = [input(c, 0), input(c, 1)];
  if (x === null || y === null) return null;
  const paired = call("and", [call("is_not_null", [x], BOOLEAN), call("is_not_null", [y], BOOLEAN)], BOOLEAN);
  const [a, b] = [x, y].map((value) => {
    const present = choose(paired, value, literal(null, F64));
    const ranked = name === "SpearmanRank" ? averageRank(c.inner, present) : present;
    if (ranked === null) return null;
    const own = ranked === present ? present : choose(paired, ranked, literal(null, F64));
    return over("sub", own, c.set.inner.add(aggregate("mean", own, F64)));
  });
  if (!a || !b) return null;
  const sum = (l: Expr, r: Expr): Expr => c.set.add(aggregate("sum", over("mul", l, r), F64));
  const count = call("cast", [c.set.add(aggregate("count", over("mul", a, b), U32))], F64);
  if (name === "Covariance") {
    const degrees = number(typeof ddof === "number" ? ddof : 1);
    const spread = choose(compare("gt", count, degrees), over("div", sum(a, b), over("sub", count, degrees)), literal(null, F64));
    const rows = call("cast", [c.set.add(aggregate("len", null, U32))], F64);
    return choose(call("eq", [rows, number(1)], BOOLEAN), number(0), spread);
  }
  const scale = call("sqrt", [over("mul", sum(a, a), sum(b, b))], F64);
  return choose(compare("gt", scale, number(0)), over("div", sum(a, b), scale), number(Number.NaN));
}
