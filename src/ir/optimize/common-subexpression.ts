/** Rule: a dear expression that several expressions of a node hold is computed once, in a projection below. */

import type { Expr, NamedExpr } from "../expr.ts";
import { column, columnsOf, describeExpr, mapExpr, named, visitExpr } from "../expr.ts";
import { isDear, sizeOf } from "../expr-size.ts";
import type { Plan } from "../plan.ts";
import { children, expressions, withChildren } from "../plan.ts";
import { columnsOfSchema, fieldsOf } from "../projection.ts";
import { rewriteBottomUp } from "../traversal.ts";
import { mapNodeExprs } from "./node-exprs.ts";
import type { Rule } from "./rule.ts";

/** Cheap expressions stay where they are: computing them again costs less than writing and reading a column. */
export const commonSubexpression: Rule = {
  name: "common-subexpression",
  apply: (plan) => rewriteBottomUp(plan, (node) => (SHARING.has(node.kind) ? sharedIn(node) : node)),
};

const SHARING: ReadonlySet<Plan["kind"]> = new Set<Plan["kind"]>(["project", "aggregate", "sort"]);

/** Prefix of the generated columns: no user column starts with it. */
const MARK = "\u0001cse";

function sharedIn(node: Plan): Plan {
  const [input] = children(node);
  const part = input === undefined ? null : innermostShared(expressions(node));
  if (input === undefined || part === null) return node;
  const { expr, text } = part;
  const computed = column(freeName(input), expr.dtype);
  const rest = mapNodeExprs(node, (e) => mapExpr(e, (own) => (own.kind === "call" && describeExpr(own) === text ? computed : own)));
  const read = columnsOf(expressions(rest));
  const passed = input.schema.filter((f) => node.kind === "sort" || read.has(f.name)).map((f) => named(f.name, column(f.name, f.dtype)));
  const below = projection(input, [...passed, named(computed.name, expr)]);
  const above = sharedIn(withChildren(rest.kind === "sort" ? { ...rest, schema: below.schema } : rest, [below]));
  return node.kind === "sort" ? projection(above, columnsOfSchema(node.schema)) : above;
}

const projection = (input: Plan, exprs: readonly NamedExpr[]): Plan => ({
  kind: "project",
  input,
  exprs,
  schema: fieldsOf(exprs),
});

/** A generated name that the input does not have yet: one projection may stand over another. */
function freeName(input: Plan): string {
  const used = new Set(input.schema.map((f) => f.name));
  let number = 0;
  while (used.has(`${MARK}${number}`)) number += 1;
  return `${MARK}${number}`;
}

interface Part {
  readonly expr: Expr;
  readonly text: string;
  /** Expressions that hold it. */
  holders: number;
}

/**
 * The smallest dear call that two or more of the expressions hold, unless it is only ever held inside of a larger one: layers of
 * projections are then as few as can be. Null: there is none.
 */
function innermostShared(exprs: readonly Expr[]): Part | null {
  const parts = new Map<string, Part>();
  for (const expr of exprs) {
    const own = new Map<string, Expr>();
    visitExpr(expr, (part) => {
      if (part.kind === "call" && isDear(part)) own.set(describeExpr(part), part);
    });
    for (const [text, part] of own) {
      const known = parts.get(text) ?? { expr: part, text, holders: 0 };
      known.holders += 1;
      parts.set(text, known);
    }
  }
  const shared = [...parts.values()].filter((p) => p.holders > 1);
  const bySize = shared.sort((p, q) => sizeOf(p.expr) - sizeOf(q.expr));
  return bySize.find((p, i) => !bySize.slice(i + 1).some((q) => q.holders === p.holders && q.text.includes(p.text))) ?? null;
}
