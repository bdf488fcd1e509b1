/** The column that a function of whole columns works on. */

import type { Expr } from "../../ir/expr.ts";
import type { DslExpr } from "../../polars/dsl.ts";
import { hasOneValue } from "./aggregates.ts";
import { isNumeric } from "./binary.ts";
import { asFloat64 } from "./physical-forms.ts";
import type { ExprTranslator } from "./translator.ts";

/** The input: an expression with one value for all rows is a column of one row to polars. */
export function columnInput(t: ExprTranslator, input: DslExpr | undefined): Expr | null {
  if (input === undefined || hasOneValue(input)) return t.scope.unsupported("a function of the whole column, of one value");
  return t.translate(input);
}

/** As `columnInput`, what is no number of itself as Float64. */
export function numberInput(t: ExprTranslator, input: DslExpr | undefined): Expr | null {
  const value = columnInput(t, input);
  return value === null || input === undefined || isNumeric(value.dtype) ? value : asFloat64(t, input);
}
