/** An Aggregate node together with the projections and filters below it: keys and inputs rewritten onto the columns of the node further down. */

import type { NamedExpr } from "../ir/expr.ts";
import { substitute } from "../ir/expr.ts";
import { repeatsDear } from "../ir/expr-size.ts";
import type { Aggregate, Plan } from "../ir/plan.ts";
import { expressions } from "../ir/plan.ts";
import { columnsOfSchema } from "../ir/projection.ts";
import type { Pipeline } from "./pipeline.ts";
import { pipelineOf } from "./pipeline.ts";

export interface FusedAggregate {
  /** Over the columns of the pipeline's base; its `input` is as it was. */
  readonly plan: Aggregate;
  readonly pipeline: Pipeline;
}

/** Stops at nodes that are shared, which are computed by themselves, and where something dear would be computed again. */
export function fusedAggregate(plan: Aggregate, shared: (plan: Plan) => boolean): FusedAggregate {
  const fuses = !shared(plan.input) && !repeatsDear(projectionOf(plan.input), expressions(plan));
  const pipeline = fuses ? pipelineOf(plan.input, shared) : pipelineOver(plan.input);
  const by = new Map(pipeline.outputs.map((o) => [o.name, o.expr]));
  const rewritten = (exprs: readonly NamedExpr[]): readonly NamedExpr[] =>
    exprs.map(({ name, expr }) => ({ name, expr: substitute(expr, by) }));
  return { plan: { ...plan, keys: rewritten(plan.keys), aggregates: rewritten(plan.aggregates) }, pipeline };
}

/** The pipeline that does nothing: `plan` is computed by itself. */
const pipelineOver = (plan: Plan): Pipeline => ({ base: plan, predicate: null, outputs: columnsOfSchema(plan.schema) });

/** What a projection computes; nothing for other nodes. */
const projectionOf = (plan: Plan): readonly NamedExpr[] => (plan.kind === "project" ? plan.exprs : []);
