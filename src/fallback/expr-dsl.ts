/** IR expressions written back as polars' DSL, so that CPU polars' readers can apply them. */

import { InternalError } from "../errors.ts";
import type { DType } from "../ir/dtype.ts";
import { physicalOf } from "../ir/dtype.ts";
import type { Expr, LiteralValue } from "../ir/expr.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import type { FunctionName } from "../ir/functions.ts";
import type { DslExpr, DslValue } from "../polars/dsl.ts";
import { isList, isObject, tagOf } from "../polars/dsl.ts";
import { parseExact } from "../polars/dsl-text.ts";
import { castDsl } from "../polars/dtypes.ts";

const OPERATORS: Partial<Record<FunctionName, string>> = {
  eq: "Eq",
  ne: "NotEq",
  lt: "Lt",
  le: "LtEq",
  gt: "Gt",
  ge: "GtEq",
  eq_missing: "EqValidity",
  ne_missing: "NotEqValidity",
  and: "And",
  or: "Or",
};
const BOOLEAN: Partial<Record<FunctionName, string>> = { not: "Not", is_null: "IsNull", is_not_null: "IsNotNull" };

/** The expression in polars' DSL. @throws InternalError for functions that are never pushed into a reader. */
export function exprDsl(expr: Expr): DslExpr {
  switch (expr.kind) {
    case "column":
      return { Column: expr.name };
    case "literal":
      return castDsl({ Literal: { Scalar: scalar(expr.value, expr.dtype) } }, expr.dtype);
    case "lookup": {
      const arg = exprDsl(expr.arg);
      const over = withColumn(parseExact(expr.dsl), arg);
      if (typeof over === "string" || isObject(over)) return over;
      throw new InternalError("a lookup is not an expression");
    }
    case "call": {
      const args = expr.args.map(exprDsl);
      const [left, right] = args;
      const op = OPERATORS[expr.fn];
      if (op !== undefined && left !== undefined && right !== undefined) return { BinaryExpr: { left, op, right } };
      const test = BOOLEAN[expr.fn];
      if (test !== undefined) return { Function: { input: args, function: { Boolean: test } } };
      if (expr.fn === "cast" && left !== undefined) return castDsl(left, expr.dtype);
      throw new InternalError(`${expr.fn} cannot be pushed into a reader`);
    }
    case "aggregate":
      throw new InternalError("an aggregate cannot be pushed into a reader");
  }
}

/** Scalars in the physical type; the cast around them gives the dtype. */
function scalar(value: LiteralValue, dtype: DType): DslValue {
  if (value === null) return { Null: "Null" };
  switch (physicalOf(dtype)) {
    case "bool":
      return { Boolean: value === true };
    case "f32":
    case "f64":
      return { Float64: Number(value) };
    case "i32":
    case "i64":
      return { Int64: typeof value === "bigint" ? value : Number(value) };
    case "u32":
    case "u64":
      return { UInt64: typeof value === "bigint" ? value : Number(value) };
    case "code":
      return { String: String(value) };
  }
}

function withColumn(value: DslValue, column: DslExpr): DslValue {
  if (isList(value)) return value.map((v) => withColumn(v, column));
  if (!isObject(value)) return value;
  const [name, payload] = tagOf(value) ?? ["", null];
  if (name === "Column" && payload === LOOKUP_COLUMN) return column;
  if (name === "Literal") return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withColumn(v, column)]));
}
