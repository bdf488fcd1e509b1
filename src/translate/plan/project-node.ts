/** Makes a projection. */

import type { NamedExpr } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";

export const project = (input: Plan, exprs: readonly NamedExpr[], schema: Schema): Plan => ({ kind: "project", input, exprs, schema });
