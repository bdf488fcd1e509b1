/** Rolling functions of a fixed number of rows: windows of sums, counts and extremes, and expressions over them. */

import { isNumber } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import { QUANTILE_METHODS, quantileRows, quantileValue } from "../../ir/quantile.ts";
import type { WindowFunctionName } from "../../ir/windows.ts";
import type { DslObject } from "../../polars/dsl.ts";
import { isObject } from "../../polars/dsl.ts";
import { isFloat } from "./binary.ts";
import { columnInput, numberInput } from "./column-input.ts";
import type { FunctionCall, Handler } from "./function-call.ts";
import { no } from "./function-call.ts";
import { fromTicks } from "./physical-forms.ts";
import { MICROSECONDS_A_DAY } from "./quantile.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const F64: DType = { kind: "Float64" };
const I64: DType = { kind: "Int64" };

/** The rolling function in the window's frame: `make` gives the column of a window function. */
interface Rolling {
  readonly c: FunctionCall;
  readonly value: Expr;
  readonly dtype: DType;
  readonly options: DslObject;
  /** Values in the window that are not null. */
  readonly count: Expr;
  make(fn: WindowFunctionName, args: readonly Expr[], dtype: DType): Expr | null;
}

const whole = (value: unknown): number => (typeof value === "number" || typeof value === "bigint" ? Number(value) : Number.NaN);

/** Polars takes the value of the row itself as the last one of the window, or the one after the middle where it is centred. */
function frameOf(options: DslObject): readonly [back: number, ahead: number] | null {
  const size = whole(options.window_size);
  if (!Number.isSafeInteger(size) || size < 1 || size > 0xffffffff) return null;
  return options.center === true ? [Math.floor(size / 2), Math.ceil(size / 2) - 1] : [size - 1, 0];
}

function sum({ c, value, dtype, make }: Rolling): Expr | null {
  if (!isNumber(value.dtype) || dtype.kind === "Float32") return no(c, value.dtype);
  const own = c.t.cast(value, dtype);
  return own === null ? null : make("rolling_sum", [own], dtype);
}

/** Means and variances are those of 64-bit floats: polars' own in 32 bits keep the errors of the rows before. */
function asF64({ c, value, dtype }: Rolling): Expr | null {
  return isNumber(value.dtype) && dtype.kind === "Float64" ? c.t.cast(value, F64) : no(c, value.dtype);
}

function mean(r: Rolling): Expr | null {
  const own = asF64(r);
  const total = own === null ? null : r.make("rolling_sum", [own], F64);
  return total === null ? null : call("div", [total, call("cast", [r.count], F64)], F64);
}

const extreme =
  (fn: "rolling_min" | "rolling_max") =>
  ({ c, value, make }: Rolling): Expr | null => {
    if (physicalOf(value.dtype) === "code") return no(c, value.dtype);
    if (value.dtype.kind !== "Boolean") return make(fn, [value], value.dtype);
    const words = make(fn, [call("cast", [value], U32)], U32);
    return words === null ? null : call("ne", [words, literal(0n, U32)], BOOLEAN);
  };

function variance(r: Rolling): Expr | null {
  const params = isObject(r.options.fn_params) && isObject(r.options.fn_params.Var) ? r.options.fn_params.Var : {};
  const ddof = whole(params.ddof ?? 1);
  const own = asF64(r);
  const squares = own === null ? null : r.make("rolling_deviations", [own], F64);
  if (squares === null) return null;
  const degrees = call("sub", [call("cast", [r.count], F64), literal(ddof, F64)], F64);
  const quotient = call("div", [squares, degrees], F64);
  return call("ternary", [call("gt", [degrees, literal(0, F64)], BOOLEAN), quotient, literal(null, F64)], F64);
}

/** Polars interpolates between the values as floats, those of dates in microseconds, and cuts points in time to whole ticks. */
function quantile(r: Rolling): Expr | null {
  const { c, value, dtype, count } = r;
  const { prob, method: name } =
    isObject(r.options.fn_params) && isObject(r.options.fn_params.Quantile) ? r.options.fn_params.Quantile : {};
  const method = QUANTILE_METHODS.find((m) => m === String(name).toLowerCase());
  if (typeof prob !== "number" || !(prob >= 0 && prob <= 1) || method === undefined)
    return c.t.scope.unsupported("RollingQuantile with a fraction or method that is not constant");
  const own = c.t.cast(value, F64);
  if (own === null) return null;
  const input = { values: call("cast", [count], F64), nulls: literal(0, F64), fraction: literal(prob, F64) };
  const places = quantileRows(input, method).map((place) => call("coalesce", [call("cast", [place], U32), literal(0n, U32)], U32));
  const within = isFloat(dtype) ? dtype : F64;
  const [lower, upper = lower] = places.map((place) => {
    const found = r.make("rolling_nth", [own, place], F64);
    return found === null ? null : c.t.cast(found, within);
  });
  if (lower === undefined || lower === null || upper === undefined || upper === null) return null;
  const result = quantileValue(input, method, lower, upper);
  if (isFloat(dtype)) return result;
  const ticks = value.dtype.kind === "Date" ? call("mul", [result, literal(MICROSECONDS_A_DAY, F64)], F64) : result;
  return fromTicks(c.t, call("cast", [ticks], I64), dtype);
}

function deviation(r: Rolling): Expr | null {
  const value = variance(r);
  return value === null ? null : call("sqrt", [value], F64);
}

const FUNCTIONS: Readonly<Record<string, (r: Rolling) => Expr | null>> = {
  Sum: sum,
  Mean: mean,
  Min: extreme("rolling_min"),
  Max: extreme("rolling_max"),
  Var: variance,
  Std: deviation,
  Quantile: quantile,
};

export const rollingFunction: Handler = (c) => {
  const settings = isObject(c.options) ? c.options : {};
  const options = isObject(settings.options) ? settings.options : {};
  const name = String(settings.function);
  const compute = FUNCTIONS[name];
  const dtype = c.t.scope.dtype(c.expr);
  // Of what is no number polars takes the physical value, which is the Float64 where that is the result.
  const value = dtype?.kind === "Float64" ? numberInput(c.t, c.inputs[0]) : columnInput(c.t, c.inputs[0]);
  const frame = frameOf(options);
  const least = whole(options.min_periods);
  if (compute === undefined) return c.t.scope.unsupported(`Rolling${name} has no kernel`);
  if (value === null || dtype === null) return null;
  if (frame === null || options.weights !== null || !Number.isSafeInteger(least))
    return c.t.scope.unsupported(`Rolling${name} with weights`);
  const named = { ...c, name: `Rolling${name}` };
  const count = c.t.window("rolling_count", [value], U32, frame);
  if (count === null) return null;
  const make = (fn: WindowFunctionName, args: readonly Expr[], type: DType): Expr | null => c.t.window(fn, args, type, frame);
  const result = compute({ c: named, value, dtype, options, count, make });
  const typed = result === null ? null : c.t.cast(result, dtype);
  const enough = call("ge", [count, literal(BigInt(name === "Sum" ? least : Math.max(1, least)), U32)], BOOLEAN);
  return typed === null ? null : call("ternary", [enough, typed, literal(null, dtype)], dtype);
};
