/** Literals of the DSL as typed literals; constant expressions are evaluated by CPU polars. */

import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr, LiteralExpr, LiteralValue } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import { sameDType } from "../../ir/schema.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { dtypeFromDsl } from "../../polars/dtypes.ts";
import { evaluateConstant } from "../../polars/scalars.ts";
import type { Scope } from "../scope.ts";

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

const RANGES: Partial<Record<DType["kind"], readonly [bigint, bigint]>> = {
  Int8: [-(2n ** 7n), 2n ** 7n - 1n],
  Int16: [-(2n ** 15n), 2n ** 15n - 1n],
  Int32: [-(2n ** 31n), 2n ** 31n - 1n],
  Int64: [-(2n ** 63n), 2n ** 63n - 1n],
  UInt8: [0n, 2n ** 8n - 1n],
  UInt16: [0n, 2n ** 16n - 1n],
  UInt32: [0n, 2n ** 32n - 1n],
  UInt64: [0n, 2n ** 64n - 1n],
};

/** `expr` as `dtype`: nothing to do, a literal made anew, or a cast. */
export function toDType(expr: Expr, dtype: DType): Expr {
  if (sameDType(expr.dtype, dtype)) return expr;
  if (expr.dtype.kind === "Null") return literal(null, dtype);
  if (expr.kind === "literal") {
    const { value } = expr;
    if (value === null) return literal(null, dtype);
    const range = RANGES[dtype.kind];
    if (
      typeof value === "bigint" &&
      integral(expr.dtype) &&
      range !== undefined &&
      RANGES[expr.dtype.kind] !== undefined &&
      value >= range[0] &&
      value <= range[1]
    )
      return literal(value, dtype);
    if (typeof value === "bigint" && RANGES[expr.dtype.kind] !== undefined && dtype.kind === "Float64")
      return literal(Number(value), dtype);
  }
  return call("cast", [expr], dtype);
}
