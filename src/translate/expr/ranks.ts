/** Functions that compare a row with all others of its segment: ranks, positions in sorted order, repeated values. */

import type { DType } from "../../ir/dtype.ts";
import { isOrdered } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import type { WindowFunctionName } from "../../ir/windows.ts";
import { isObject } from "../../polars/dsl.ts";
import { columnInput } from "./column-input.ts";
import type { FunctionCall, Handler } from "./function-call.ts";
import { no } from "./function-call.ts";
import type { ExprTranslator } from "./translator.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const F64: DType = { kind: "Float64" };

const input = (c: FunctionCall): Expr | null => columnInput(c.t, c.inputs[0]);

/** Rows compared with the others of the segment that have the same value. */
const distinctness =
  (make: (row: Expr, length: Expr) => Expr, ofNulls = true): Handler =>
  (c) => {
    const value = input(c);
    if (value === null) return null;
    if (!isOrdered(value.dtype) || (value.dtype.kind === "Null" && !ofNulls)) return no(c, value.dtype);
    const row = c.t.window("row_number", [], U32, [], { keys: [value] });
    const length = c.t.window("segment_length", [], U32, [], { keys: [value] });
    return row === null || length === null ? null : make(row, length);
  };

const u32 = (value: bigint): Expr => literal(value, U32);
/** Polars has no first and last distinct values of dtype Null, and says so when it runs. */
const ENDS_OF_NULLS = false;
const isFirst = (row: Expr): Expr => call("eq", [row, u32(0n)], BOOLEAN);
const isLast = (row: Expr, length: Expr): Expr => call("eq", [call("add", [row, u32(1n)], U32), length], BOOLEAN);

const RANKS: Readonly<Record<string, WindowFunctionName>> = { Min: "rank_min", Max: "rank_max", Dense: "rank_dense" };

const rank: Handler = (c) => {
  const value = input(c);
  const dtype = c.t.scope.dtype(c.expr);
  const options = isObject(c.options) && isObject(c.options.options) ? c.options.options : {};
  if (value === null || dtype === null) return null;
  if (!isOrdered(value.dtype)) return no(c, value.dtype);
  if (value.dtype.kind === "Null") return literal(null, dtype);
  const method = String(options.method);
  if (method === "Ordinal" && value.dtype.kind === "Opaque") return no(c, value.dtype);
  const order = [{ expr: value, descending: options.descending === true, nullsLast: true }];
  const ranked = (fn: WindowFunctionName): Expr | null => {
    const before = c.t.window(fn, [], U32, fn === "row_number" ? [] : [1], { order });
    return before === null ? null : call("add", [before, u32(1n)], U32);
  };
  const result = method === "Average" ? average(ranked) : ranked(RANKS[method] ?? "row_number");
  if (!["Average", "Ordinal", ...Object.keys(RANKS)].includes(method)) return c.t.scope.unsupported(`Rank by the method ${method}`);
  const typed = result === null ? null : c.t.cast(result, dtype);
  return typed === null ? null : call("ternary", [call("is_null", [value], BOOLEAN), literal(null, dtype), typed], dtype);
};

/** Ranks of the values in a frame's segments, equal values sharing their mean; what nulls have is unspecified. */
export const averageRank = (t: ExprTranslator, value: Expr): Expr | null =>
  average((fn) => {
    const before = t.window(fn, [], U32, [1], { order: [{ expr: value, descending: false, nullsLast: true }] });
    return before === null ? null : call("add", [before, u32(1n)], U32);
  });

/** Half the sum of the least and the greatest rank, which are whole numbers. */
function average(ranked: (fn: WindowFunctionName) => Expr | null): Expr | null {
  const [least, most] = [ranked("rank_min"), ranked("rank_max")];
  if (least === null || most === null) return null;
  const sum = call("add", [call("cast", [least], F64), call("cast", [most], F64)], F64);
  return call("mul", [sum, literal(0.5, F64)], F64);
}

const argSort: Handler = (c) => {
  const value = input(c);
  if (value === null) return null;
  // Of equal lists polars leaves the order open.
  if (value.dtype.kind === "Opaque") return no(c, value.dtype);
  const options = isObject(c.options) ? c.options : {};
  return c.t.window("arg_sort", [value], U32, [options.descending === true ? 1 : 0, options.nulls_last === true ? 1 : 0]);
};

export const RANK_HANDLERS: Readonly<Record<string, Handler>> = {
  ArgSort: argSort,
  "Boolean.IsDuplicated": distinctness((_, length) => call("gt", [length, u32(1n)], BOOLEAN)),
  "Boolean.IsFirstDistinct": distinctness(isFirst, ENDS_OF_NULLS),
  "Boolean.IsLastDistinct": distinctness(isLast, ENDS_OF_NULLS),
  "Boolean.IsUnique": distinctness((_, length) => call("eq", [length, u32(1n)], BOOLEAN)),
  Rank: rank,
};
