/** MapFunction: row index, rename, whole-frame statistics, fillNan, and the functions that reshape a frame. */

import type { NamedExpr } from "../../ir/expr.ts";
import { call, column, literal, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { sameDType } from "../../ir/schema.ts";
import type { DslExpr, DslPlan, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { AggregateSet } from "../expr/aggregates.ts";
import { isFloat } from "../expr/binary.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { asExpr } from "../expr/tree.ts";
import type { Scope } from "../scope.ts";
import type { NodeContext } from "./node.ts";
import { onlyInput } from "./node.ts";
import { project } from "./plan-nodes.ts";
import { oneValueEach } from "./project.ts";
import { explode, unnest, unpivot } from "./reshape.ts";
import { aggregated, WindowTarget } from "./windows.ts";

export function mapFunction(dsl: DslPlan, context: NodeContext): Plan | null {
  const only = onlyInput(context);
  if (!("MapFunction" in dsl) || only === null) return null;
  const { input } = only;
  const [name, payload] = tagOf(dsl.MapFunction.function) ?? ["", null];
  if (name === "RowIndex" && isObject(payload))
    return { kind: "row_index", input, name: String(payload.name), offset: Number(payload.offset ?? 0), schema: context.schema };
  if (name === "Rename" && isObject(payload)) return rename(context, input, payload.existing, payload.new);
  if (name === "Stats") return statistics(context, input, only.scope, payload);
  if (name === "FillNan") return fillNan(context, new ExprTranslator(only.scope), input, payload);
  if (name === "Explode" && isObject(payload)) return explode(context, only.scope, input, payload);
  if (name === "Unpivot" && isObject(payload)) return unpivot(context, only.scope, input, payload.args);
  if (name === "Unnest" && isObject(payload)) return unnest(context, only.scope, input, payload);
  return context.unsupported(`frame function ${name} has no kernel`);
}

function rename(context: NodeContext, input: Plan, existing: DslValue | undefined, replacement: DslValue | undefined): Plan | null {
  if (!isList(existing) || !isList(replacement)) return context.unsupported("a rename without names");
  const to = new Map(existing.map((from, i) => [from, replacement[i]]));
  const exprs = input.schema.map((f) => named(String(to.get(f.name) ?? f.name), column(f.name, f.dtype)));
  return exprs.every((e, i) => e.name === context.schema[i]?.name)
    ? project(input, exprs, context.schema)
    : context.unsupported("a rename that is not understood");
}

/** The aggregate of a column that each statistic is. */
const STATISTICS: Readonly<Record<string, (own: DslExpr, options: DslValue) => DslExpr>> = {
  Min: (own) => ({ Agg: { Min: { input: own, propagate_nans: false } } }),
  Max: (own) => ({ Agg: { Max: { input: own, propagate_nans: false } } }),
  Sum: (own) => ({ Agg: { Sum: own } }),
  Mean: (own) => ({ Agg: { Mean: own } }),
  Median: (own) => ({ Agg: { Median: own } }),
  Std: (own, options) => ({ Agg: { Std: [own, isObject(options) ? (options.ddof ?? 1) : 1] } }),
  Var: (own, options) => ({ Agg: { Var: [own, isObject(options) ? (options.ddof ?? 1) : 1] } }),
  Quantile: (own, options) => {
    const { quantile, method } = isObject(options) ? options : {};
    return { Function: { input: [own, quantile ?? null], function: { Quantile: { method: method ?? null } } } };
  },
};

/** Columns that have no such aggregate, or one of another dtype, become null. */
function statistics(context: NodeContext, input: Plan, scope: Scope, payload: DslValue): Plan | null {
  const [kind, options] = tagOf(payload) ?? ["", null];
  const statistic = STATISTICS[kind];
  if (statistic === undefined) return context.unsupported(`the statistic ${kind} has no kernel`);
  const rows = new WindowTarget().rows();
  const set = new AggregateSet("\u0001stat", rows.set);
  const translator = new ExprTranslator(scope, oneValueEach(set, "none", rows));
  const made = input.schema.map(({ name }, i): NamedExpr | null => {
    const target = context.schema[i]?.dtype ?? { kind: "Null" };
    const expr = statistic({ Column: name }, options);
    const [own] = scope.outputs(expr) ?? [];
    if (own === undefined || !sameDType(own.dtype, target)) return named(name, literal(null, target));
    const value = translator.translate(expr);
    return value === null ? null : named(name, value);
  });
  const known = made.filter((a) => a !== null);
  return known.length === made.length ? project(aggregated(input, [], set), known, context.schema) : null;
}

/** NaN becomes the value in float columns; nulls stay. */
function fillNan(context: NodeContext, translator: ExprTranslator, input: Plan, payload: DslValue): Plan | null {
  const value = translator.translate(asExpr(payload));
  if (value === null) return null;
  const exprs = input.schema.map((field): NamedExpr | null => {
    const own = column(field.name, field.dtype);
    if (!isFloat(field.dtype)) return named(field.name, own);
    const target = context.schema.find((f) => f.name === field.name)?.dtype ?? field.dtype;
    const [a, b] = [translator.cast(value, target), translator.cast(own, target)];
    return a === null || b === null ? null : named(field.name, call("ternary", [call("is_nan", [own], { kind: "Boolean" }), a, b], target));
  });
  const known = exprs.filter((e) => e !== null);
  return known.length === exprs.length ? project(input, known, context.schema) : null;
}
