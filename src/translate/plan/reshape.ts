/** Frame functions that move values between rows and columns: explode, unpivot, unnest. */

import type { DType } from "../../ir/dtype.ts";
import type { NamedExpr } from "../../ir/expr.ts";
import { column, literal, lookup, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { columnsOfSchema } from "../../ir/projection.ts";
import type { Schema } from "../../ir/schema.ts";
import { describeDType } from "../../ir/schema.ts";
import type { DslExpr, DslObject, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { exactText } from "../../polars/dsl-text.ts";
import { dtypeFromDsl, dtypeToDsl } from "../../polars/dtypes.ts";
import { ExprTranslator } from "../expr/translator.ts";
import type { Scope } from "../scope.ts";
import type { NodeContext } from "./node.ts";
import { project } from "./plan-nodes.ts";

/** Names of the columns that a selector chooses, in its order; null with a reason. */
function chosen(scope: Scope, selector: DslValue | undefined): readonly string[] | null {
  if (selector === undefined || selector === null) return null;
  const text: DslExpr = { Selector: selector };
  return scope.outputs(text)?.map((f) => f.name) ?? scope.unsupported("polars does not say which columns are chosen");
}

/** The element dtype of a list; null for other dtypes. */
function elementOf(dtype: DType): DType | null {
  const [name, inner] = tagOf(dtypeToDsl(dtype)) ?? ["", null];
  return name === "List" && (typeof inner === "string" || isObject(inner)) ? dtypeFromDsl(inner) : null;
}

/** The plan with all columns of `lists` exploded. */
export function exploded(scope: Scope, input: Plan, lists: Schema, options: DslValue | undefined): Plan | null {
  const elements = new Map(lists.map((f) => [f.name, elementOf(f.dtype)]));
  const odd = lists.find((f) => elements.get(f.name) === null);
  if (odd !== undefined || lists.length === 0)
    return scope.unsupported(`explode of ${odd === undefined ? "nothing" : describeDType(odd.dtype)}`);
  const { empty_as_null, keep_nulls } = isObject(options) ? options : {};
  return {
    kind: "explode",
    input,
    columns: lists.map((f) => f.name),
    emptyAsNull: empty_as_null === true,
    keepNulls: keep_nulls === true,
    schema: input.schema.map((f) => ({ name: f.name, dtype: elements.get(f.name) ?? f.dtype })),
  };
}

export function explode(context: NodeContext, scope: Scope, input: Plan, payload: DslObject): Plan | null {
  const names = chosen(scope, payload.columns);
  if (names === null) return null;
  if (names.length === 0) return payload.allow_empty === true ? input : context.unsupported("explode of nothing");
  return exploded(
    scope,
    input,
    input.schema.filter((f) => names.includes(f.name)),
    payload.options,
  );
}

/** A piece for each column, one after the other: the index columns, the column's name, its values. */
export function unpivot(context: NodeContext, scope: Scope, input: Plan, args: DslValue | undefined): Plan | null {
  if (!isObject(args)) return context.unsupported("unpivot without arguments");
  const index = chosen(scope, args.index);
  const on = args.on === null ? input.schema.map((f) => f.name).filter((n) => index?.includes(n) !== true) : chosen(scope, args.on);
  const [value, variable] = context.schema.toReversed();
  if (index === null || on === null || value === undefined || variable === undefined) return null;
  if (on.length === 0) return context.unsupported("unpivot of no columns");
  const translator = new ExprTranslator(scope);
  const pieces = on.map((name) => {
    const [own, ...kept] = [name, ...index].map((n) => input.schema.find((f) => f.name === n));
    const fields = kept.filter((f) => f !== undefined);
    if (own === undefined || fields.length !== kept.length) return context.unsupported("unpivot of columns that are not there");
    const cast = translator.cast(column(own.name, own.dtype), value.dtype);
    if (cast === null) return null;
    return project(
      input,
      [...columnsOfSchema(fields), named(variable.name, literal(name, variable.dtype)), named(value.name, cast)],
      context.schema,
    );
  });
  const known = pieces.filter((p) => p !== null);
  return known.length === pieces.length ? { kind: "union", inputs: known, schema: context.schema } : null;
}

/** Each field of a struct is an answer of its dictionary. */
export function unnest(context: NodeContext, scope: Scope, input: Plan, payload: DslObject): Plan | null {
  const names = chosen(scope, payload.columns);
  if (names === null) return null;
  const exprs = input.schema.flatMap((field): readonly NamedExpr[] => {
    const own = column(field.name, field.dtype);
    if (!names.includes(field.name)) return [named(field.name, own)];
    const [kind, fields] = tagOf(dtypeToDsl(field.dtype)) ?? ["", null];
    if (kind !== "Struct" || !isList(fields)) {
      context.unsupported(`unnest of ${describeDType(field.dtype)}`);
      return [];
    }
    return fields.flatMap((f) => {
      if (!isObject(f) || typeof f.name !== "string" || !(typeof f.dtype === "string" || isObject(f.dtype))) return [];
      const name = typeof payload.separator === "string" ? `${field.name}${payload.separator}${f.name}` : f.name;
      const dsl = exactText({ Function: { input: [{ Column: "value" }], function: { StructExpr: { FieldByName: f.name } } } });
      return [named(name, lookup(dsl, own, dtypeFromDsl(f.dtype)))];
    });
  });
  const fits = exprs.length === context.schema.length && exprs.every((e, i) => e.name === context.schema[i]?.name);
  return fits ? project(input, exprs, context.schema) : context.unsupported("an unnest that is not understood");
}
