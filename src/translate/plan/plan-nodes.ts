/** Makes the plan nodes that many translations need, with the schemas that follow from their inputs. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr, NamedExpr } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { fieldsOf } from "../../ir/projection.ts";
import type { Schema } from "../../ir/schema.ts";

const UINT32: DType = { kind: "UInt32" };

export const project = (input: Plan, exprs: readonly NamedExpr[], schema: Schema = fieldsOf(exprs)): Plan => ({
  kind: "project",
  input,
  exprs,
  schema,
});

export const filterNode = (input: Plan, predicate: Expr): Plan => ({ kind: "filter", input, predicate, schema: input.schema });

/** The number of each row, from 0, in front of its columns. */
export const numbered = (input: Plan, name: string): Plan => ({
  kind: "row_index",
  input,
  name,
  offset: 0,
  schema: [{ name, dtype: UINT32 }, ...input.schema],
});
