/** GroupBy: keys and aggregates, the groups that HAVING keeps, and the expressions around the aggregates projected afterwards. */

import type { NamedExpr } from "../../ir/expr.ts";
import { column, columnsOf, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import type { DslPlan } from "../../polars/dsl.ts";
import { imploded } from "../expr/aggregate-lists.ts";
import { AggregateSet, hasOneValue } from "../expr/aggregates.ts";
import { expand } from "../expr/selectors.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { columnNames, unnamed } from "../expr/tree.ts";
import { dynamicWindows } from "./dynamic-windows.ts";
import { LookupSet } from "./lookups.ts";
import type { NodeContext } from "./node.ts";
import { onlyInput } from "./node.ts";
import { filterNode } from "./plan-nodes.ts";
import { checkedProject, oneValueEach, translateOutputs, warm } from "./project.ts";
import { rollingWindows } from "./rolling-windows.ts";
import { aggregated, WindowTarget } from "./windows.ts";

/** Constant keys make one group, also of no rows. */
export function groupBy(dsl: DslPlan, context: NodeContext): Plan | null {
  const only = onlyInput(context);
  if (!("GroupBy" in dsl) || only === null) return null;
  const { input, scope } = only;
  const { keys: keyDsl, aggs, predicates, options } = dsl.GroupBy;
  if (options.slice !== null) context.unsupported("a group-by with a slice");
  const overIndex = options.dynamic ?? options.rolling;
  const asked = overIndex === null ? keyDsl : [...keyDsl, { Column: String(overIndex.index_column) }];
  const keyOutputs = keyDsl.map((k) => expand(scope, k));
  const keysFlat = keyOutputs.flatMap((k) => k ?? []);
  const aggOutputs = aggs.map((a) => expand(scope, a, { keys: asked }));
  const flat = aggOutputs.flatMap((a) => a ?? []);
  warm(
    scope,
    [...keysFlat, ...flat].map((o) => o.expr),
  );
  const [inside, constants] = [new LookupSet(), new LookupSet()];
  const rows = new ExprTranslator(scope, null, inside);
  const constantKeys = new ExprTranslator(scope);
  const keys = keysFlat.map((k) => {
    const expr = (columnNames(k.expr).size === 0 ? constantKeys : rows).translate(k.expr);
    return expr === null ? null : named(k.name, expr);
  });
  const known = keys.filter((k) => k !== null);
  const indexWindows =
    options.dynamic !== null
      ? dynamicWindows(context, scope, options.dynamic, known)
      : options.rolling !== null
        ? rollingWindows(context, scope, options.rolling, known)
        : null;
  const windows = new WindowTarget();
  const within = windows.groups(
    (indexWindows?.keys ?? known).map((k) => k.expr),
    indexWindows?.grouping,
  );
  const set = new AggregateSet("\u0001agg", within.set);
  const translator = new ExprTranslator(scope, oneValueEach(set, "constants", within), constants, inside);
  const made = translateOutputs(
    translator,
    flat.map((o) => (hasOneValue(o.expr) ? o : { ...o, expr: imploded(unnamed(o.expr)) })),
  );
  const having = predicates.map((p) => translator.translate(p));
  const kept = having.filter((p) => p !== null);
  if (kept.some((p) => p.dtype.kind !== "Boolean")) return context.unsupported("HAVING with a predicate that is not boolean");
  if (keyOutputs.includes(null) || aggOutputs.includes(null) || known.length !== keys.length || made === null) return null;
  if (kept.length !== having.length) return null;
  if (overIndex !== null) {
    if (kept.length > 0) return context.unsupported("HAVING over windows of an index");
    const outputs = indexWindows?.outputs(set) ?? null;
    const groups = indexWindows?.plan(inside.extend(input), (rows) => windows.extend(rows), set) ?? null;
    return groups === null || outputs === null ? null : checkedProject(context, constants.extend(groups), [...outputs, ...made]);
  }
  const constant = columnsOf(known.map((k) => k.expr)).size === 0;
  const grouped = kept.reduce<Plan>(
    filterNode,
    constants.extend(aggregated(windows.extend(inside.extend(input)), constant ? [] : known, set)),
  );
  return checkedProject(context, grouped, [...known.map((k) => (constant ? k : keyColumn(k))), ...made]);
}

const keyColumn = (key: NamedExpr): NamedExpr => named(key.name, column(key.name, key.expr.dtype));
