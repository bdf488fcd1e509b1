/** Elementary functions: roots, powers, logarithms, circular and hyperbolic functions, each with the dtype that polars gives it. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import type { FunctionName } from "../../ir/functions.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { castDsl } from "../../polars/dtypes.ts";
import { evaluateConstant } from "../../polars/scalars.ts";
import { isAggregate } from "./aggregates.ts";
import { isFloat } from "./binary.ts";
import type { FunctionCall, Handler } from "./function-call.ts";
import { args, argsAsResult, no } from "./function-call.ts";
import { allExprs } from "./tree.ts";

/** A function of floats: whatever the inputs are, they are cast to the float that polars returns. */
const float =
  (fn: FunctionName): Handler =>
  (c) => {
    const made = argsAsResult(c);
    if (made === null) return null;
    return isFloat(made.dtype) ? call(fn, made.values, made.dtype) : no(c, made.dtype);
  };

const rounded = (value: number, dtype: DType): number => (dtype.kind === "Float32" ? Math.fround(value) : value);

/** Rust multiplies by a constant: of pi in f64, in f32 either rounded once or made of the rounded pi. */
const scaled =
  (factor: number, factor32: number): Handler =>
  (c) => {
    const made = argsAsResult(c);
    const [value] = made?.values ?? [];
    if (made === null || value === undefined) return null;
    if (!isFloat(made.dtype)) return no(c, made.dtype);
    return call("mul", [value, literal(made.dtype.kind === "Float32" ? factor32 : factor, made.dtype)], made.dtype);
  };

/** A base whose logarithm is 2 exactly in f64 and in f32; that of e is 1 in f64 only. */
const E_SQUARED: DslExpr = { Literal: { Dyn: { Float: 7.38905609893065 } } };

/** ln(x) / ln(base), each rounded; the logarithm of a constant base is CPU polars' own. */
const log: Handler = (c) => {
  const made = argsAsResult(c);
  const [value, base] = made?.values ?? [];
  const baseDsl = c.inputs[1];
  if (made === null || value === undefined || base === undefined || baseDsl === undefined) return null;
  if (!isFloat(made.dtype)) return no(c, made.dtype);
  const logarithm = call("ln", [value], made.dtype);
  if (base.kind !== "literal") return call("div", [logarithm, call("ln", [base], made.dtype)], made.dtype);
  const half = evaluateConstant(c.t.scope.native, { Function: { input: [castDsl(baseDsl, made.dtype), E_SQUARED], function: "Log" } })
    ?.values[0];
  if (typeof half !== "number") return c.t.scope.unsupported("Log to a base without value");
  const divisor = 2 * half;
  return divisor === 1 ? logarithm : call("div", [logarithm, literal(rounded(divisor, made.dtype), made.dtype)], made.dtype);
};

/** Powers up to here of a constant exponent are repeated products. */
const MAX_FLOAT_PRODUCT = 9;
const MAX_INTEGER_PRODUCT = 10;

const product = (value: Expr, factors: number): Expr => {
  let result = value;
  for (let i = 1; i < factors; i++) result = call("mul", [result, value], value.dtype);
  return result;
};

/**
 * Polars' power: one exponent for all rows is taken apart (x, sqrt, repeated products), other floats are pow, and integers wrap. Exponents of
 * integers are cast to UInt32 strictly, so that columns of dtypes with other values stay with CPU polars, and its error.
 */
const power: Handler = (c) => {
  const [base, exponent] = args(c) ?? [];
  const dtype = c.t.scope.dtype(c.expr);
  const exponentDsl = c.inputs[1];
  if (base === undefined || exponent === undefined || exponentDsl === undefined || dtype === null) return null;
  const value = c.t.cast(base, dtype);
  if (value === null) return null;
  if ([...allExprs(exponentDsl)].some(isAggregate)) return c.t.scope.unsupported("Pow by an aggregate");
  const times = exponent.kind === "literal" ? Number(exponent.value) : null;
  if (exponent.kind === "literal" && exponent.value === null) return c.t.scope.unsupported("Pow by null");
  if (!isFloat(dtype)) return integerPower(c, value, exponent, times);
  if (times === 1) return value;
  if (times === 0.5) return call("sqrt", [value], dtype);
  if (times !== null && Number.isInteger(times) && times > 1 && times <= MAX_FLOAT_PRODUCT) return product(value, times);
  const power = c.t.cast(exponent, dtype);
  return power === null ? null : call("pow", [value, power], dtype);
};

const UINT32: DType = { kind: "UInt32" };

function integerPower(c: FunctionCall, value: Expr, exponent: Expr, times: number | null): Expr | null {
  if (times !== null && (times < 0 || times >= 2 ** 32)) return c.t.scope.unsupported("Pow of integers by a number that is no UInt32");
  if (times !== null && times >= 1 && times <= MAX_INTEGER_PRODUCT) return product(value, times);
  if (times === null && !["UInt8", "UInt16", "UInt32"].includes(exponent.dtype.kind))
    return c.t.scope.unsupported(`Pow of integers by ${describeDType(exponent.dtype)}`);
  const power = c.t.cast(exponent, UINT32);
  return power === null ? null : call("ipow", [value, power], value.dtype);
}

const root: Handler = (c) => (c.options === "Sqrt" ? float("sqrt")(c) : c.options === "Cbrt" ? float("cbrt")(c) : power(c));

const PI_32 = Math.fround(Math.PI);

/** Handlers by tag. */
export const MATHEMATICS: Readonly<Record<string, Handler>> = {
  Pow: root,
  Exp: float("exp"),
  Log: log,
  Log1p: float("log1p"),
  Atan2: float("atan2"),
  "Trigonometry.Sin": float("sin"),
  "Trigonometry.Cos": float("cos"),
  "Trigonometry.Tan": float("tan"),
  "Trigonometry.Cot": float("cot"),
  "Trigonometry.ArcSin": float("asin"),
  "Trigonometry.ArcCos": float("acos"),
  "Trigonometry.ArcTan": float("atan"),
  "Trigonometry.Sinh": float("sinh"),
  "Trigonometry.Cosh": float("cosh"),
  "Trigonometry.Tanh": float("tanh"),
  "Trigonometry.ArcSinh": float("asinh"),
  "Trigonometry.ArcCosh": float("acosh"),
  "Trigonometry.ArcTanh": float("atanh"),
  "Trigonometry.Degrees": scaled(180 / Math.PI, Math.fround(180 / Math.PI)),
  "Trigonometry.Radians": scaled(Math.PI / 180, Math.fround(PI_32 / 180)),
};
