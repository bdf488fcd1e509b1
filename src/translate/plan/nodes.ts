/** Every plan node that nodejs-polars can send, with its handler. */

import { isOrdered } from "../../ir/dtype.ts";
import type { NamedExpr } from "../../ir/expr.ts";
import { column, literal, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { columnsOfSchema } from "../../ir/projection.ts";
import type { PlanTag } from "../../polars/dsl.ts";
import { tag } from "../../polars/dsl.ts";
import { exactText } from "../../polars/dsl-text.ts";
import { expand } from "../expr/selectors.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { columnName, flagAt } from "../expr/tree.ts";
import { groupBy } from "./group-by.ts";
import { join } from "./join.ts";
import { LookupSet } from "./lookups.ts";
import { mapFunction } from "./map-function.ts";
import type { NodeHandler } from "./node.ts";
import { onlyInput } from "./node.ts";
import { project } from "./plan-nodes.ts";
import { filter, hstack, select } from "./project.ts";

const source: NodeHandler = (dsl, context) => ("Source" in dsl ? { kind: "frame", source: dsl.Source, schema: context.schema } : null);

const scan: NodeHandler = (dsl, context) => {
  if (!("Scan" in dsl)) return null;
  const [format] = tag(dsl.Scan.scan_type);
  return { kind: "scan", dsl: exactText(dsl), format, predicate: null, slice: null, schema: context.schema, fileSchema: context.schema };
};

/** A dtype that the device sorts as polars does: opaque ones are ranked as single values, which is not how polars sorts rows of lists. */
const sort: NodeHandler = (dsl, context) => {
  const only = onlyInput(context);
  if (!("Sort" in dsl) || only === null) return null;
  const { by_column, slice, sort_options } = dsl.Sort;
  if (slice !== null) context.unsupported("a sort with a slice");
  if (sort_options.limit !== null) context.unsupported("a sort with a limit");
  const lookups = new LookupSet();
  const translator = new ExprTranslator(only.scope, null, lookups);
  const exprs = by_column.map((e) => expand(only.scope, e));
  const flat = exprs.flatMap((e) => e ?? []);
  const by = flat.map((o, i) => {
    const expr = translator.translate(o.expr);
    if (expr !== null && !isOrdered(expr.dtype)) return context.unsupported("a sort by structs");
    return expr === null ? null : { expr, descending: flagAt(sort_options.descending, i), nullsLast: flagAt(sort_options.nulls_last, i) };
  });
  const known = by.filter((k) => k !== null);
  if (exprs.includes(null) || known.length !== by.length) return null;
  const input = lookups.extend(only.input);
  const sorted: Plan = { kind: "sort", input, by: known, limit: null, schema: input.schema };
  if (lookups.size === 0) return sorted;
  return project(sorted, columnsOfSchema(context.schema), context.schema);
};

/** Lengths from here on mean "to the end". */
const WHOLE = 2 ** 32 - 1;

const slice: NodeHandler = (dsl, context) => {
  const only = onlyInput(context);
  if (!("Slice" in dsl) || only === null) return null;
  const length = Number(dsl.Slice.len);
  return {
    kind: "slice",
    input: only.input,
    offset: Number(dsl.Slice.offset),
    length: length >= WHOLE ? null : length,
    schema: context.schema,
  };
};

const KEEP = { First: "first", Last: "last", None: "none", Any: "any" } as const;

const distinct: NodeHandler = (dsl, context) => {
  const only = onlyInput(context);
  if (!("Distinct" in dsl) || only === null) return null;
  const { subset, keep_strategy } = dsl.Distinct.options;
  const names =
    subset === null
      ? context.schema.map((f) => f.name)
      : subset.flatMap((e) => expand(only.scope, e)?.map((o) => columnName(o.expr)) ?? [null]);
  const known = names.filter((n) => n !== null);
  if (known.length !== names.length) return context.unsupported("unique over computed columns");
  return { kind: "distinct", input: only.input, subset: known, keep: KEEP[keep_strategy], schema: context.schema };
};

const union: NodeHandler = (dsl, context) => {
  if (!("Union" in dsl)) return null;
  const { diagonal } = dsl.Union.args;
  const inputs = context.inputs.map((input, i): Plan | null => {
    const scope = context.scopes[i];
    if (scope === undefined) return null;
    const translator = new ExprTranslator(scope);
    const exprs = context.schema.map((field): NamedExpr | null => {
      const own = input.schema.find((f) => f.name === field.name);
      if (own === undefined)
        return diagonal
          ? named(field.name, literal(null, field.dtype))
          : context.unsupported(`concat of frames without column ${JSON.stringify(field.name)}`);
      const expr = translator.cast(column(field.name, own.dtype), field.dtype);
      return expr === null ? null : named(field.name, expr);
    });
    const known = exprs.filter((e) => e !== null);
    if (known.length !== exprs.length) return null;
    const same =
      input.schema.length === known.length && known.every((e, k) => e.expr.kind === "column" && input.schema[k]?.name === e.name);
    return same ? input : project(input, known, context.schema);
  });
  const known = inputs.filter((p) => p !== null);
  return known.length === inputs.length ? { kind: "union", inputs: known, schema: context.schema } : null;
};

const hconcat: NodeHandler = (dsl, context) => {
  if (!("HConcat" in dsl)) return null;
  const { strict, broadcast_unit_length } = dsl.HConcat.options;
  const lengths = broadcast_unit_length ? "broadcast" : strict ? "equal" : "pad";
  return { kind: "hconcat", inputs: context.inputs, lengths, schema: context.schema };
};

/** The node above it is shared by its text: a cache needs nothing more. */
const cache: NodeHandler = (_dsl, context) => onlyInput(context)?.input ?? null;

const sink: NodeHandler = (_dsl, context) => context.unsupported("sinks are written by CPU polars");

export const NODES: Readonly<Record<string, NodeHandler>> = {
  Source: source,
  Scan: scan,
  Filter: filter,
  Select: select,
  HStack: hstack,
  GroupBy: groupBy,
  Join: join,
  Sort: sort,
  Slice: slice,
  Distinct: distinct,
  MapFunction: mapFunction,
  Union: union,
  HConcat: hconcat,
  Cache: cache,
  Sink: sink,
} satisfies Record<PlanTag, NodeHandler>;
