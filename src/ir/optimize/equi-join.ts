/** Rule: equality of both sides above a cross or inner join becomes a key of the join, as SQL's comma joins need it. */

import type { Expr } from "../expr.ts";
import { columnsOf } from "../expr.ts";
import type { Filter, Join, Plan } from "../plan.ts";
import { countParents, rewriteTopDown } from "../traversal.ts";
import { filtered, partsOf } from "./conjuncts.ts";
import { onSide } from "./join-sides.ts";
import type { Rule } from "./rule.ts";

export const equiJoin: Rule = {
  name: "equi-join",
  apply: (plan) => {
    const parents = countParents(plan);
    const shared = (node: Plan): boolean => (parents.get(node) ?? 0) > 1;
    return rewriteTopDown(plan, (node) =>
      node.kind === "filter" && node.input.kind === "join" && !shared(node.input) ? withKeys(node, node.input) : node,
    );
  },
};

function withKeys(filter: Filter, join: Join): Plan {
  if (join.how !== "cross" && (join.how !== "inner" || join.nullsEqual)) return filter;
  const leftOn: Expr[] = [...join.leftOn];
  const rightOn: Expr[] = [...join.rightOn];
  const rest = partsOf("and", filter.predicate).filter((condition) => {
    const pair = keyPair(join, condition);
    if (pair === null) return true;
    leftOn.push(pair[0]);
    rightOn.push(pair[1]);
    return false;
  });
  if (leftOn.length === join.leftOn.length) return filter;
  return filtered({ ...join, leftOn, rightOn, how: "inner", nullsEqual: false }, rest);
}

/** The two sides of an equality, one from each side of the join. */
function keyPair(join: Join, condition: Expr): readonly [Expr, Expr] | null {
  if (condition.kind !== "call" || condition.fn !== "eq") return null;
  const [a, b] = condition.args;
  if (a === undefined || b === undefined || columnsOf([a]).size === 0 || columnsOf([b]).size === 0) return null;
  const [aLeft, bRight] = [onSide(join, "left", a), onSide(join, "right", b)];
  if (aLeft !== null && bRight !== null) return [aLeft, bRight];
  const [bLeft, aRight] = [onSide(join, "left", b), onSide(join, "right", a)];
  return bLeft !== null && aRight !== null ? [bLeft, aRight] : null;
}
