/** Rule: what every branch of an OR demands is demanded once: `(a & x) | (a & y)` -> `a & (x | y)`, which lets `a` go its own way. */

import type { Expr } from "../expr.ts";
import { describeExpr } from "../expr.ts";
import { rewriteBottomUp } from "../traversal.ts";
import { combined, partsOf } from "./conjuncts.ts";
import type { Rule } from "./rule.ts";

export const commonConjuncts: Rule = {
  name: "common-conjuncts",
  apply: (plan) =>
    rewriteBottomUp(plan, (node) => {
      if (node.kind !== "filter") return node;
      const conditions = partsOf("and", node.predicate);
      const factored = conditions.flatMap(factor);
      return factored.every((f, i) => f === conditions[i]) ? node : { ...node, predicate: combined("and", factored) };
    }),
};

/** Kleene logic is distributive, so that nulls come out the same. */
function factor(condition: Expr): readonly Expr[] {
  const branches = partsOf("or", condition).map((branch) => new Map(partsOf("and", branch).map((part) => [describeExpr(part), part])));
  const [first, ...rest] = branches;
  if (first === undefined || rest.length === 0) return [condition];
  const common = [...first].filter(([text]) => rest.every((branch) => branch.has(text)));
  if (common.length === 0) return [condition];
  const demanded = common.map(([, part]) => part);
  const shared = new Set(common.map(([text]) => text));
  const remaining = branches.map((branch) => [...branch].filter(([text]) => !shared.has(text)).map(([, part]) => part));
  /** A branch with nothing more to demand makes the OR true where the common part is. */
  return remaining.some((parts) => parts.length === 0)
    ? demanded
    : [
        ...demanded,
        combined(
          "or",
          remaining.map((parts) => combined("and", parts)),
        ),
      ];
}
