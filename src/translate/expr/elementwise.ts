/** Which expressions give each row its value from the columns of that row alone, and so may be evaluated on distinct rows. */

import type { DslExpr, DslObject, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { constantHeight } from "../../polars/scalars.ts";
import type { Scope } from "../scope.ts";
import { functionName, NAMESPACES } from "./selectors.ts";
import { allExprs, columnNames, exprInputs } from "./tree.ts";

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** Functions without a namespace. */
const PLAIN = words(
  "Abs Ceil Floor Round RoundSF Exp Log Log1p Pow Sign Negate Clip Atan2 Coalesce FillNull Truncate MinHorizontal MaxHorizontal " +
    "SumHorizontal MeanHorizontal AsStruct RepeatBy Replace ReplaceStrict ToPhysical Hash Trigonometry",
);

/** Functions by namespace; null: all of them. */
const SPACES: Readonly<Record<string, ReadonlySet<string> | null>> = {
  Trigonometry: null,
  Boolean: words("AllHorizontal AnyHorizontal IsFinite IsIn IsInfinite IsNan IsNotNan IsNotNull IsNull Not"),
  StringExpr: words(
    "ConcatHorizontal Contains EndsWith StartsWith Extract ExtractAll JsonDecode PadStart PadEnd Replace Slice Split SplitExact SplitN SplitRegex " +
      "StripChars StripCharsStart StripCharsEnd StripPrefix StripSuffix Strptime ZFill Find LenBytes LenChars Lowercase Uppercase Normalize Reverse " +
      "Titlecase CountMatches Head Tail HexEncode HexDecode Base64Encode Base64Decode JsonPathMatch ToDecimal EscapeRegex Format",
  ),
  TemporalExpr: words(
    "Year IsoYear Month Quarter Century Millennium Week WeekDay Day OrdinalDay Hour Minute Second Millisecond Microsecond Nanosecond TimeStamp " +
      "ToString ConvertTimeZone ReplaceTimeZone OffsetBy Time Date Datetime Duration Truncate Round IsLeapYear DaysInMonth CastTimeUnit WithTimeUnit " +
      "BaseUtcOffset DSTOffset TotalDays TotalHours TotalMinutes TotalSeconds TotalMilliseconds TotalMicroseconds TotalNanoseconds MonthStart MonthEnd",
  ),
  ListExpr: words("ArgMax ArgMin Concat Contains Diff Get Join Length Max Mean Min Shift Slice Sort Sum Median Std Var"),
  ArrayExpr: words("ArgMax ArgMin Contains Get Join Length Max Mean Min Shift Sum"),
  StructExpr: words("FieldByName RenameFields SelectFields JsonEncode"),
  BinaryExpr: words("Contains EndsWith StartsWith HexEncode HexDecode Base64Encode Base64Decode Size"),
  Categorical: words("LenBytes LenChars StartsWith EndsWith Slice"),
  Range: words("IntRanges"),
};

/** Inputs, by position, that are lists of constants and not values of a row. */
const LISTS: Readonly<Record<string, readonly number[]>> = { IsIn: [1], Replace: [1, 2], ReplaceStrict: [1, 2] };

/** True only where it is certain. */
export function isElementwise(scope: Scope, expr: DslExpr): boolean {
  if (columnNames(expr).size === 0) return isOneConstant(scope, expr);
  const [name, payload] = tagOf(expr) ?? ["", null];
  switch (name) {
    case "Column":
      return true;
    case "Alias":
    case "KeepName":
    case "BinaryExpr":
    case "Ternary":
      return exprInputs(expr).every((e) => isElementwise(scope, e));
    case "Cast":
      return isObject(payload) && tagOf(payload.dtype)?.[0] === "Literal" && exprInputs(expr).every((e) => isElementwise(scope, e));
    case "Eval":
      return isObject(payload) && isInsideLists(payload) && exprInputs(expr).every((e) => isElementwise(scope, e));
    case "Function":
      return isObject(payload) && isElementwiseFunction(scope, expr, payload);
    default:
      return false;
  }
}

/** Whether a function, as it stands in its node, works row by row. */
export function isElementwiseCall(fn: DslValue | undefined): boolean {
  const [space] = tagOf(fn) ?? [""];
  const functions = NAMESPACES.has(space) ? SPACES[space] : PLAIN;
  return functions !== undefined && (functions === null || functions.has(functionName(fn)));
}

function isElementwiseFunction(scope: Scope, expr: DslExpr, payload: DslObject): boolean {
  if (!isElementwiseCall(payload.function) || infersFormat(payload.function)) return false;
  const name = functionName(payload.function);
  const inputs = exprInputs(expr);
  const lists = LISTS[name] ?? [];
  if (name === "IsIn" && !isListOfRow(scope, inputs[1])) return false;
  return inputs.every((e, i) => (lists.includes(i) && columnNames(e).size === 0 ? !isRandom(e) : isElementwise(scope, e)));
}

/** Whether times are read by a format that the first of the texts tells. */
function infersFormat(fn: DslValue | undefined): boolean {
  const [, inner] = tagOf(fn) ?? ["", null];
  const [name, args] = tagOf(inner ?? undefined) ?? ["", null];
  return name === "Strptime" && isList(args) && args.some((options) => isObject(options) && options.format === null);
}

/** A column that is not of lists is a set of values of all rows. */
function isListOfRow(scope: Scope, values: DslExpr | undefined): boolean {
  if (values === undefined) return false;
  if (columnNames(values).size === 0) return true;
  const [output] = scope.outputs(values) ?? [];
  return output?.dtype.kind === "Opaque" && /^\{"(?:List|Array)"/.test(output.dtype.dsl);
}

/** What is evaluated inside of a row's list sees nothing but that list. */
function isInsideLists({ variant, evaluation }: DslObject): boolean {
  if (tagOf(variant)?.[0] !== "List") return false;
  const text = JSON.stringify(evaluation, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
  return !/"(?:Column|Selector|Random)"/.test(text);
}

const isRandom = (expr: DslExpr): boolean => {
  for (const e of allExprs(expr)) {
    const [name, payload] = tagOf(e) ?? ["", null];
    if (name === "Function" && isObject(payload) && tagOf(payload.function)?.[0] === "Random") return true;
  }
  return false;
};

/** One value, which polars repeats; literals of several values belong to rows. */
function isOneConstant(scope: Scope, expr: DslExpr): boolean {
  for (const e of allExprs(expr)) {
    const [name] = tagOf(e) ?? [""];
    if (name === "Selector" || name === "Len" || name === "Element" || name === "Field") return false;
  }
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name === "Literal" && tagOf(payload)?.[0] !== "Series" && tagOf(payload)?.[0] !== "Range") return true;
  return !isRandom(expr) && constantHeight(scope.native, expr) === 1;
}
