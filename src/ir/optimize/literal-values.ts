/** Functions of literals, computed as the device and CPU polars compute them; what could differ in one bit is left to them. */

import { isNumber } from "../casts.ts";
import type { DType, TimeUnit } from "../dtype.ts";
import type { CallExpr, LiteralExpr, LiteralValue } from "../expr.ts";
import type { FunctionName } from "../functions.ts";
import { floorDivide, integerRange, wrapTo } from "../integers.ts";

/** The value of a function of literals; undefined: it is left to the device. Arguments hold the rules of `verify`. */
export function evaluate(call: CallExpr, args: readonly LiteralExpr[]): LiteralValue | undefined {
  const values = args.map(exactValue);
  const [a, b] = values;
  if (a === undefined) return undefined;
  switch (call.fn) {
    case "is_null":
      return a === null;
    case "is_not_null":
      return a !== null;
    case "cast":
      return a === null ? null : castValue(a, args[0]?.dtype ?? call.dtype, call.dtype);
    case "eq_missing":
    case "ne_missing": {
      if (b === undefined) return undefined;
      const order = a !== null && b !== null ? compare("eq", a, b) : Number(a !== b);
      return order === undefined ? undefined : (order === 0) === (call.fn === "eq_missing");
    }
    case "and":
    case "or": {
      const absorbing = call.fn === "or";
      return values.includes(absorbing) ? absorbing : values.includes(null) ? null : !absorbing;
    }
    default:
      if (a === null || b === null) return NULL_IN_NULL_OUT.has(call.fn) ? null : undefined;
      if (b === undefined) return ofOne(call, a);
      return values.length === 2 ? ofTwo(call, a, b) : undefined;
  }
}

/** Functions that are null where an argument is a null literal. */
export const NULL_IN_NULL_OUT: ReadonlySet<FunctionName> = new Set([
  ...([
    "add",
    "sub",
    "mul",
    "div",
    "floor_div",
    "mod",
    "neg",
    "abs",
    "sign",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "xor",
    "not",
    "cast",
  ] as const),
  ...(["is_nan", "is_not_nan", "is_finite", "is_infinite", "floor", "ceil", "round", "sqrt"] as const),
  ...(["exp", "ln", "log1p", "cbrt", "sin", "cos", "tan", "cot", "asin", "acos", "atan", "sinh", "cosh", "tanh"] as const),
  ...(["asinh", "acosh", "atanh", "atan2", "pow", "ipow"] as const),
  ...([
    "year",
    "month",
    "day",
    "quarter",
    "week",
    "iso_year",
    "weekday",
    "ordinal_day",
    "month_start",
    "hour",
    "minute",
    "second",
    "nanosecond",
  ] as const),
]);

/** Float32 literals may be written with more digits than they have. */
const exactValue = ({ value, dtype }: LiteralExpr): LiteralValue =>
  dtype.kind === "Float32" && typeof value === "number" ? Math.fround(value) : value;

type Present = Exclude<LiteralValue, null>;

/** Order of floats is polars': NaN equals NaN and is larger than everything, -0 equals 0. Texts are only compared for equality. */
function compare(fn: FunctionName, a: Present, b: Present): number | undefined {
  if (typeof a === "number" && typeof b === "number") {
    if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
    return a < b ? -1 : Number(a > b);
  }
  if (typeof a === "string" && typeof b === "string") return fn === "eq" || fn === "ne" ? Number(a !== b) : undefined;
  return typeof a === typeof b ? (a < b ? -1 : Number(a > b)) : undefined;
}

const COMPARISONS: Partial<Record<FunctionName, (order: number) => boolean>> = {
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
};

function ofTwo(call: CallExpr, a: Present, b: Present): LiteralValue | undefined {
  const comparison = COMPARISONS[call.fn];
  if (comparison !== undefined) {
    const order = compare(call.fn, a, b);
    return order === undefined ? undefined : comparison(order);
  }
  if (call.fn === "xor") return a !== b;
  if (typeof a === "bigint" && typeof b === "bigint") return ofIntegers(call, a, b);
  return typeof a === "number" && typeof b === "number" ? ofFloats(call, a, b) : undefined;
}

function ofIntegers(call: CallExpr, a: bigint, b: bigint): LiteralValue | undefined {
  const range = integerRange(call.dtype);
  if (range === null) return undefined;
  const fits = (value: bigint): bigint | undefined => (value >= range.least && value <= range.most ? value : undefined);
  switch (call.fn) {
    case "add":
      return wrapTo(range, a + b);
    case "sub":
      return wrapTo(range, a - b);
    case "mul":
      return wrapTo(range, a * b);
    case "floor_div":
      return b === 0n ? null : fits(floorDivide(a, b));
    case "mod":
      return b === 0n ? null : a - floorDivide(a, b) * b;
    default:
      return undefined;
  }
}

/** One operation in f64, rounded once more for f32, is the f32 operation: f64 has more than twice its digits. */
function ofFloats(call: CallExpr, a: number, b: number): number | undefined {
  const rounded = call.dtype.kind === "Float32" ? Math.fround : (x: number) => x;
  switch (call.fn) {
    case "add":
      return rounded(a + b);
    case "sub":
      return rounded(a - b);
    case "mul":
      return rounded(a * b);
    case "div":
      return rounded(a / b);
    default:
      return undefined;
  }
}

function ofOne(call: CallExpr, a: Present): LiteralValue | undefined {
  if (call.fn === "not") return a !== true;
  if (typeof a === "bigint") {
    const range = integerRange(call.dtype);
    const value = call.fn === "neg" ? -a : call.fn === "abs" ? (a < 0n ? -a : a) : undefined;
    return value !== undefined && range !== null && value >= range.least && value <= range.most ? value : undefined;
  }
  if (typeof a !== "number") return undefined;
  switch (call.fn) {
    case "neg":
      return -a;
    case "abs":
      return Math.abs(a);
    case "floor":
      return Math.floor(a);
    case "ceil":
      return Math.ceil(a);
    case "sqrt":
      return call.dtype.kind === "Float32" ? Math.fround(Math.sqrt(a)) : Math.sqrt(a);
    case "is_nan":
      return Number.isNaN(a);
    case "is_not_nan":
      return !Number.isNaN(a);
    case "is_finite":
      return Number.isFinite(a);
    case "is_infinite":
      return a === Number.POSITIVE_INFINITY || a === Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

/** Ticks of a unit in a day. */
export const ticksPerDay = (unit: TimeUnit): bigint => 86_400n * TICKS[unit];
/** Ticks of a unit in a second. */
export const TICKS = { ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n } as const satisfies Record<TimeUnit, bigint>;

/** The non-strict cast of a value: null where it does not fit. */
function castValue(value: Present, from: DType, to: DType): LiteralValue | undefined {
  if (from.kind === "Date" && to.kind === "Datetime" && typeof value === "bigint") return BigInt.asIntN(64, value * ticksPerDay(to.unit));
  if (!isNumber(from) && !isNumber(to)) return undefined;
  if (typeof value === "string") return undefined;
  const range = integerRange(to);
  if (range !== null) {
    if (typeof value === "number" && !Number.isFinite(value)) return null;
    const integer = typeof value === "number" ? BigInt(Math.trunc(value)) : BigInt(value);
    return integer >= range.least && integer <= range.most ? integer : null;
  }
  switch (to.kind) {
    case "Boolean":
      return typeof value === "number" ? value !== 0 : BigInt(value) !== 0n;
    case "Float64":
      return Number(value);
    case "Float32":
      return typeof value === "bigint" && BigInt.asIntN(54, value) !== value ? undefined : Math.fround(Number(value));
    default:
      return undefined;
  }
}
