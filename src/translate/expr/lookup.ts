/** Elementwise expressions over one string-like column: CPU polars evaluates them on the column's entries, the device looks them up. */

import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { column, LOOKUP_COLUMN, lookup } from "../../ir/expr.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { isObject, tagOf } from "../../polars/dsl.ts";
import { exactText } from "../../polars/dsl-text.ts";
import type { Scope } from "../scope.ts";
import { functionName, NAMESPACES } from "./selectors.ts";
import { columnNames, exprInputs, replaceExprs } from "./tree.ts";

/** Functions that give each row its value from that row alone. */
const ELEMENTWISE = new Set(
  (
    "Abs Ceil Floor Round RoundSF Exp Log Log1p Pow Sign Negate Clip Atan2 Coalesce FillNull Truncate MinHorizontal MaxHorizontal SumHorizontal MeanHorizontal " +
    "AsStruct RepeatBy Replace ReplaceStrict ToPhysical Hash Reinterpret ConcatExpr AllHorizontal AnyHorizontal IsFinite IsIn IsInfinite IsNan IsNotNan IsNotNull IsNull Not " +
    "ConcatHorizontal Contains EndsWith StartsWith Extract ExtractAll JsonDecode PadStart PadEnd Slice Split SplitExact SplitN SplitRegex StripChars StripCharsStart StripCharsEnd StripPrefix StripSuffix " +
    "Strptime ZFill Find LenBytes LenChars Lowercase Uppercase Normalize Reverse Titlecase CountMatches Head Tail HexEncode HexDecode Base64Encode Base64Decode JsonPathMatch ToDecimal EscapeRegex Format " +
    "Year IsoYear Month Quarter Century Millennium Week WeekDay Day OrdinalDay Hour Minute Second Nanosecond TimeStamp ToString ConvertTimeZone ReplaceTimeZone OffsetBy Time Date Datetime " +
    "ArgMax ArgMin Concat Diff Get Join Length Max Mean Min Shift Sort Sum FieldByName RenameFields SelectFields JsonEncode GetCategories"
  ).split(" "),
);
/** Names above that are elementwise only inside their namespace: `Shift` of a list, but not of a column. */
const ONLY_INSIDE: Readonly<Record<string, readonly string[]>> = {
  Reverse: ["StringExpr"],
  Shift: ["ListExpr"],
  Diff: ["ListExpr"],
  ArgMax: ["ListExpr"],
  ArgMin: ["ListExpr"],
  Max: ["ListExpr"],
  Min: ["ListExpr"],
  Mean: ["ListExpr"],
  Sum: ["ListExpr"],
  Sort: ["ListExpr"],
  GetCategories: [],
};

function isElementwise(expr: DslExpr): boolean {
  if (columnNames(expr).size === 0) return true;
  const [name, payload] = tagOf(expr) ?? ["", null];
  switch (name) {
    case "Column":
      return true;
    case "Alias":
    case "KeepName":
    case "BinaryExpr":
    case "Cast":
    case "Ternary":
      return exprInputs(expr).every(isElementwise);
    case "Function": {
      const fn = isObject(payload) ? payload.function : undefined;
      const outer = tagOf(fn)?.[0] ?? "";
      const inner = functionName(fn);
      if (!ELEMENTWISE.has(inner)) return false;
      const spaces = ONLY_INSIDE[inner];
      if (spaces !== undefined && !(NAMESPACES.has(outer) && spaces.includes(outer))) return false;
      return exprInputs(expr).every(isElementwise);
    }
    default:
      return false;
  }
}

/** The lookup for an elementwise expression over exactly one code column; undefined for any other expression. */
export function asLookup(scope: Scope, expr: DslExpr): Expr | null | undefined {
  const [name, second] = columnNames(expr);
  if (name === undefined || second !== undefined) return undefined;
  const field = scope.column(name);
  if (field === undefined || physicalOf(field.dtype) !== "code" || !isElementwise(expr)) return undefined;
  const dtype = scope.dtype(expr);
  if (dtype === null) return null;
  const dsl = replaceExprs(expr, (e) => (tagOf(e)?.[0] === "Column" ? { Column: LOOKUP_COLUMN } : undefined));
  return lookup(exactText(dsl), column(name, field.dtype), dtype);
}
