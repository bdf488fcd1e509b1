/** Every function tag of the DSL: a handler, or the reason why it has no GPU form on columns that are not looked up. */

import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import type { FunctionName } from "../../ir/functions.ts";
import { sameDType } from "../../ir/schema.ts";
import type { DslExpr, DslObject } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { evaluateConstant } from "../../polars/scalars.ts";
import { AGGREGATE_FUNCTIONS } from "./aggregates.ts";
import { isFloat, isInteger, isNumeric } from "./binary.ts";
import { CALENDAR_STEPS } from "./calendar-steps.ts";
import { EWM_HANDLERS } from "./ewm.ts";
import type { Handler } from "./function-call.ts";
import { args, argsAsResult, no } from "./function-call.ts";
import { interpolate } from "./interpolate.ts";
import { MATHEMATICS } from "./mathematics.ts";
import { PHYSICAL_FORMS } from "./physical-forms.ts";
import { rollingFunction } from "./rolling-functions.ts";
import type { ExprTranslator } from "./translator.ts";
import { asExpr, columnNames, exprInputs, isConstant } from "./tree.ts";
import { WINDOW_HANDLERS } from "./window-functions.ts";

const BOOLEAN: DType = { kind: "Boolean" };

/** A function of numbers whose result has the dtype of its input. */
const numeric =
  (fn: FunctionName, only: "numbers" | "floats" = "numbers"): Handler =>
  (c) => {
    const made = argsAsResult(c);
    if (made === null) return null;
    const [value] = args(c) ?? [];
    if (value === undefined || !isNumeric(made.dtype)) return no(c, made.dtype);
    if (only === "floats" && !isFloat(made.dtype)) return sameDType(value.dtype, made.dtype) ? value : no(c, value.dtype);
    return call(fn, made.values, made.dtype);
  };

const predicate =
  (fn: FunctionName, accepts: (dtype: DType) => boolean = () => true): Handler =>
  (c) => {
    const [value] = args(c) ?? [];
    if (value === undefined) return null;
    return accepts(value.dtype) ? call(fn, [value], BOOLEAN) : no(c, value.dtype);
  };

/** A test for NaN; integers, which never are, take the test for numbers that has the same answer for all of them. */
const nanTest =
  (fn: FunctionName, ofIntegers: FunctionName): Handler =>
  (c) => {
    const [value] = args(c) ?? [];
    if (value === undefined) return null;
    return isNumeric(value.dtype) ? call(isFloat(value.dtype) ? fn : ofIntegers, [value], BOOLEAN) : no(c, value.dtype);
  };

const isDecimalFree = (dtype: DType): boolean => physicalOf(dtype) !== "code";

const naive = (dtype: DType): boolean =>
  dtype.kind === "Date" || dtype.kind === "Time" || (dtype.kind === "Datetime" && (dtype.zone === null || dtype.zone === "UTC"));

const part =
  (fn: FunctionName, of: "date" | "time"): Handler =>
  (c) => {
    const [value] = args(c) ?? [];
    const dtype = c.t.scope.dtype(c.expr);
    if (value === undefined || dtype === null) return null;
    if (!naive(value.dtype) || value.dtype.kind === (of === "date" ? "Time" : "Date")) return no(c, value.dtype);
    return call(fn, [value], dtype);
  };

const coalesce: Handler = (c) => {
  const made = argsAsResult(c);
  return made === null ? null : call("coalesce", made.values, made.dtype);
};

/**
 * Smallest or largest, two at a time. Polars compares two columns of floats as IEEE does, and by its total order where one of them is one value
 * for all rows.
 */
const horizontal =
  (columns: FunctionName, oneValue: FunctionName): Handler =>
  (c) => {
    const made = argsAsResult(c);
    if (made === null) return null;
    const { values, dtype } = made;
    if (!isDecimalFree(dtype)) return no(c, dtype);
    const single = c.inputs.map((e) => c.t.isOneValue(e));
    if (!isFloat(dtype) || !single.includes(true)) return call(columns, values, dtype);
    return values.reduce((a, b, i) => {
      const isTotal = single[i] === true || single.slice(0, i).every((one) => one);
      return call(isTotal ? oneValue : columns, [a, b], dtype);
    });
  };

const allOrAny =
  (fn: "and" | "or"): Handler =>
  (c) => {
    const values = args(c);
    if (values === null) return null;
    const [first, ...rest] = values.map((v) => c.t.cast(v, BOOLEAN));
    if (first === undefined || first === null) return first === null ? null : c.t.scope.unsupported(`${c.name} of nothing`);
    return rest.reduce<Expr | null>((all, v) => (all === null || v === null ? null : call(fn, [all, v], BOOLEAN)), first);
  };

/** Values to compare with one by one; longer lists would be slower than a join. */
const MAX_LISTED = 64;

const isIn: Handler = (c) => {
  const [valueDsl, listDsl] = c.inputs;
  if (valueDsl === undefined || listDsl === undefined || !isConstant(listDsl)) return c.t.scope.unsupported("IsIn a computed list");
  const value = c.t.translate(valueDsl);
  if (value === null) return null;
  if (physicalOf(value.dtype) === "code") return no(c, value.dtype);
  const list =
    evaluateConstant(c.t.scope.native, { Explode: { input: listDsl, options: { empty_as_null: false, keep_nulls: true } } }, MAX_LISTED) ??
    evaluateConstant(c.t.scope.native, listDsl, MAX_LISTED);
  if (list === null || (isObject(c.options) && c.options.nulls_equal === true))
    return c.t.scope.unsupported(`IsIn a list of more than ${MAX_LISTED} values, not of numbers, or whose nulls are values`);
  const common = sameDType(value.dtype, list.dtype) ? value.dtype : c.t.scope.supertype(value.dtype, list.dtype);
  if (common === null) return no(c, list.dtype);
  const left = c.t.cast(value, common);
  if (left === null) return null;
  const listed = list.values.filter((v) => v !== null);
  const tests = listed.map((v) => c.t.cast(literal(v, list.dtype), common)).filter((v) => v !== null);
  if (tests.length !== listed.length) return null;
  return tests.map((v): Expr => call("eq", [left, v], BOOLEAN)).reduce((a, b) => call("or", [a, b], BOOLEAN), never(left));
};

/** False, or null where the value is null. */
const never = (value: Expr): Expr => call("ne", [value, value], BOOLEAN);

const clip: Handler = (c) => {
  const dtype = c.t.scope.dtype(c.expr);
  const values = args(c);
  if (values === null || dtype === null) return null;
  if (physicalOf(dtype) === "code" || physicalOf(dtype) === "bool") return no(c, dtype);
  const settings = isObject(c.options) ? c.options : {};
  const [value, low, high] = values;
  if (value === undefined) return null;
  const bound = (present: boolean, v: Expr | undefined): Expr | null =>
    present && v !== undefined ? c.t.cast(v, dtype) : literal(null, dtype);
  const [x, a, b] = [
    c.t.cast(value, dtype),
    bound(settings.has_min === true, low),
    bound(settings.has_max === true, settings.has_min === true || values.length > 2 ? high : low),
  ];
  return x === null || a === null || b === null ? null : call("clip", [x, a, b], dtype);
};

const sumHorizontal: Handler = (c) => {
  const made = argsAsResult(c);
  if (made === null || !isNumeric(made.dtype)) return made === null ? null : no(c, made.dtype);
  if (!isObject(c.options) || c.options.ignore_nulls !== true) return c.t.scope.unsupported("SumHorizontal that keeps nulls");
  const zero = literal(isFloat(made.dtype) ? 0 : 0n, made.dtype);
  const terms = made.values.map((v): Expr => call("coalesce", [v, zero], made.dtype));
  return terms.reduce((a, b) => call("add", [a, b], made.dtype));
};

/** Decimals that the device rounds to: more are polars' split multiplier, far beyond what a float holds. */
const MAX_DECIMALS = 299;
const ROUNDING: Readonly<Record<string, number>> = { HalfToEven: 0, HalfAwayFromZero: 1 };

const round: Handler = (c) => {
  const made = argsAsResult(c);
  const [value] = made?.values ?? [];
  if (made === null || value === undefined) return null;
  if (!isNumeric(made.dtype)) return no(c, made.dtype);
  if (!isFloat(made.dtype)) return value;
  const decimals = isObject(c.options) ? c.options.decimals : null;
  const mode = isObject(c.options) && typeof c.options.mode === "string" ? ROUNDING[c.options.mode] : undefined;
  if (typeof decimals !== "number" || decimals > MAX_DECIMALS || mode === undefined)
    return c.t.scope.unsupported("Round with this mode or so many decimals");
  return call("round", [value], made.dtype, [decimals, mode]);
};

const abs: Handler = (c) => {
  const [value] = args(c) ?? [];
  if (value === undefined) return null;
  return value.dtype.kind === "Duration" ? call("abs", [value], value.dtype) : numeric("abs")(c);
};

const not: Handler = (c) => {
  const [value] = args(c) ?? [];
  if (value === undefined) return null;
  if (isInteger(value.dtype)) return call("bit_not", [value], value.dtype);
  return value.dtype.kind === "Boolean" ? call("not", [value], BOOLEAN) : no(c, value.dtype);
};

/** Tags of functions as the DSL spells them; a namespace stands before its functions. */
const FUNCTIONS: Readonly<Record<string, Handler | string>> = {
  ...MATHEMATICS,
  ...CALENDAR_STEPS,
  ...PHYSICAL_FORMS,
  ...WINDOW_HANDLERS,
  ...EWM_HANDLERS,
  Interpolate: interpolate,
  RollingExpr: rollingFunction,
  Abs: abs,
  Sign: numeric("sign"),
  Negate: numeric("neg"),
  Ceil: numeric("ceil", "floats"),
  Floor: numeric("floor", "floats"),
  Round: round,
  Clip: clip,
  FillNull: coalesce,
  Coalesce: coalesce,
  MinHorizontal: horizontal("min_horizontal", "min_total"),
  MaxHorizontal: horizontal("max_horizontal", "max_total"),
  SumHorizontal: sumHorizontal,
  "Boolean.IsNull": predicate("is_null"),
  "Boolean.IsNotNull": predicate("is_not_null"),
  "Boolean.IsNan": nanTest("is_nan", "is_infinite"),
  "Boolean.IsNotNan": nanTest("is_not_nan", "is_finite"),
  "Boolean.IsFinite": predicate("is_finite", isNumeric),
  "Boolean.IsInfinite": predicate("is_infinite", isNumeric),
  "Boolean.Not": not,
  "Boolean.IsIn": isIn,
  "Boolean.AllHorizontal": allOrAny("and"),
  "Boolean.AnyHorizontal": allOrAny("or"),
  "TemporalExpr.Year": part("year", "date"),
  "TemporalExpr.IsoYear": part("iso_year", "date"),
  "TemporalExpr.Quarter": part("quarter", "date"),
  "TemporalExpr.Month": part("month", "date"),
  "TemporalExpr.Week": part("week", "date"),
  "TemporalExpr.WeekDay": part("weekday", "date"),
  "TemporalExpr.Day": part("day", "date"),
  "TemporalExpr.OrdinalDay": part("ordinal_day", "date"),
  "TemporalExpr.Hour": part("hour", "time"),
  "TemporalExpr.Minute": part("minute", "time"),
  "TemporalExpr.Second": part("second", "time"),
  "TemporalExpr.Nanosecond": part("nanosecond", "time"),
  ArgUnique: "ArgUnique has no kernel",
  AsStruct: "structs are not built on the device",
  DropNans: "DropNans changes the number of rows",
  DropNulls: "DropNulls changes the number of rows",
  GatherEvery: "GatherEvery changes the number of rows",
  Hash: "Hash has no kernel",
  Mode: "Mode changes the number of rows",
  Random: "random numbers are those of CPU polars",
  RepeatBy: "RepeatBy makes lists",
  Replace: "Replace has no kernel on numbers",
  ReplaceStrict: "ReplaceStrict has no kernel on numbers",
  Reshape: "Reshape changes the number of rows",
  ExtendConstant: "ExtendConstant changes the number of rows",
  Unique: "Unique changes the number of rows",
  UniqueCounts: "UniqueCounts changes the number of rows",
  ValueCounts: "ValueCounts changes the number of rows",
  ArgWhere: "ArgWhere changes the number of rows",
  Rechunk: "Rechunk is about polars' own memory",
  Append: "Append changes the number of rows",
  MinBy: "MinBy has no kernel",
  MaxBy: "MaxBy has no kernel",
  Repeat: "Repeat changes the number of rows",
  AsList: "lists are not built on the device",
  Truncate: "Truncate has no kernel",
  RoundSF: "RoundSF has no kernel",
  ConcatExpr: "ConcatExpr changes the number of rows",
  RLE: "RLE changes the number of rows",
  SetSortedFlag: "SetSortedFlag is about polars' own memory",
  FoldHorizontal: "a function written in another language",
  ReduceHorizontal: "a function written in another language",
  CumReduceHorizontal: "a function written in another language",
  CumFoldHorizontal: "a function written in another language",
  MeanHorizontal: "MeanHorizontal has no kernel",
  EwmSum: "EwmSum has no kernel",
  RowEncode: "RowEncode has no kernel",
  RowDecode: "RowDecode has no kernel",
  "Boolean.IsEmpty": "IsEmpty needs the whole column",
  "Boolean.HasNulls": "HasNulls needs the whole column",
  "Boolean.IsSorted": "IsSorted needs the whole column",
};

const NAMESPACE_REASONS: Readonly<Record<string, string>> = {
  Boolean: "this boolean function has no kernel",
  StringExpr: "this string function of several columns has no kernel",
  TemporalExpr: "this temporal function has no kernel",
  ListExpr: "this list function of several columns has no kernel",
  StructExpr: "this struct function has no kernel",
  ArrayExpr: "array functions have no kernel",
  BinaryExpr: "binary functions have no kernel",
  Categorical: "this categorical function has no kernel",
  Range: "ranges have no kernel",
  Trigonometry: "trigonometric functions have no kernel",
};

/** Whether a function has a handler or a reason; `namespace` is null for functions without one. */
export const knowsFunction = (namespace: string | null, name: string): boolean =>
  namespace === null
    ? FUNCTIONS[name] !== undefined || NAMESPACE_REASONS[name] !== undefined || AGGREGATE_FUNCTIONS.has(name)
    : NAMESPACE_REASONS[namespace] !== undefined;

export function translateFunction(t: ExprTranslator, expr: DslExpr, payload: DslObject): Expr | null {
  const [outer, inside] = tagOf(payload.function) ?? ["", null];
  const namespace = NAMESPACE_REASONS[outer];
  const [name, options] = namespace === undefined ? [outer, inside] : (tagOf(inside) ?? ["", null]);
  const entry = FUNCTIONS[namespace === undefined ? name : `${outer}.${name}`] ?? namespace;
  const inputs = isList(payload.input) ? payload.input.map(asExpr) : exprInputs(expr);
  if (typeof entry === "function") return entry({ t, expr, name, options, inputs });
  for (const input of inputs) if (columnNames(input).size > 0) t.translate(input);
  return t.scope.unsupported(
    entry === undefined ? `function ${name} is unknown` : namespace === undefined || entry !== namespace ? entry : `${name}: ${entry}`,
  );
}
