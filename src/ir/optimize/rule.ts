/** What a rewriting of plans is. */

import type { Plan } from "../plan.ts";

export interface Rule {
  /** The name of the rule's file. */
  readonly name: string;
  /** A plan with the same result: rows, order, names and dtypes. A shared node stays one node. */
  readonly apply: (plan: Plan) => Plan;
}
