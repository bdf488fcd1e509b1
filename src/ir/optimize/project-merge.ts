/** Rule: adjacent projections become one where that computes nothing twice that is dear, and those that do nothing disappear. */

import type { Expr, NamedExpr } from "../expr.ts";
import { named, substitute, visitExpr } from "../expr.ts";
import { readsOf, repeatsDear, staysSmall } from "../expr-size.ts";
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
  if (repeatsDear(inner.exprs, exprs) || repeatsLookup(inner.exprs, exprs) || !exprs.every((e) => staysSmall(e, by))) return null;
  return { ...outer, input: inner.input, exprs: outer.exprs.map((e) => named(e.name, substitute(e.expr, by))) };
}

/** A lookup is a read from memory at a random place. */
function repeatsLookup(inner: readonly NamedExpr[], exprs: readonly Expr[]): boolean {
  const reads = readsOf(exprs);
  return inner.some(({ name, expr }) => {
    let looks = false;
    visitExpr(expr, (e) => {
      looks ||= e.kind === "lookup";
    });
    return looks && (reads.get(name) ?? 0) > 1;
  });
}
