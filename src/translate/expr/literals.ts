/** Literals of the DSL as typed literals; constant expressions are evaluated by CPU polars. */

import { isNumber } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr, LiteralExpr, LiteralValue } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import type { IntegerRange } from "../../ir/integers.ts";
import { integerRange } from "../../ir/integers.ts";
import { sameDType } from "../../ir/schema.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { dtypeFromDsl } from "../../polars/dtypes.ts";
import { evaluateConstant } from "../../polars/scalars.ts";
import type { Scope } from "../scope.ts";
import { isConstant } from "./tree.ts";

/** Scalars whose payload is the value in its dtype's physical form. */
const PLAIN: Readonly<Record<string, DType>> = {
  Boolean: { kind: "Boolean" },
  String: { kind: "String" },
  Int8: { kind: "Int8" },
  Int16: { kind: "Int16" },
  Int32: { kind: "Int32" },
  Int64: { kind: "Int64" },
  UInt8: { kind: "UInt8" },
  UInt16: { kind: "UInt16" },
  UInt32: { kind: "UInt32" },
  UInt64: { kind: "UInt64" },
  Float32: { kind: "Float32" },
  Float64: { kind: "Float64" },
  Date: { kind: "Date" },
  Time: { kind: "Time" },
};

const integral = (dtype: DType): boolean => !["bool", "f32", "f64", "code"].includes(physicalOf(dtype));

const valueIn = (value: DslValue, dtype: DType): LiteralValue | undefined => {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return integral(dtype) ? BigInt(value) : value;
  return typeof value === "bigint" ? (integral(dtype) ? value : Number(value)) : undefined;
};

/** The literal of a scalar, or undefined where it is not one of the simple kinds. */
export function scalarLiteral(scalar: DslValue): LiteralExpr | undefined {
  const [kind, payload] = tagOf(scalar) ?? ["", null];
  if (kind === "Null") return literal(null, typeof payload === "string" || isObject(payload) ? dtypeFromDsl(payload) : { kind: "Null" });
  const plain = PLAIN[kind];
  if (plain !== undefined) {
    const value = valueIn(payload, plain);
    return value === undefined ? undefined : literal(value, plain);
  }
  if ((kind === "Datetime" || kind === "Duration") && isList(payload)) {
    const [value, unit, zone] = payload;
    const dtype = dtypeFromDsl(kind === "Datetime" ? { Datetime: [unit ?? null, zone ?? null] } : { Duration: unit ?? null });
    const ticks = valueIn(value ?? null, dtype);
    return ticks === undefined ? undefined : literal(ticks, dtype);
  }
  return undefined;
}

/** An expression without columns, as a literal; null with a reason where its value has no literal form. */
export function constant(scope: Scope, expr: DslExpr): Expr | null {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (name === "Alias" && isList(payload) && isObject(payload[0])) return constant(scope, payload[0]);
  const [kind, scalar] = name === "Literal" ? (tagOf(payload) ?? ["", null]) : ["", null];
  const simple = kind === "Scalar" ? scalarLiteral(scalar) : undefined;
  if (simple !== undefined) return simple;
  const value = evaluateConstant(scope.native, expr);
  const first = value?.values[0];
  if (value === null || first === undefined || value.values.length !== 1)
    return scope.unsupported("a constant that is not a single number, text, date or boolean");
  return literal(first, value.dtype);
}

/** The whole number that an expression is whatever the rows; null for null, undefined for anything else. */
export function constantInteger(scope: Scope, expr: DslExpr): number | null | undefined {
  const [value] = (isConstant(expr) ? evaluateConstant(scope.native, expr)?.values : undefined) ?? [];
  if (value === null) return null;
  const number = typeof value === "bigint" || typeof value === "number" ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}

/** Range of a dtype that is a number; null for points in time, whose casts change units. */
const numberRange = (dtype: DType): IntegerRange | null => (isNumber(dtype) ? integerRange(dtype) : null);

/** `expr` as `dtype`: nothing to do, a literal made anew, or a cast. */
export function toDType(expr: Expr, dtype: DType): Expr {
  if (sameDType(expr.dtype, dtype)) return expr;
  if (expr.dtype.kind === "Null") return literal(null, dtype);
  if (expr.kind === "literal") {
    const { value } = expr;
    if (value === null) return literal(null, dtype);
    const range = numberRange(dtype);
    if (typeof value === "bigint" && numberRange(expr.dtype) !== null) {
      if (range !== null && value >= range.least && value <= range.most) return literal(value, dtype);
      if (dtype.kind === "Float64") return literal(Number(value), dtype);
    }
  }
  return call("cast", [expr], dtype);
}
