/** Exponentially weighted means and variances: running sums and weights that decay from row to row. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import type { FunctionName } from "../../ir/functions.ts";
import type { WindowFunctionName } from "../../ir/windows.ts";
import { isObject } from "../../polars/dsl.ts";
import { numberInput } from "./column-input.ts";
import type { FunctionCall, Handler } from "./function-call.ts";
import { no } from "./function-call.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const F64: DType = { kind: "Float64" };
const NONE = literal(null, F64);
const number = (value: number): Expr => literal(value, F64);
const over = (fn: FunctionName, ...args: readonly Expr[]): Expr => call(fn, args, F64);
const choose = (predicate: Expr, yes: Expr, otherwise: Expr): Expr => over("ternary", predicate, yes, otherwise);
const test = (fn: FunctionName, ...args: readonly Expr[]): Expr => call(fn, args, BOOLEAN);
const square = (value: Expr): Expr => over("mul", value, value);

/** A series on its way. Window functions of it give null where a part has no GPU form. */
interface Series {
  readonly c: FunctionCall;
  /** The values as Float64. */
  readonly own: Expr;
  readonly alpha: number;
  /** Whether each value has the weight 1 and all before it decay; else it has the weight alpha, and the first one 1. */
  readonly adjust: boolean;
  readonly bias: boolean;
  /** Whether the row has a value, and how many rows up to it have one. */
  readonly known: Expr;
  readonly count: Expr;
  /** What is left of a weight after the row; null where the row takes no part. */
  readonly decay: Expr;
}

/** Null, with a reason, for options that are not those of polars' usual recurrence. 32-bit floats keep polars' errors. */
function seriesOf(c: FunctionCall): (Series & { readonly least: number }) | null {
  const value = numberInput(c.t, c.inputs[0]);
  const dtype = c.t.scope.dtype(c.expr);
  const options = isObject(c.options) && isObject(c.options.options) ? c.options.options : {};
  const { alpha, adjust, ignore_nulls } = options;
  const least = Number(options.min_periods);
  if (value === null || dtype === null) return null;
  if (dtype.kind !== "Float64") return no(c, value.dtype);
  if (typeof alpha !== "number" || !Number.isSafeInteger(least)) return c.t.scope.unsupported(`${c.name} with these options`);
  if (adjust !== true && ignore_nulls !== true) return c.t.scope.unsupported(`${c.name} without adjustment over nulls that count`);
  const own = c.t.cast(value, F64);
  const count = c.t.window("cum_count", [value], U32, [0]);
  if (own === null || count === null) return null;
  const known = test("is_not_null", value);
  const decay = ignore_nulls === true ? choose(known, number(1 - alpha), NONE) : number(1 - alpha);
  return { c, own, alpha, adjust: adjust === true, bias: options.bias === true, known, count, decay, least };
}

const window = ({ c }: Series, fn: WindowFunctionName, args: readonly Expr[], options: readonly number[] = []): Expr | null =>
  c.t.window(fn, args, F64, options);

/** What is added in each row that has a value, decayed from row to row. */
const running = (s: Series, decay: Expr, added: Expr): Expr | null => window(s, "cum_linear", [decay, choose(s.known, added, number(0))]);

const isFirst = ({ count }: Series): Expr => test("eq", count, literal(1n, U32));

function meanOf(s: Series): Expr | null {
  if (!s.adjust) return running(s, s.decay, choose(isFirst(s), s.own, over("mul", s.own, number(s.alpha))));
  const [sum, weight] = [running(s, s.decay, s.own), running(s, s.decay, number(1))];
  return sum === null || weight === null ? null : over("div", sum, weight);
}

/** Of the last row before that took part; 0 where there is none. */
function before(s: Series, value: Expr): Expr | null {
  const filled = window(s, "forward_fill", [value], [-1]);
  const moved = filled === null ? null : window(s, "shift", [filled], [1]);
  return moved === null ? null : over("coalesce", moved, number(0));
}

/** The squared distances to the mean, with the weights of the rows: each row moves the mean, and what was before it with that. */
function biasedVariance(s: Series, weight: Expr): Expr | null {
  const [mean, decayed] = [meanOf(s), s.adjust ? before(s, weight) : number(1)];
  const last = mean === null ? null : before(s, mean);
  if (mean === null || decayed === null || last === null) return null;
  const old = over("mul", decayed, number(1 - s.alpha));
  const own = number(s.adjust ? 1 : s.alpha);
  const all = over("add", old, own);
  const moved = over("mul", old, square(over("sub", last, mean)));
  const added = over("div", over("add", moved, over("mul", own, square(over("sub", s.own, mean)))), all);
  const [first, zero] = [isFirst(s), number(0)];
  const kept = choose(s.known, choose(first, zero, over("div", old, all)), NONE);
  const spread = window(s, "cum_linear", [kept, choose(first, zero, added)]);
  const [least, most] = [window(s, "cum_min", [s.own], [0]), window(s, "cum_max", [s.own], [0])];
  if (spread === null || least === null || most === null) return null;
  // Polars leaves the mean of equal values as it is, so that their variance is 0 and not an error of rounding.
  return choose(test("and", test("eq", least, most), test("is_not_nan", spread)), zero, spread);
}

function varianceOf(s: Series): Expr | null {
  const weight = running(s, s.decay, number(1));
  const biased = weight === null ? null : biasedVariance(s, weight);
  if (weight === null || biased === null || s.bias) return biased;
  const squares = running(s, square(s.decay), s.adjust ? number(1) : choose(isFirst(s), number(1), number(s.alpha * s.alpha)));
  if (squares === null) return null;
  const all = s.adjust ? square(weight) : number(1);
  const rest = over("sub", all, squares);
  return choose(test("gt", rest, number(0)), over("mul", over("div", all, rest), biased), NONE);
}

/** Rows without a value have none in the result, nor have the first ones. */
const weighted =
  (compute: (s: Series) => Expr | null): Handler =>
  (c) => {
    const series = seriesOf(c);
    const value = series === null ? null : compute(series);
    if (series === null || value === null) return null;
    const enough = test("ge", series.count, literal(BigInt(Math.max(1, series.least)), U32));
    return choose(test("and", series.known, enough), value, NONE);
  };

export const EWM_HANDLERS: Readonly<Record<string, Handler>> = {
  EwmMean: weighted(meanOf),
  EwmVar: weighted(varianceOf),
  EwmStd: weighted((s) => {
    const variance = varianceOf(s);
    return variance === null ? null : over("sqrt", variance);
  }),
};
