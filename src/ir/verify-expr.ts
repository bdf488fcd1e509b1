/** The contract of expressions: columns that are there, and for each function the dtypes of its arguments and of its result. */

import { canCast, isTemporal } from "./casts.ts";
import type { DType } from "./dtype.ts";
import { physicalOf } from "./dtype.ts";
import type { CallExpr, Expr, LiteralExpr } from "./expr.ts";
import { describeExpr, exprChildren } from "./expr.ts";
import type { FunctionName } from "./functions.ts";
import { integerRange } from "./integers.ts";
import type { Schema } from "./schema.ts";
import { describeDType, sameDType } from "./schema.ts";

/** What is wrong with a row-wise expression over columns of `schema`; null: nothing. */
export function exprProblem(expr: Expr, schema: Schema): string | null {
  for (const child of exprChildren(expr)) {
    const problem = exprProblem(child, schema);
    if (problem !== null) return problem;
  }
  const problem = ownProblem(expr, schema);
  return problem === null ? null : `${describeExpr(expr)}: ${problem}`;
}

function ownProblem(expr: Expr, schema: Schema): string | null {
  switch (expr.kind) {
    case "column": {
      const field = schema.find((f) => f.name === expr.name);
      if (field === undefined) return `the input has no such column, only ${schema.map((f) => JSON.stringify(f.name)).join(", ")}`;
      return sameDType(field.dtype, expr.dtype)
        ? null
        : `the input column is ${describeDType(field.dtype)}, not ${describeDType(expr.dtype)}`;
    }
    case "literal":
      return literalFits(expr) ? null : `the value is not one of ${describeDType(expr.dtype)}`;
    case "lookup":
      return physicalOf(expr.arg.dtype) === "code" ? null : `a lookup over ${describeDType(expr.arg.dtype)}`;
    case "aggregate":
      return "an aggregate outside of an Aggregate node";
    case "call":
      return CONTRACTS[expr.fn](expr);
  }
}

function literalFits({ value, dtype }: LiteralExpr): boolean {
  if (value === null) return true;
  const range = integerRange(dtype);
  if (range !== null) return typeof value === "bigint" && value >= range.least && value <= range.most;
  switch (physicalOf(dtype)) {
    case "bool":
      return typeof value === "boolean";
    case "f32":
    case "f64":
      return typeof value === "number";
    default:
      return typeof value === "string";
  }
}

type Contract = (call: CallExpr) => string | null;

const isFloat = (dtype: DType): boolean => dtype.kind === "Float32" || dtype.kind === "Float64";
const isNumeric = (dtype: DType): boolean => isFloat(dtype) || (integerRange(dtype) !== null && !isTemporal(dtype));
const isInteger = (dtype: DType): boolean => isNumeric(dtype) && !isFloat(dtype);
const isWide = (dtype: DType): boolean => dtype.kind === "Int64" || dtype.kind === "UInt64";
const isBoolean = (dtype: DType): boolean => dtype.kind === "Boolean";

const counted = (call: CallExpr, count: number): string | null =>
  call.args.length === count ? null : `${call.args.length} arguments instead of ${count}`;

const all = (call: CallExpr, accepts: (dtype: DType) => boolean): string | null => {
  const wrong = call.args.find((a) => !accepts(a.dtype));
  return wrong === undefined ? null : `an argument is ${describeDType(wrong.dtype)}`;
};
const returns = (call: CallExpr, dtype: DType): string | null =>
  sameDType(call.dtype, dtype) ? null : `the result is ${describeDType(call.dtype)} instead of ${describeDType(dtype)}`;
const alike = (call: CallExpr, args: readonly Expr[]): string | null =>
  args.every((a) => args[0] !== undefined && sameDType(a.dtype, args[0].dtype))
    ? null
    : `the arguments are ${args.map((a) => describeDType(a.dtype)).join(" and ")} (${call.fn})`;

const BOOLEAN: DType = { kind: "Boolean" };

/** `count` numbers of the dtype of the result. */
const numbers =
  (count: number, accepts = isNumeric): Contract =>
  (call) =>
    counted(call, count) ?? all(call, accepts) ?? alike(call, call.args) ?? returns(call, call.args[0]?.dtype ?? call.dtype);

/** Numbers, or ticks of points in time and durations. */
const arithmetic: Contract = (call) =>
  call.args.some((a) => isTemporal(a.dtype))
    ? (counted(call, 2) ?? all(call, isTemporal) ?? (isTemporal(call.dtype) ? null : "the result is no point in time"))
    : numbers(2)(call);

const comparison: Contract = (call) => counted(call, 2) ?? alike(call, call.args) ?? returns(call, BOOLEAN);
const logic =
  (count: number): Contract =>
  (call) =>
    counted(call, count) ?? all(call, isBoolean) ?? returns(call, BOOLEAN);
const test =
  (accepts: (dtype: DType) => boolean): Contract =>
  (call) =>
    counted(call, 1) ?? all(call, accepts) ?? returns(call, BOOLEAN);
const choice: Contract = (call) =>
  call.args.length === 0 ? "no arguments" : (alike(call, call.args) ?? returns(call, call.args[0]?.dtype ?? call.dtype));
const ternary: Contract = (call) => {
  const [predicate, ...branches] = call.args;
  return (
    counted(call, 3) ??
    (predicate?.dtype.kind === "Boolean" ? null : "the predicate is not Boolean") ??
    alike(call, branches) ??
    returns(call, branches[0]?.dtype ?? call.dtype)
  );
};
const cast: Contract = (call) => {
  const from = call.args[0]?.dtype;
  return (
    counted(call, 1) ?? (from !== undefined && canCast(from, call.dtype) ? null : `the device has no cast to ${describeDType(call.dtype)}`)
  );
};
const part: Contract = (call) =>
  counted(call, 1) ?? all(call, isTemporal) ?? (integerRange(call.dtype) === null ? "the result is not an integer" : null);
const anything = (): boolean => true;
const orderable = (dtype: DType): boolean => isNumeric(dtype) || isTemporal(dtype) || isBoolean(dtype);
const horizontal: Contract = (call) => all(call, orderable) ?? choice(call);

const CONTRACTS = {
  add: arithmetic,
  sub: arithmetic,
  mul: numbers(2),
  div: numbers(2, isFloat),
  floor_div: numbers(2),
  mod: numbers(2),
  neg: numbers(1),
  abs: numbers(1, (d) => isNumeric(d) || d.kind === "Duration"),
  sign: numbers(1),
  eq: comparison,
  ne: comparison,
  lt: comparison,
  le: comparison,
  gt: comparison,
  ge: comparison,
  eq_missing: comparison,
  ne_missing: comparison,
  and: logic(2),
  or: logic(2),
  xor: logic(2),
  not: logic(1),
  bit_and: numbers(2, isInteger),
  bit_or: numbers(2, isInteger),
  bit_xor: numbers(2, isInteger),
  bit_not: numbers(1, isInteger),
  reinterpret: (call) => counted(call, 1) ?? all(call, isWide) ?? (isWide(call.dtype) ? null : "the result is not an integer of 64 bits"),
  is_null: test(anything),
  is_not_null: test(anything),
  is_nan: test(isFloat),
  is_not_nan: test(isFloat),
  is_finite: test(isNumeric),
  is_infinite: test(isNumeric),
  coalesce: choice,
  ternary,
  cast,
  floor: numbers(1, isFloat),
  ceil: numbers(1, isFloat),
  round: numbers(1, isFloat),
  sqrt: numbers(1, isFloat),
  exp: numbers(1, isFloat),
  ln: numbers(1, isFloat),
  log1p: numbers(1, isFloat),
  cbrt: numbers(1, isFloat),
  sin: numbers(1, isFloat),
  cos: numbers(1, isFloat),
  tan: numbers(1, isFloat),
  cot: numbers(1, isFloat),
  asin: numbers(1, isFloat),
  acos: numbers(1, isFloat),
  atan: numbers(1, isFloat),
  sinh: numbers(1, isFloat),
  cosh: numbers(1, isFloat),
  tanh: numbers(1, isFloat),
  asinh: numbers(1, isFloat),
  acosh: numbers(1, isFloat),
  atanh: numbers(1, isFloat),
  pow: numbers(2, isFloat),
  atan2: numbers(2, isFloat),
  ipow: (call) =>
    counted(call, 2) ??
    all(call, (d) => isNumeric(d) && !isFloat(d)) ??
    (call.args[1]?.dtype.kind === "UInt32" ? null : "the exponent is not UInt32") ??
    returns(call, call.args[0]?.dtype ?? call.dtype),
  min_horizontal: horizontal,
  max_horizontal: horizontal,
  min_total: horizontal,
  max_total: horizontal,
  clip: (call) => counted(call, 3) ?? all(call, (d) => isNumeric(d) || isTemporal(d)) ?? choice(call),
  year: part,
  month: part,
  day: part,
  quarter: part,
  week: part,
  iso_year: part,
  weekday: part,
  ordinal_day: part,
  month_start: (call) => counted(call, 1) ?? all(call, (d) => d.kind === "Int32") ?? returns(call, { kind: "Date" }),
  hour: part,
  minute: part,
  second: part,
  nanosecond: part,
} as const satisfies Record<FunctionName, Contract>;
