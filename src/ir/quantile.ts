/** Quantiles as polars computes them: a place among the sorted values of a group, nulls before them, and what is made of its neighbours. */

import type { DType } from "./dtype.ts";
import type { Expr } from "./expr.ts";
import { call, literal } from "./expr.ts";

/** `equiprobable`: the first value that has at least the quantile's share of the values up to it. */
export const QUANTILE_METHODS = ["nearest", "lower", "higher", "equiprobable", "midpoint", "linear"] as const;
export type QuantileMethod = (typeof QUANTILE_METHODS)[number];

const F64: DType = { kind: "Float64" };
const number = (value: number): Expr => literal(value, F64);
const over = (fn: "add" | "sub" | "mul" | "div" | "max_horizontal", a: Expr, b: Expr): Expr => call(fn, [a, b], F64);

/** Columns that the expressions read: how many values are not null, and how many nulls stand before them; the values beside the place. */
export interface QuantileInput {
  readonly values: Expr;
  readonly nulls: Expr;
  readonly fraction: Expr;
}

/** The place between rows, as Float64. */
const place = ({ values, nulls, fraction }: QuantileInput): Expr =>
  over("add", over("mul", over("sub", values, number(1)), fraction), nulls);

/** The rows that the method reads, one or two, as whole Float64 numbers; among nulls they are rows of nulls, in an empty group nothing. */
export function quantileRows(input: QuantileInput, method: QuantileMethod): readonly Expr[] {
  const at = place(input);
  switch (method) {
    case "nearest":
      return [call("round", [at], F64, [0, 1])];
    case "lower":
      return [call("floor", [at], F64)];
    case "higher":
      return [call("ceil", [at], F64)];
    case "equiprobable": {
      const before = over("sub", call("ceil", [over("mul", input.values, input.fraction)], F64), number(1));
      return [over("add", over("max_horizontal", before, number(0)), input.nulls)];
    }
    case "midpoint":
    case "linear":
      return [call("floor", [at], F64), call("ceil", [at], F64)];
  }
}

/** The quantile out of the values of those rows, in their dtype, which is that of floats. */
export function quantileValue(input: QuantileInput, method: QuantileMethod, lower: Expr, upper: Expr): Expr {
  if (method !== "midpoint" && method !== "linear") return lower;
  const { dtype } = lower;
  const within = (fn: "add" | "sub" | "mul" | "div", a: Expr, b: Expr): Expr => call(fn, [a, b], dtype);
  const at = place(input);
  const exact = over("sub", at, call("floor", [at], F64));
  const share = dtype.kind === "Float64" ? exact : call("cast", [exact], dtype);
  const between =
    method === "linear"
      ? within("add", within("mul", share, within("sub", upper, lower)), lower)
      : within("div", within("add", lower, upper), literal(2, dtype));
  return call("ternary", [call("eq", [lower, upper], { kind: "Boolean" }), lower, between], dtype);
}
