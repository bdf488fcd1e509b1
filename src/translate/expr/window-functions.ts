/** Functions of whole columns that keep the number of rows, as window functions and expressions over their columns. */

import { isNumber } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr, LiteralValue } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import { sameDType } from "../../ir/schema.ts";
import type { WindowFunctionName } from "../../ir/windows.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isObject, tagOf } from "../../polars/dsl.ts";
import { dtypeToDsl } from "../../polars/dtypes.ts";
import { isFloat, isNumeric } from "./binary.ts";
import { columnInput, numberInput } from "./column-input.ts";
import type { FunctionCall, Handler } from "./function-call.ts";
import { no } from "./function-call.ts";
import { constantInteger } from "./literals.ts";
import { RANK_HANDLERS } from "./ranks.ts";
import type { ExprTranslator } from "./translator.ts";
import { asExpr, isConstant } from "./tree.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const u32 = (value: bigint): Expr => literal(value, U32);

const input = (c: FunctionCall): Expr | null => columnInput(c.t, c.inputs[0]);

/** A constant whole number among the inputs. */
function wholeNumber(c: FunctionCall, at: number): number | null {
  const dsl = c.inputs[at];
  const number = dsl === undefined ? undefined : constantInteger(c.t.scope, dsl);
  return number ?? c.t.scope.unsupported(`${c.name} by something else than a constant whole number`);
}

const simple =
  (fn: WindowFunctionName): Handler =>
  (c) => {
    const value = input(c);
    return value === null ? null : c.t.window(fn, [value], value.dtype);
  };

const shifted = (t: ExprTranslator, value: Expr, n: number): Expr | null =>
  n === 0 ? value : t.window("shift", [value], value.dtype, [n]);

const shift: Handler = (c) => {
  const [value, n] = [input(c), wholeNumber(c, 1)];
  return value === null || n === null ? null : shifted(c.t, value, n);
};

/** The value n rows before, and where there is no such row `fill`. */
function shiftedOr(t: ExprTranslator, value: Expr, n: number, fill: Expr): Expr | null {
  const moved = shifted(t, value, n);
  const row = t.window("row_number", [], U32);
  const length = t.window("segment_length", [], U32);
  if (moved === null || row === null || length === null) return null;
  const distance = literal(BigInt(Math.min(Math.abs(n), 0xffffffff)), U32);
  const fromEnd = call("sub", [length, row], U32);
  const outside = n > 0 ? call("lt", [row, distance], BOOLEAN) : call("le", [fromEnd, distance], BOOLEAN);
  return n === 0 ? value : call("ternary", [outside, fill, moved], value.dtype);
}

const shiftAndFill: Handler = (c) => {
  const [value, n] = [input(c), wholeNumber(c, 1)];
  const dtype = c.t.scope.dtype(c.expr);
  const fillDsl = c.inputs[2];
  if (value === null || n === null || dtype === null) return null;
  if (fillDsl === undefined || !isConstant(fillDsl)) return c.t.scope.unsupported("ShiftAndFill with a computed value");
  if (physicalOf(dtype) === "code" && dtype.kind !== "String") return no(c, dtype);
  // Texts and times of other constants are polars' own.
  const ofPolars = dtype.kind === "String" || dtype.kind === "Time";
  const fillExpr: DslExpr = ofPolars ? { Cast: { expr: fillDsl, dtype: { Literal: dtypeToDsl(dtype) }, options: "NonStrict" } } : fillDsl;
  const [own, fill] = [c.t.cast(value, dtype), c.t.translate(fillExpr)];
  const cast = fill === null ? null : c.t.cast(fill, dtype);
  return own === null || cast === null ? null : shiftedOr(c.t, own, n, cast);
};

/** The dtype in which differences are taken. */
const diff: Handler = (c) => {
  const [value, n] = [input(c), wholeNumber(c, 1)];
  const dtype = c.t.scope.dtype(c.expr);
  if (value === null || n === null || dtype === null) return null;
  if (c.options !== "Ignore") return c.t.scope.unsupported("Diff that drops rows");
  if (value.dtype.kind === "Null") return literal(null, dtype);
  if (isNumeric(value.dtype) && isNumeric(dtype)) {
    const own = c.t.cast(value, dtype);
    const before = own === null ? null : shifted(c.t, own, n);
    return own === null || before === null ? null : call("sub", [own, before], dtype);
  }
  if (dtype.kind !== "Duration") return no(c, value.dtype);
  const points = value.dtype.kind === "Date" ? c.t.cast(value, { kind: "Datetime", unit: dtype.unit, zone: null }) : value;
  if (points === null) return null;
  if (points.dtype.kind === "Time" ? dtype.unit !== "ns" : !("unit" in points.dtype) || points.dtype.unit !== dtype.unit)
    return no(c, value.dtype);
  const before = shifted(c.t, points, n);
  return before === null ? null : call("sub", [points, before], dtype);
};

const pctChange: Handler = (c) => {
  const [value, n] = [numberInput(c.t, c.inputs[0]), wholeNumber(c, 1)];
  const dtype = c.t.scope.dtype(c.expr);
  if (value === null || n === null || dtype === null) return null;
  if (!isFloat(dtype)) return no(c, value.dtype);
  const own = c.t.cast(value, dtype);
  const before = own === null ? null : shifted(c.t, own, n);
  return own === null || before === null ? null : call("div", [call("sub", [own, before], dtype), before], dtype);
};

const ONES: Readonly<Record<string, 0 | 1>> = { Zero: 0, One: 1 };

const fillNull: Handler = (c) => {
  const value = input(c);
  const dtype = c.t.scope.dtype(c.expr);
  const [strategy, limit] = tagOf(c.options) ?? ["", null];
  if (value === null || dtype === null) return null;
  if (strategy === "Forward" || strategy === "Backward") {
    const most = typeof limit === "number" || typeof limit === "bigint" ? Number(limit) : -1;
    if (!sameDType(value.dtype, dtype)) return no(c, value.dtype);
    return c.t.window(strategy === "Forward" ? "forward_fill" : "backward_fill", [value], dtype, [Math.min(most, 0xfffffffe)]);
  }
  const constant = ONES[strategy];
  if (constant !== undefined && FILLED_BY_LOOKUP.has(dtype.kind)) return filledByLookup(c, dtype, constant);
  const fill = constant === undefined ? statistic(c, strategy, value) : filler(c, dtype, constant);
  const own = c.t.cast(value, dtype);
  const cast = fill === null ? null : c.t.cast(fill, dtype);
  return own === null || cast === null ? null : call("coalesce", [own, cast], dtype);
};

const FILLED_BY_LOOKUP: ReadonlySet<string> = new Set(["Decimal", "Binary"]);

/** The zero of bytes is no byte. */
function filledByLookup(c: FunctionCall, dtype: DType, value: 0 | 1): Expr | null {
  if (dtype.kind === "Binary" && value === 1) return no(c, dtype);
  const scalar: DslValue = dtype.kind === "Binary" ? { String: "" } : { Float64: value };
  const fill: DslExpr = { Cast: { expr: { Literal: { Scalar: scalar } }, dtype: { Literal: dtypeToDsl(dtype) }, options: "NonStrict" } };
  return c.t.translate({ Function: { input: [asExpr(c.inputs[0]), fill], function: "FillNull" } });
}

function filler(c: FunctionCall, dtype: DType, value: 0 | 1): Expr | null {
  if (dtype.kind === "String" && value === 0) return literal("", dtype);
  return physicalOf(dtype) === "code" ? no(c, dtype) : literal(numberIn(dtype, value), dtype);
}

const numberIn = (dtype: DType, value: 0 | 1): LiteralValue => {
  const physical = physicalOf(dtype);
  return physical === "bool" ? value === 1 : physical === "f32" || physical === "f64" ? value : BigInt(value);
};

/** Sums of these have more digits than a Float64, and the last digit of such a mean shows where it becomes a whole number again. */
const WIDE: ReadonlySet<string> = new Set(["Int64", "UInt64"]);

function statistic(c: FunctionCall, strategy: string, value: Expr): Expr | null {
  const of = asExpr(c.inputs[0]);
  if (strategy === "Mean") {
    if (WIDE.has(value.dtype.kind))
      return c.t.scope.unsupported(`FillNull by the mean of ${value.dtype.kind}, whose rounding is polars' own`);
    return isNumeric(value.dtype) ? c.t.translate({ Agg: { Mean: of } }) : no(c, value.dtype);
  }
  if (strategy !== "Min" && strategy !== "Max") return c.t.scope.unsupported(`FillNull with the strategy ${strategy}`);
  return c.t.translate({ Agg: { [strategy]: { input: of, propagate_nans: false } } });
}

const cumulative =
  (fn: "cum_sum" | "cum_prod" | "cum_min" | "cum_max"): Handler =>
  (c) => {
    const value = input(c);
    const dtype = c.t.scope.dtype(c.expr);
    if (value === null || dtype === null) return null;
    const sums = fn === "cum_sum" || fn === "cum_prod";
    if (physicalOf(value.dtype) === "code" || physicalOf(dtype) === "code") return no(c, value.dtype);
    if (sums && !isNumber(value.dtype) && value.dtype.kind !== "Duration") return no(c, value.dtype);
    if (fn === "cum_prod" && isFloat(dtype)) return no(c, value.dtype);
    if (value.dtype.kind === "Boolean" && !sums) {
      const words = c.t.window(fn, [call("cast", [value], U32)], U32, [reversed(c)]);
      return words === null ? null : call("ne", [words, u32(0n)], BOOLEAN);
    }
    const own = sums && value.dtype.kind !== "Duration" ? c.t.cast(value, dtype) : value;
    return own === null ? null : c.t.window(fn, [own], dtype, [reversed(c)]);
  };

const reversed = (c: FunctionCall): 0 | 1 => (isObject(c.options) && c.options.reverse === true ? 1 : 0);

const cumCount: Handler = (c) => {
  const value = input(c);
  const dtype = c.t.scope.dtype(c.expr);
  const counted = value === null ? null : c.t.window("cum_count", [value], U32, [reversed(c)]);
  return counted === null || dtype === null ? null : c.t.cast(counted, dtype);
};

/** Decimal digits that any Int64 holds. */
const INT64_DIGITS = 18;

/** The integers behind categoricals and decimals, by lookup; other values as they are. */
function ticksBehind(c: FunctionCall, value: Expr): Expr | null {
  const physical: DslExpr = { Function: { input: [asExpr(c.inputs[0])], function: "ToPhysical" } };
  if (value.dtype.kind === "Categorical") return c.t.translate(physical);
  const digits = value.dtype.kind === "Decimal" ? Number(/\d+/.exec(value.dtype.dsl)?.[0]) : Number.POSITIVE_INFINITY;
  return digits <= INT64_DIGITS ? c.t.translate({ Cast: { expr: physical, dtype: { Literal: "Int64" }, options: "NonStrict" } }) : value;
}

/** A value beyond both neighbours; polars takes 0 for the neighbours of the first and the last row. */
const peak =
  (fn: "gt" | "lt"): Handler =>
  (c) => {
    const own = input(c);
    const value = own === null ? null : ticksBehind(c, own);
    if (value === null) return null;
    if (physicalOf(value.dtype) === "code") return no(c, value.dtype);
    const zero = literal(numberIn(value.dtype, 0), value.dtype);
    const [before, after] = [shiftedOr(c.t, value, 1, zero), shiftedOr(c.t, value, -1, zero)];
    if (before === null || after === null) return null;
    return call("and", [call(fn, [value, before], BOOLEAN), call(fn, [value, after], BOOLEAN)], BOOLEAN);
  };

/** Numbers the runs of equal values, from 0. */
const runNumber: Handler = (c) => {
  const value = input(c);
  const dtype = c.t.scope.dtype(c.expr);
  if (value === null || dtype === null) return null;
  if (physicalOf(value.dtype) === "code" && value.dtype.kind !== "String") return no(c, value.dtype);
  const [before, row] = [shifted(c.t, value, 1), c.t.window("row_number", [], U32)];
  if (before === null || row === null) return null;
  const starts = call("and", [call("ne_missing", [value, before], BOOLEAN), call("gt", [row, u32(0n)], BOOLEAN)], BOOLEAN);
  const numbers = c.t.window("cum_sum", [call("cast", [starts], U32)], U32, [0]);
  return numbers === null ? null : c.t.cast(numbers, dtype);
};

/** `intRange(0, len())`: the numbers of the rows. */
const rowRange: Handler = (c) => {
  const dtype = c.t.scope.dtype(c.expr);
  const step = isObject(c.options) ? c.options.step : null;
  const length = withoutCasts(c.inputs[1]);
  const start = wholeNumber(c, 0);
  if (dtype === null || start === null) return null;
  if (Number(step) !== 1 || start !== 0 || length !== "Len") return c.t.scope.unsupported("ranges have no kernel");
  const row = c.t.window("row_number", [], U32);
  return row === null ? null : c.t.cast(row, dtype);
};

function withoutCasts(expr: DslExpr | undefined): DslExpr | undefined {
  const [name, payload] = tagOf(expr) ?? ["", null];
  return name === "Cast" && isObject(payload) ? withoutCasts(asExpr(payload.expr)) : expr;
}

export const WINDOW_HANDLERS: Readonly<Record<string, Handler>> = {
  ...RANK_HANDLERS,
  CumCount: cumCount,
  CumMax: cumulative("cum_max"),
  CumMin: cumulative("cum_min"),
  CumProd: cumulative("cum_prod"),
  CumSum: cumulative("cum_sum"),
  Diff: diff,
  FillNullWithStrategy: fillNull,
  PctChange: pctChange,
  PeakMax: peak("gt"),
  PeakMin: peak("lt"),
  "Range.IntRange": rowRange,
  Reverse: simple("reverse"),
  RLEID: runNumber,
  Shift: shift,
  ShiftAndFill: shiftAndFill,
};
