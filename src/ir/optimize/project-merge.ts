/** Rule: adjacent projections become one where that computes nothing twice that is dear, and those that do nothing disappear. */

import type { Expr } from "../expr.ts";
import { named, substitute, visitExpr } from "../expr.ts";
import { readsOf, staysSmall } from "../expr-size.ts";
import type { FunctionName } from "../functions.ts";
import type { Plan, Project } from "../plan.ts";
import { countParents, rewriteBottomUp } from "../traversal.ts";
import type { Rule } from "./rule.ts";

export const projectMerge: Rule = {
  name: "project-merge",
  apply: (plan) => {
    const parents = countParents(plan);
    const shared = new Set<Plan>();
    return rewriteBottomUp(plan, (node, original) => {
      const merged = node.kind === "project" ? withoutDetour(node, shared) : node;
      if ((parents.get(original) ?? 0) > 1) shared.add(merged);
      return merged;
    });
  },
};

function withoutDetour(project: Project, shared: ReadonlySet<Plan>): Plan {
  const { input } = project;
  const merged = input.kind === "project" && !shared.has(input) ? (mergedWith(project, input) ?? project) : project;
  const { exprs, input: base } = merged;
  const changesNothing =
    exprs.length === base.schema.length &&
    exprs.every(({ name, expr }, i) => expr.kind === "column" && expr.name === name && base.schema[i]?.name === name);
  return changesNothing ? base : merged;
}

function mergedWith(outer: Project, inner: Project): Project | null {
  const by = new Map(inner.exprs.map((e) => [e.name, e.expr]));
  const exprs = outer.exprs.map((e) => e.expr);
  const reads = readsOf(exprs);
  if (inner.exprs.some(({ name, expr }) => (reads.get(name) ?? 0) > 1 && isDear(expr)) || !exprs.every((e) => staysSmall(e, by)))
    return null;
  return { ...outer, input: inner.input, exprs: outer.exprs.map((e) => named(e.name, substitute(e.expr, by))) };
}

/** Emulated division and roots take hundreds of instructions; lookups a read from memory. */
const DEAR: ReadonlySet<FunctionName> = new Set(["div", "floor_div", "mod", "sqrt"]);

function isDear(expr: Expr): boolean {
  let dear = false;
  visitExpr(expr, (e) => {
    dear ||= e.kind === "lookup" || (e.kind === "call" && DEAR.has(e.fn));
  });
  return dear;
}
