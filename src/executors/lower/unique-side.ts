/** Which side of a join has keys that probably do not repeat: a guess, for how rows are looked up and never for results. */

import type { NamedExpr } from "../../ir/expr.ts";
import type { Join, Plan } from "../../ir/plan.ts";
import type { LowerContext } from "./context.ts";

type Sources = Pick<LowerContext, "source">;

/**
 * The side whose first key comes from the smaller table, as the key of a dimension does; null where the tables are the same, or not known.
 * A key that its side is grouped by, or distinct by, comes from as few rows as there can be.
 */
export function uniqueSide(lower: Sources, { left, right, leftOn, rightOn }: Join): "left" | "right" | null {
  const [a, b] = [leftOn[0], rightOn[0]];
  if (a?.kind !== "column" || b?.kind !== "column") return null;
  const [fromLeft, fromRight] = [tableRows(lower, left, a.name), tableRows(lower, right, b.name)];
  if (fromLeft === null || fromRight === null || fromLeft === fromRight) return null;
  return fromLeft < fromRight ? "left" : "right";
}

/** Rows of the table that the values of a column come from, however many of them are left; null where they are computed. */
function tableRows(lower: Sources, plan: Plan, name: string): number | null {
  switch (plan.kind) {
    case "frame":
    case "scan":
      return lower.source(plan).rows;
    case "filter":
    case "sort":
    case "slice":
      return tableRows(lower, plan.input, name);
    case "distinct":
      return plan.subset.length === 1 && plan.subset[0] === name ? 0 : tableRows(lower, plan.input, name);
    case "project":
      return ofExpr(lower, plan.input, plan.exprs, name);
    case "aggregate":
      return plan.keys.length === 1 && plan.keys[0]?.name === name ? 0 : ofExpr(lower, plan.input, plan.keys, name);
    case "join": {
      const output = plan.output.find((o) => o.name === name);
      if (output?.left != null) return tableRows(lower, plan.left, output.left);
      return output?.right == null ? null : tableRows(lower, plan.right, output.right);
    }
    default:
      return null;
  }
}

function ofExpr(lower: Sources, input: Plan, exprs: readonly NamedExpr[], name: string): number | null {
  const expr = exprs.find((e) => e.name === name)?.expr;
  return expr?.kind === "column" ? tableRows(lower, input, expr.name) : null;
}
