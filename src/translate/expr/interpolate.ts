/** Interpolate: nulls between two values of the column become values between them. */

import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, literal } from "../../ir/expr.ts";
import { sameDType } from "../../ir/schema.ts";
import { isFloat, isNumeric } from "./binary.ts";
import { columnInput } from "./column-input.ts";
import type { Handler } from "./function-call.ts";
import { no } from "./function-call.ts";
import { fromTicks } from "./physical-forms.ts";
import type { ExprTranslator } from "./translator.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const U32: DType = { kind: "UInt32" };
const INTEGERS: Readonly<Record<string, DType>> = { i32: { kind: "Int32" }, i64: { kind: "Int64" } };

/** The values around a row, the distance to the one before, and the distance between the two; null where there is none. */
interface Gap {
  readonly low: Expr;
  readonly high: Expr;
  readonly step: Expr;
  readonly steps: Expr;
}

function gapOf(t: ExprTranslator, value: Expr): Gap | null {
  const row = t.window("row_number", [], U32);
  if (row === null) return null;
  const known = call("ternary", [call("is_not_null", [value], BOOLEAN), row, literal(null, U32)], U32);
  const filled = (arg: Expr) =>
    [t.window("forward_fill", [arg], arg.dtype, [-1]), t.window("backward_fill", [arg], arg.dtype, [-1])] as const;
  const [[low, high], [before, after]] = [filled(value), filled(known)];
  if (low === null || high === null || before === null || after === null) return null;
  return { low, high, step: call("sub", [row, before], U32), steps: call("sub", [after, before], U32) };
}

/** From the value before, `step` times the slope; integers have the slope cut toward zero. */
function linear({ low, high, step, steps }: Gap, dtype: DType): Expr {
  const range = call("sub", [high, low], dtype);
  const [by, times] = [call("cast", [steps], dtype), call("cast", [step], dtype)];
  const slope = isFloat(dtype) ? call("div", [range, by], dtype) : truncated(range, by, dtype);
  return call("add", [low, call("mul", [slope, times], dtype)], dtype);
}

function truncated(a: Expr, b: Expr, dtype: DType): Expr {
  const negative = call("lt", [a, literal(0n, dtype)], BOOLEAN);
  const down = call("neg", [call("floor_div", [call("neg", [a], dtype), b], dtype)], dtype);
  return call("ternary", [negative, down, call("floor_div", [a, b], dtype)], dtype);
}

/** The nearer of the two, the later one at the same distance. */
function nearest({ low, high, step, steps }: Gap, dtype: DType): Expr {
  const early = call("lt", [step, call("sub", [steps, step], U32)], BOOLEAN);
  return call(
    "ternary",
    [
      call("and", [early, call("is_not_null", [high], BOOLEAN)], BOOLEAN),
      low,
      call("ternary", [call("is_not_null", [low], BOOLEAN), high, literal(null, dtype)], dtype),
    ],
    dtype,
  );
}

export const interpolate: Handler = (c) => {
  const value = columnInput(c.t, c.inputs[0]);
  const dtype = c.t.scope.dtype(c.expr);
  if (value === null || dtype === null) return null;
  const coded = physicalOf(value.dtype) === "code";
  if (value.dtype.kind === "Decimal" || (coded && !sameDType(value.dtype, dtype))) return no(c, value.dtype);
  if (coded || value.dtype.kind === "Boolean") return value;
  const within = isNumeric(dtype) ? dtype : INTEGERS[physicalOf(dtype)];
  if (within === undefined) return no(c, value.dtype);
  const own = c.t.cast(value, within);
  const gap = own === null ? null : gapOf(c.t, own);
  if (own === null || gap === null) return null;
  const between = c.options === "Nearest" ? nearest(gap, within) : linear(gap, within);
  return fromTicks(c.t, call("coalesce", [own, between], within), dtype);
};
