/** What groupByDynamic and groupByRolling have in common: groups of the rows of windows over an index. */

import type { NamedExpr } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import type { AggregateSet } from "../expr/aggregates.ts";
import type { Grouping } from "../expr/translator.ts";

/** Prefix of generated columns: no user column starts with it. */
export const MARK = "\u0001window";

export interface IndexWindows {
  /** What the rows of windows are grouped by: each group is a window. */
  readonly keys: readonly NamedExpr[];
  readonly grouping: Grouping;
  /**
   * A row for each window that polars has one for, in its order, of what `outputs` reads and of the set's aggregates. The input's rows, once
   * for each window that they are in, are handed to `extend` before they are grouped. An error where the index does not ascend within the
   * user's keys; null with a reason.
   */
  plan(input: Plan, extend: (rows: Plan) => Plan, set: AggregateSet): Plan | null;
  /** The user's keys, and what stands between them and the aggregates; null with a reason. */
  outputs(set: AggregateSet): readonly NamedExpr[] | null;
}
