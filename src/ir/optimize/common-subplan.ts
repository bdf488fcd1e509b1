/** Rule: subplans that are equal are one node, so that they run once. */

import type { NamedExpr } from "../expr.ts";
import { describeExpr } from "../expr.ts";
import type { Plan } from "../plan.ts";
import { children, conditionExprs } from "../plan.ts";
import { describeDType } from "../schema.ts";
import { rewriteBottomUp } from "../traversal.ts";
import { describeWindow } from "../windows.ts";
import type { Rule } from "./rule.ts";

export const commonSubplan: Rule = {
  name: "common-subplan",
  apply: (plan) => {
    const byText = new Map<string, Plan>();
    const numbers = new Map<Plan, number>();
    return rewriteBottomUp(plan, (node) => {
      const inputs = children(node).map((child) => numbers.get(child) ?? -1);
      const text = JSON.stringify([node.kind, ownText(node), inputs, node.schema.map((f) => [f.name, describeDType(f.dtype)])]);
      const one = byText.get(text) ?? node;
      byText.set(text, one);
      if (!numbers.has(one)) numbers.set(one, numbers.size);
      return one;
    });
  },
};

const namedTexts = (exprs: readonly NamedExpr[]): readonly (readonly string[])[] => exprs.map((e) => [e.name, describeExpr(e.expr)]);

/** Everything that decides what the node does with its inputs, apart from its schema. */
function ownText(plan: Plan): unknown {
  switch (plan.kind) {
    case "scan":
      return [plan.dsl, plan.predicate === null ? null : describeExpr(plan.predicate), plan.slice];
    case "frame":
      return plan.source;
    case "cpu":
      return plan.dsl;
    case "project":
      return namedTexts(plan.exprs);
    case "filter":
      return describeExpr(plan.predicate);
    case "slice":
      return [plan.offset, plan.length];
    case "sort":
      return [plan.limit, plan.by.map((k) => [describeExpr(k.expr), k.descending, k.nullsLast])];
    case "aggregate":
      return [namedTexts(plan.keys), namedTexts(plan.aggregates)];
    case "join":
      return [plan.how, plan.nullsEqual, plan.ordered, plan.leftOn.map(describeExpr), plan.rightOn.map(describeExpr), plan.output];
    case "asof_join":
      return [
        [plan.leftOn, plan.rightOn, ...plan.leftBy, ...plan.rightBy].map(describeExpr),
        [plan.strategy, plan.allowEqual, plan.tolerance],
        plan.output,
      ];
    case "range_join":
      return [[plan.from, plan.to, plan.key, ...plan.leftBy, ...plan.rightBy].map(describeExpr), plan.output];
    case "distinct":
      return [plan.keep, plan.subset];
    case "union":
    case "gather_by":
      return null;
    case "hconcat":
      return plan.lengths;
    case "explode":
      return [plan.columns, plan.emptyAsNull, plan.keepNulls];
    case "require":
      return [plan.condition.kind, conditionExprs(plan.condition).map(describeExpr)];
    case "gather":
      return plan.rows;
    case "row_index":
      return [plan.name, plan.offset];
    case "lookup":
      return [plan.args, plan.outputs.map((o) => [o.name, o.dsl])];
    case "window":
      return [
        plan.partitionBy.map(describeExpr),
        plan.orderBy.map((k) => [describeExpr(k.expr), k.descending, k.nullsLast]),
        plan.functions.map((f) => [f.name, describeWindow(f.call)]),
      ];
  }
}
