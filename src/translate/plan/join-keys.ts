/** The keys of both sides of a join in one dtype. */

import { physicalOf } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { describeDType, sameDType } from "../../ir/schema.ts";
import { ExprTranslator } from "../expr/translator.ts";
import type { Scope } from "../scope.ts";

/** Null where one side is null, or with a reason. */
export function commonKey(
  leftScope: Scope,
  rightScope: Scope,
  left: Expr | null,
  right: Expr | null,
): { readonly left: Expr; readonly right: Expr } | null {
  if (left === null || right === null) return null;
  const common = sameDType(left.dtype, right.dtype) ? left.dtype : leftScope.supertype(left.dtype, right.dtype);
  if (common === null || (physicalOf(common) === "code" && !sameDType(left.dtype, right.dtype)))
    return leftScope.unsupported(`a join of ${describeDType(left.dtype)} with ${describeDType(right.dtype)}`);
  const [a, b] = [new ExprTranslator(leftScope).cast(left, common), new ExprTranslator(rightScope).cast(right, common)];
  return a === null || b === null ? null : { left: a, right: b };
}
