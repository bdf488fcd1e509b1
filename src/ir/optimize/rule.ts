/** What a rewriting of plans is. */

import type { Plan } from "../plan.ts";

export interface Rule {
  /** The name of the rule's file. */
  readonly name: string;
  /** A plan with the same result: rows, order, names and dtypes. Nodes that the rule leaves alone keep their identity. */
  readonly apply: (plan: Plan) => Plan;
}
