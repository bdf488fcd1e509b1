/** Lists of the rows of a group: `implode`, and in a group-by every expression that is not one value. */

import type { Expr } from "../../ir/expr.ts";
import { aggregate } from "../../ir/expr.ts";
import { describeDType, sameDType } from "../../ir/schema.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isObject, tagOf } from "../../polars/dsl.ts";
import { dtypeFromDsl, dtypeToDsl } from "../../polars/dtypes.ts";
import type { AggregateCall } from "./aggregate-call.ts";
import { plainRows } from "./aggregate-call.ts";
import { inKnownOrder } from "./aggregate-rows.ts";
import { constantInteger } from "./literals.ts";
import { asExpr } from "./tree.ts";

/** The expression as a list of its rows. */
export const imploded = (input: DslExpr): DslExpr => ({ Agg: { Implode: { input, maintain_order: true } } });

/** A length that means the rest. */
const REST = -1;

export function implode(c: AggregateCall): Expr | null {
  const sliced = sliceOf(c);
  if (sliced === null) return null;
  const rows = inKnownOrder(c.inner, plainRows(c, sliced.input));
  if (rows === null) return null;
  if (!sameDType(c.dtype, dtypeFromDsl({ List: dtypeToDsl(rows.value.dtype) })))
    return c.t.scope.unsupported(`a list of ${describeDType(rows.value.dtype)} as ${describeDType(c.dtype)}`);
  return c.set.add(aggregate("implode", rows.value, c.dtype, { where: rows.where, by: rows.by, options: sliced.options }));
}

interface Sliced {
  readonly input: DslValue | undefined;
  /** Nothing, or offset and length. */
  readonly options: readonly number[];
}

/** The outermost slice of the rows, which is taken of the finished lists. */
function sliceOf(c: AggregateCall): Sliced | null {
  const [input] = c.inputs;
  const [name, payload] = tagOf(input) ?? ["", null];
  if (name !== "Slice" || !isObject(payload)) return { input, options: [] };
  const [offset, length] = [payload.offset, payload.length].map((bound) => constantInteger(c.t.scope, asExpr(bound)));
  if (typeof offset !== "number" || length === undefined || (length !== null && length < 0))
    return c.t.scope.unsupported("a slice of a group by computed numbers");
  return { input: payload.input, options: [offset, length ?? REST] };
}
