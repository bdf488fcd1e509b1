/** Select, HStack and Filter: row-wise expressions, with aggregates and windows joined in. */

import { InternalError } from "../../errors.ts";
import type { NamedExpr } from "../../ir/expr.ts";
import { column, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { columnsOfSchema, fieldsOf } from "../../ir/projection.ts";
import { sameSchema } from "../../ir/schema.ts";
import type { DslExpr, DslPlan } from "../../polars/dsl.ts";
import { AggregateSet, hasOneValue } from "../expr/aggregates.ts";
import type { OutputExpr } from "../expr/selectors.ts";
import { expand } from "../expr/selectors.ts";
import type { AggregateTarget } from "../expr/translator.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { allExprs, columnNames, unnamed } from "../expr/tree.ts";
import type { Scope } from "../scope.ts";
import { LookupSet } from "./lookups.ts";
import type { NodeContext } from "./node.ts";
import { onlyInput } from "./node.ts";
import { filterNode, project } from "./plan-nodes.ts";
import type { KeepingRows } from "./rows.ts";
import { changesRows, RowPlanner } from "./rows.ts";
import { aggregated, WindowTarget } from "./windows.ts";

/** Subexpressions are asked about together, before they are needed one by one. */
export const warm = (scope: Scope, exprs: readonly DslExpr[]): void =>
  scope.warm([...new Set(exprs.flatMap((e) => [...allExprs(e)]))].filter((e) => columnNames(e).size > 0));

/** The outputs in the dtypes that polars gives them; null where one has no GPU form. All are tried, so that every reason is found. */
export function translateOutputs(translator: ExprTranslator, outputs: readonly OutputExpr[]): readonly NamedExpr[] | null {
  const made = outputs.map((o) => {
    const expr = translator.translate(o.expr);
    const typed = expr === null ? null : translator.cast(expr, o.dtype);
    return typed === null ? null : named(o.name, typed);
  });
  const known = made.filter((m) => m !== null);
  return known.length === made.length ? known : null;
}

interface Translated {
  readonly exprs: readonly NamedExpr[];
  /** The input with what the expressions need joined in, or only its aggregates where they need no rows. */
  readonly input: Plan;
}

/** The expressions over `input`; null where one has no GPU form. */
function translateAll(scope: Scope, input: Plan, exprs: readonly DslExpr[], mayCollapse: boolean): Translated | null {
  const outputs = exprs.map((e) => expand(scope, e));
  const flat = outputs.flatMap((o) => o ?? []);
  warm(
    scope,
    flat.map((o) => o.expr),
  );
  const collapses = mayCollapse && flat.length > 0 && flat.every((o) => hasOneValue(o.expr));
  const windows = new WindowTarget();
  const rows = windows.rows();
  const set = new AggregateSet("\u0001all", rows.set);
  const [lookups, constants] = [new LookupSet(), new LookupSet()];
  const translator = collapses
    ? new ExprTranslator(scope, oneValueEach(set, "none", rows), constants, lookups)
    : new ExprTranslator(scope, rows, lookups);
  const made = translateOutputs(translator, flat);
  if (outputs.includes(null) || made === null) return null;
  const extended = windows.extend(lookups.extend(input));
  return { exprs: made, input: collapses ? constants.extend(aggregated(extended, [], set)) : extended };
}

/** For expressions with one value for each group, whose aggregates read `rows`. */
export const oneValueEach = (set: AggregateSet, scalars: AggregateTarget["scalars"], rows: AggregateTarget): AggregateTarget => ({
  set,
  rowsVisible: false,
  grouping: rows.grouping,
  scalars,
  below: () => rows,
  window: null,
  over: null,
});

/** The projection; polars has the last word on its names and dtypes. */
export function checkedProject(context: NodeContext, input: Plan, exprs: readonly NamedExpr[]): Plan {
  const schema = fieldsOf(exprs);
  if (!sameSchema(schema, context.schema)) throw new InternalError("a translated node has another schema than polars gives it");
  return project(input, exprs, schema);
}

/** Expressions that keep the rows of the input, as a projection of it. */
const keepingRows: KeepingRows = (scope, input, exprs, mayCollapse) => {
  const translated = translateAll(scope, input, exprs, mayCollapse);
  if (translated === null) return null;
  const schema = fieldsOf(translated.exprs);
  return project(translated.input, translated.exprs, schema);
};

/** The outputs of all expressions; none where one is not understood, its reason being in the scope. */
function outputsOf(scope: Scope, exprs: readonly DslExpr[]): readonly OutputExpr[] {
  const outputs = exprs.map((e) => expand(scope, e));
  return outputs.includes(null) ? [] : outputs.flatMap((o) => o ?? []);
}

/** The plan of all outputs, where at least one changes the number of rows; undefined where none does. */
function changedRows(
  { scope, input }: { readonly scope: Scope; readonly input: Plan },
  outputs: readonly OutputExpr[],
  context: NodeContext,
): Plan | null | undefined {
  const parts = outputs.map((o) => ({ name: o.name, expr: unnamed(o.expr) }));
  if (!parts.some((p) => changesRows(p.expr))) return undefined;
  const plan = new RowPlanner(scope, input, keepingRows).plan(parts);
  if (plan !== null && !sameSchema(plan.schema, context.schema))
    throw new InternalError("a translated node has another schema than polars gives it");
  return plan;
}

/** Select; without columns, polars' frames have no rows. */
export function select(dsl: DslPlan, context: NodeContext): Plan | null {
  const only = onlyInput(context);
  if (!("Select" in dsl) || only === null) return null;
  const changed = changedRows(only, outputsOf(only.scope, dsl.Select.expr), context);
  if (changed !== undefined) return changed;
  const translated = translateAll(only.scope, only.input, dsl.Select.expr, true);
  if (translated === null) return null;
  const selected = checkedProject(context, translated.input, translated.exprs);
  const { schema } = selected;
  return schema.length === 0 ? { kind: "slice", input: selected, offset: 0, length: 0, schema } : selected;
}

export function hstack(dsl: DslPlan, context: NodeContext): Plan | null {
  const only = onlyInput(context);
  if (!("HStack" in dsl) || only === null) return null;
  if (only.scope.schema.length === 0) return context.unsupported("columns added to a frame without columns");
  const added = new Map(outputsOf(only.scope, dsl.HStack.exprs).map((o) => [o.name, o]));
  const all = context.schema.map((f) => added.get(f.name) ?? { ...f, expr: { Column: f.name } });
  const changed = changedRows(only, all, context);
  if (changed !== undefined) return changed;
  const translated = translateAll(only.scope, only.input, dsl.HStack.exprs, false);
  if (translated === null) return null;
  const byName = new Map(translated.exprs.map((e) => [e.name, e]));
  const exprs = context.schema.map((f) => byName.get(f.name) ?? named(f.name, column(f.name, f.dtype)));
  return checkedProject(context, translated.input, exprs);
}

export function filter(dsl: DslPlan, context: NodeContext): Plan | null {
  const only = onlyInput(context);
  if (!("Filter" in dsl) || only === null) return null;
  const { input, scope } = only;
  const translated = translateAll(scope, input, [dsl.Filter.predicate], false);
  const [predicate, more] = translated?.exprs ?? [];
  if (translated === null || predicate === undefined) return null;
  if (more !== undefined || predicate.expr.dtype.kind !== "Boolean")
    return context.unsupported("a filter whose predicate is not one boolean");
  const kept = filterNode(translated.input, predicate.expr);
  if (translated.input === input) return kept;
  return project(kept, columnsOfSchema(input.schema), input.schema);
}
