/** MapFunction: row index, rename, whole-frame statistics, fillNan, and the functions that reshape a frame. */

import { physicalOf } from "../../ir/dtype.ts";
import type { AggregateExpr, NamedExpr } from "../../ir/expr.ts";
import { aggregate, call, column, named } from "../../ir/expr.ts";
import type { AggregateName } from "../../ir/functions.ts";
import type { Plan } from "../../ir/plan.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslPlan, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { isFloat, isNumeric } from "../expr/binary.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { asExpr } from "../expr/tree.ts";
import type { NodeContext } from "./node.ts";
import { onlyInput } from "./node.ts";
import { project } from "./project-node.ts";
import { explode, unnest, unpivot } from "./reshape.ts";
import { aggregateNode } from "./windows.ts";

export function mapFunction(dsl: DslPlan, context: NodeContext): Plan | null {
  const only = onlyInput(context);
  if (!("MapFunction" in dsl) || only === null) return null;
  const { input } = only;
  const [name, payload] = tagOf(dsl.MapFunction.function) ?? ["", null];
  if (name === "RowIndex" && isObject(payload))
    return { kind: "row_index", input, name: String(payload.name), offset: Number(payload.offset ?? 0), schema: context.schema };
  if (name === "Rename" && isObject(payload)) return rename(context, input, payload.existing, payload.new);
  if (name === "Stats") return statistics(context, input, payload);
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

const STATISTICS: Readonly<Record<string, AggregateName>> = { Min: "min", Max: "max", Sum: "sum", Mean: "mean", Std: "std", Var: "var" };

function statistics(context: NodeContext, input: Plan, payload: DslValue): Plan | null {
  const [kind, options] = tagOf(payload) ?? ["", null];
  const fn = STATISTICS[kind];
  if (fn === undefined) return context.unsupported(`the statistic ${kind} has no kernel`);
  const ddof = isObject(options) && typeof options.ddof === "number" ? options.ddof : 1;
  const aggregates = input.schema.map((field, i): NamedExpr | null => {
    const target = context.schema[i]?.dtype ?? field.dtype;
    const minmax = fn === "min" || fn === "max";
    const fits = minmax ? physicalOf(field.dtype) !== "code" : isNumeric(field.dtype) && isNumeric(target);
    if (!fits) return context.unsupported(`the statistic ${kind} of ${describeDType(field.dtype)}`);
    const own = column(field.name, field.dtype);
    const arg = fn === "sum" && field.dtype.kind !== target.kind ? call("cast", [own], target) : own;
    const expr: AggregateExpr = aggregate(fn, arg, target, { ddof });
    return named(field.name, expr);
  });
  const known = aggregates.filter((a) => a !== null);
  return known.length === aggregates.length ? aggregateNode(input, [], known) : null;
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
