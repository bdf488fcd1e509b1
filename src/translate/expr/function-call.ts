/** One call of a DSL function on its way through the handlers, and what every handler does with its inputs. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import type { ExprTranslator } from "./translator.ts";

export interface FunctionCall {
  readonly t: ExprTranslator;
  readonly expr: DslExpr;
  /** The function's own name, without its namespace. */
  readonly name: string;
  readonly options: DslValue;
  readonly inputs: readonly DslExpr[];
}
export type Handler = (call: FunctionCall) => Expr | null;

/** Translates all inputs, so that every reason is found. */
export function args(c: FunctionCall): readonly Expr[] | null {
  const values = c.inputs.map((e) => c.t.translate(e));
  const known = values.filter((v) => v !== null);
  return known.length === values.length ? known : null;
}

/** All inputs cast to the dtype that polars gives the result. */
export function argsAsResult(c: FunctionCall): { readonly values: readonly Expr[]; readonly dtype: DType } | null {
  const values = args(c);
  const dtype = c.t.scope.dtype(c.expr);
  if (values === null || dtype === null) return null;
  const cast = values.map((v) => c.t.cast(v, dtype)).filter((v) => v !== null);
  return cast.length === values.length ? { values: cast, dtype } : null;
}

export const no = (c: FunctionCall, dtype: DType): null => c.t.scope.unsupported(`${c.name} of ${describeDType(dtype)}`);
