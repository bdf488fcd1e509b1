/** Exponentially weighted means: a running sum and a running weight that both decay from row to row. */

import { isNumber } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import { isObject } from "../../polars/dsl.ts";
import type { Handler } from "./function-call.ts";
import { no } from "./function-call.ts";
import { columnInput } from "./window-functions.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const F64: DType = { kind: "Float64" };
const NONE = literal(null, F64);
const number = (value: number): Expr => literal(value, F64);

/** Rows without a value have none in the result; `ignore_nulls` says whether weights decay over them. 32-bit floats keep polars' errors. */
export const ewmMean: Handler = (c) => {
  const value = columnInput(c.t, c.inputs[0]);
  const dtype = c.t.scope.dtype(c.expr);
  const options = isObject(c.options) && isObject(c.options.options) ? c.options.options : {};
  const { alpha, adjust, ignore_nulls } = options;
  const least = Number(options.min_periods);
  if (value === null || dtype === null) return null;
  if (!isNumber(value.dtype) || value.dtype.kind === "Boolean" || dtype.kind !== "Float64") return no(c, value.dtype);
  if (typeof alpha !== "number" || !Number.isSafeInteger(least)) return c.t.scope.unsupported("EwmMean with these options");
  if (adjust !== true && ignore_nulls !== true) return c.t.scope.unsupported("EwmMean without adjustment over nulls that count");
  const own = c.t.cast(value, F64);
  const count = c.t.window("cum_count", [value], U32, [0]);
  if (own === null || count === null) return null;
  const known = call("is_not_null", [value], BOOLEAN);
  const only = (expr: Expr, otherwise: Expr): Expr => call("ternary", [known, expr, otherwise], F64);
  const decay = ignore_nulls === true ? only(number(1 - alpha), NONE) : number(1 - alpha);
  const running = (added: Expr): Expr | null => c.t.window("cum_linear", [decay, only(added, number(0))], F64);
  const mean = adjust === true ? ratio(running(own), running(number(1))) : running(unadjusted(own, alpha, count));
  if (mean === null) return null;
  const enough = call("and", [known, call("ge", [count, literal(BigInt(Math.max(1, least)), U32)], BOOLEAN)], BOOLEAN);
  return call("ternary", [enough, mean, NONE], F64);
};

const ratio = (sum: Expr | null, weight: Expr | null): Expr | null =>
  sum === null || weight === null ? null : call("div", [sum, weight], F64);

/** The first value is the mean so far, all others come in with the weight alpha. */
function unadjusted(own: Expr, alpha: number, count: Expr): Expr {
  const first = call("eq", [count, literal(1n, U32)], BOOLEAN);
  return call("ternary", [first, own, call("mul", [own, number(alpha)], F64)], F64);
}
