/** What the handler of a plan node gets: its translated inputs, a scope for each, and the output schema that polars gives it. */

import type { Plan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import type { DslPlan } from "../../polars/dsl.ts";
import type { Scope } from "../scope.ts";

export interface NodeContext {
  readonly schema: Schema;
  readonly inputs: readonly Plan[];
  readonly scopes: readonly Scope[];
  /** Notes a reason; the null stands for the node that could not be made. */
  unsupported(reason: string): null;
}

/** Null where the node has no GPU form: the reasons are in the context or in a scope. */
export type NodeHandler = (dsl: DslPlan, context: NodeContext) => Plan | null;

/** The only input of a node and its scope. */
export function onlyInput(context: NodeContext): { readonly input: Plan; readonly scope: Scope } | null {
  const [input] = context.inputs;
  const [scope] = context.scopes;
  return input === undefined || scope === undefined ? context.unsupported("a node without an input") : { input, scope };
}
