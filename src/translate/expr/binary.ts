/** Binary operators: operands are brought to one dtype, arithmetic to the dtype of the result. */

import { isNumber } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import type { FunctionName } from "../../ir/functions.ts";
import { describeDType, sameDType } from "../../ir/schema.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { temporalArithmetic } from "./temporal.ts";
import type { ExprTranslator } from "./translator.ts";

const COMPARISONS: Readonly<Record<string, FunctionName>> = {
  Eq: "eq",
  NotEq: "ne",
  Lt: "lt",
  LtEq: "le",
  Gt: "gt",
  GtEq: "ge",
  EqValidity: "eq_missing",
  NotEqValidity: "ne_missing",
};
const LOGIC: Readonly<Record<string, FunctionName>> = { And: "and", Or: "or", Xor: "xor", LogicalAnd: "and", LogicalOr: "or" };
const BITWISE: Partial<Record<FunctionName, FunctionName>> = { and: "bit_and", or: "bit_or", xor: "bit_xor" };
const ARITHMETIC: Readonly<Record<string, FunctionName>> = {
  Plus: "add",
  Minus: "sub",
  Multiply: "mul",
  Modulus: "mod",
  FloorDivide: "floor_div",
};

/** Integers and floats. */
export const isNumeric = (dtype: DType): boolean => isNumber(dtype) && dtype.kind !== "Boolean";
export const isFloat = (dtype: DType): boolean => dtype.kind === "Float32" || dtype.kind === "Float64";

export const isInteger = (dtype: DType): boolean => isNumeric(dtype) && !isFloat(dtype);

/** Dtypes whose values order and compare on the device as polars does. */
const comparable = (dtype: DType): boolean =>
  physicalOf(dtype) !== "code" || dtype.kind === "String" || dtype.kind === "Binary" || dtype.kind === "Null";

export function binary(t: ExprTranslator, self: DslExpr, op: string, leftDsl: DslExpr, rightDsl: DslExpr): Expr | null {
  const left = t.translate(leftDsl);
  const right = t.translate(rightDsl);
  if (left === null || right === null) return null;
  const { scope } = t;
  const comparison = COMPARISONS[op];
  if (comparison !== undefined) {
    const common = sameDType(left.dtype, right.dtype) ? left.dtype : scope.common(leftDsl, rightDsl);
    if (common === null) return null;
    if (!comparable(common)) return scope.unsupported(`comparison of ${describeDType(common)}`);
    const [a, b] = [t.cast(left, common), t.cast(right, common)];
    return a === null || b === null ? null : call(comparison, [a, b], { kind: "Boolean" });
  }
  const logic = LOGIC[op];
  const result = scope.dtype(self);
  if (result === null) return null;
  if (logic !== undefined) {
    const bits = BITWISE[logic];
    if (result.kind !== "Boolean" && (bits === undefined || !isInteger(left.dtype) || !isInteger(right.dtype) || !isInteger(result)))
      return scope.unsupported(`bitwise ${op} of ${describeDType(result)}`);
    const [a, b] = [t.cast(left, result), t.cast(right, result)];
    return a === null || b === null ? null : call(result.kind === "Boolean" || bits === undefined ? logic : bits, [a, b], result);
  }
  if (isNumeric(result) && isNumericOperand(left.dtype) && isNumericOperand(right.dtype)) {
    const [a, b] = [t.cast(left, result), t.cast(right, result)];
    if (a === null || b === null) return null;
    if (isFloat(result)) {
      const short = withScalar(op, a, b, t.isScalar(rightDsl), result);
      if (short !== null) return short;
    }
    if (op === "TrueDivide" || op === "RustDivide") return call(isFloat(result) ? "div" : "floor_div", [a, b], result);
    const fn = ARITHMETIC[op];
    return fn === undefined ? scope.unsupported(`operator ${op}`) : call(fn, [a, b], result);
  }
  return temporalArithmetic(t, op, left, right, result);
}

/**
 * Polars' float kernels with one scalar operand: division by a scalar multiplies by its rounded reciprocal, and neutral elements leave the
 * column as it is (so that -0 + 0 is -0). Null: the operation is the ordinary one. Source: polars-compute, arithmetic/float.rs.
 */
function withScalar(op: string, a: Expr, b: Expr, rightIsScalar: boolean, dtype: DType): Expr | null {
  if (op === "Minus" && a.kind === "literal" && a.value === 0) return call("neg", [b], dtype);
  if (!rightIsScalar) return null;
  const value = b.kind === "literal" ? b.value : undefined;
  if ((op === "Plus" || op === "Minus") && value === 0) return a;
  if (op === "Multiply" && value === 1) return a;
  if (op === "Multiply" && value === -1) return call("neg", [a], dtype);
  const single = dtype.kind === "Float32" ? Math.fround : (x: number) => x;
  const inverse = typeof value === "number" ? literal(single(1 / value), dtype) : call("div", [literal(1, dtype), b], dtype);
  const quotient = call("mul", [a, inverse], dtype);
  if (op === "TrueDivide" || op === "RustDivide") return quotient;
  const floored = call("floor", [quotient], dtype);
  if (op === "FloorDivide") return floored;
  return op === "Modulus" ? call("sub", [a, call("mul", [b, floored], dtype)], dtype) : null;
}

const isNumericOperand = (dtype: DType): boolean => isNumeric(dtype) || dtype.kind === "Null" || dtype.kind === "Boolean";
