/** The expressions that give other rows than they get, as nodes over the columns of their inputs. */

import type { DType } from "../../ir/dtype.ts";
import { isNested } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { aggregate, call, column, literal, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import type { DslExpr, DslObject, DslValue } from "../../polars/dsl.ts";
import { isList, isObject, tagOf } from "../../polars/dsl.ts";
import { exactText } from "../../polars/dsl-text.ts";
import { dtypeToDsl } from "../../polars/dtypes.ts";
import { evaluateConstant } from "../../polars/scalars.ts";
import { isFloat } from "../expr/binary.ts";
import { constantInteger } from "../expr/literals.ts";
import { ExprTranslator } from "../expr/translator.ts";
import { asExpr, columnNames, exprInputs, isConstant } from "../expr/tree.ts";
import type { Scope } from "../scope.ts";
import { LookupSet } from "./lookups.ts";
import { filterNode, numbered, project } from "./plan-nodes.ts";
import { exploded } from "./reshape.ts";
import { aggregateNode, crossed } from "./windows.ts";

/** A plan with the columns of the values and of what is read beside them. */
export interface ChangedInput {
  readonly scope: Scope;
  readonly input: Plan;
  readonly values: readonly string[];
  readonly beside: readonly string[];
  /** A name that no column has. */
  name(): string;
  /** An expression over the rows of the whole input, which may have any rows, as a plan of one column; null with a reason in the scope. */
  apart(expr: DslExpr): Plan | null;
}

export interface Change {
  /** Which change it is, with all its constants. */
  readonly key: string;
  readonly value: DslExpr | null;
  /** Other expressions over the rows of the value. */
  readonly beside: readonly DslExpr[];
  /** The rows that stay do not depend on the value: several values can be changed at once. */
  readonly rides: boolean;
  /** The values' columns, under their names, over the changed rows; null with a reason in the scope. */
  apply(input: ChangedInput): Plan | null;
}

const U32: DType = { kind: "UInt32" };
const BOOLEAN: DType = { kind: "Boolean" };

/** What the expression itself does to rows; null where it keeps them. Constants are no rows. */
export function changeOf(expr: DslExpr): Change | null {
  const [name, payload] = tagOf(expr) ?? ["", null];
  if (!isObject(payload)) return null;
  const made = name === "Function" ? functionChange(payload) : (NODES[name]?.(payload) ?? null);
  return made === null || columnNames(expr).size === 0 ? null : made;
}

const NODES: Readonly<Record<string, (payload: DslObject) => Change>> = {
  Filter: ({ input, by }) => {
    const predicate = asExpr(by);
    return { key: `filter ${exactText(predicate)}`, value: asExpr(input), beside: [predicate], rides: true, apply: filtered };
  },
  Explode: ({ input, options }) => ({
    key: `explode ${exactText(options ?? null)}`,
    value: asExpr(input),
    beside: [],
    rides: false,
    // To polars, exploding what is no list leaves it as it is.
    apply: ({ scope, input: plan }) => (plan.schema.some((f) => isNested(f.dtype)) ? exploded(scope, plan, plan.schema, options) : plan),
  }),
  Slice: ({ input, offset, length }) => ({
    key: `slice ${exactText([offset ?? null, length ?? null])}`,
    value: asExpr(input),
    beside: [],
    rides: true,
    apply: (given) => sliced(given, asExpr(offset), asExpr(length)),
  }),
  Gather: ({ expr, idx, returns_scalar, null_on_oob }) => ({
    key: `gather ${exactText([idx ?? null])}`,
    value: asExpr(expr),
    beside: [],
    rides: true,
    apply: (given) =>
      returns_scalar === true || null_on_oob === true ? given.scope.unsupported("gathering a single value") : gathered(given, asExpr(idx)),
  }),
};

const FUNCTIONS: Readonly<Record<string, (given: ChangedInput, options: DslValue, expr: DslExpr) => Plan | null>> = {
  DropNulls: (given) => where(given, (value) => call("is_not_null", [value], BOOLEAN)),
  DropNans: (given) => where(given, notNan),
  Unique: (given) => distinct(given.input),
  UniqueCounts: (given) => {
    const [grouped, count] = counted(given);
    const [value = ""] = given.values;
    return renamed(grouped, [[value, count]]);
  },
  ArgUnique: (given) => {
    const [value = ""] = given.values;
    const index = given.name();
    return renamed(distinct(numbered(given.input, index), [value]), [[value, index]]);
  },
  ExtendConstant: (given, _, expr) => extended(given, expr),
  Mode: mode,
  ValueCounts: valueCounts,
};

function functionChange(payload: DslObject): Change | null {
  const [name, options] = tagOf(payload.function) ?? ["", null];
  const input = isList(payload.input) ? asExpr(payload.input[0]) : null;
  if (input === null) return null;
  if (name === "GatherEvery")
    return { key: `${name} ${exactText(options)}`, value: input, beside: [], rides: true, apply: (given) => everyNth(given, options) };
  if (name === "Diff" && options === "Drop") return { key: exactText(payload), ...droppedDiff(payload), beside: [], rides: false };
  const apply = FUNCTIONS[name];
  return apply === undefined
    ? null
    : {
        key: `${name} ${exactText([options, ...(isList(payload.input) ? payload.input.slice(1) : [])])}`,
        value: input,
        beside: [],
        rides: false,
        apply: (given) => apply(given, options, { Function: payload }),
      };
}

/** The differences without the first ones, which have nothing before them. */
function droppedDiff(payload: DslObject): Pick<Change, "value" | "apply"> {
  const n = isList(payload.input) ? asExpr(payload.input[1]) : undefined;
  return {
    value: { Function: { ...payload, function: { Diff: "Ignore" } } },
    apply: ({ scope, input }) => {
      const offset = n === undefined ? undefined : constantInteger(scope, n);
      if (typeof offset !== "number" || offset < 0) return scope.unsupported("Diff that drops rows by something else than a whole number");
      const rest: Plan = { kind: "slice", input, offset, length: null, schema: input.schema };
      if (offset === 0) return rest;
      // Polars has an error, or another answer, where there are not so many rows: gathering the last of them fails there.
      const last = repeated(input, offset - 1, 1);
      const none: Plan = { kind: "slice", input: last, offset: 1, length: null, schema: input.schema };
      return { kind: "union", inputs: [rest, none], schema: input.schema };
    },
  };
}

/** The row of that number, several times; an error where there is no such row. */
const repeated = (input: Plan, row: number, times: number): Plan => ({
  kind: "gather",
  input: { kind: "slice", input, offset: row, length: 1, schema: input.schema },
  rows: Array.from({ length: times }, () => 0),
  schema: input.schema,
});

/** A constant behind the rows, cast to their dtype. Without rows polars panics. */
function extended({ scope, input, values }: ChangedInput, expr: DslExpr): Plan | null {
  const [, value, times] = exprInputs(expr);
  const [field] = input.schema.filter((f) => values.includes(f.name));
  if (field === undefined || value === undefined || times === undefined) return null;
  const count = constantInteger(scope, times);
  if (typeof count !== "number" || count < 1 || count > MAX_GATHERED || !isConstant(value))
    return scope.unsupported(`ExtendConstant by something else than a constant up to ${MAX_GATHERED} times`);
  const lookups = new LookupSet();
  const cast: DslExpr = { Cast: { expr: value, dtype: { Literal: dtypeToDsl(field.dtype) }, options: "NonStrict" } };
  const constant = new ExprTranslator(scope, null, lookups).translate(cast);
  if (constant === null) return null;
  const exprs = [named(field.name, constant)];
  const added = project(lookups.extend(repeated(input, 0, count)), exprs);
  return { kind: "union", inputs: [input, added], schema: input.schema };
}

const columnIn = (schema: Schema, name: string): Expr => column(name, schema.find((f) => f.name === name)?.dtype ?? { kind: "Null" });

/** Columns under other names. */
function renamed(input: Plan, names: readonly (readonly [to: string, from: string])[]): Plan {
  const exprs = names.map(([to, from]) => named(to, columnIn(input.schema, from)));
  return project(input, exprs);
}

const only = (input: Plan, names: readonly string[]): Plan =>
  input.schema.length === names.length
    ? input
    : renamed(
        input,
        names.map((n) => [n, n]),
      );

const distinct = (input: Plan, subset: readonly string[] = input.schema.map((f) => f.name)): Plan => ({
  kind: "distinct",
  input,
  subset,
  keep: "first",
  schema: input.schema,
});

function where({ input, values }: ChangedInput, keeps: (value: Expr) => Expr | null): Plan | null {
  const [value = ""] = values;
  const predicate = keeps(columnIn(input.schema, value));
  return predicate === null ? null : filterNode(input, predicate);
}

/** Nulls are no NaNs, nor is what is not a float. */
const notNan = (value: Expr): Expr =>
  isFloat(value.dtype)
    ? call("or", [call("is_not_nan", [value], BOOLEAN), call("is_null", [value], BOOLEAN)], BOOLEAN)
    : literal(true, BOOLEAN);

function filtered({ scope, input, values, beside }: ChangedInput): Plan | null {
  const [by = ""] = beside;
  const predicate = columnIn(input.schema, by);
  if (predicate.dtype.kind !== "Boolean") return scope.unsupported("a filter whose predicate is not boolean");
  return only(filterNode(input, predicate), values);
}

function sliced({ scope, input }: ChangedInput, offsetDsl: DslExpr, lengthDsl: DslExpr): Plan | null {
  const [offset, length] = [constantInteger(scope, offsetDsl), constantInteger(scope, lengthDsl)];
  if (offset === undefined || offset === null || length === undefined || (length !== null && length < 0))
    return scope.unsupported("a slice whose bounds are not constant numbers");
  return { kind: "slice", input, offset, length, schema: input.schema };
}

/** Rows that are listed; more would make the plan large. */
const MAX_GATHERED = 4096;

function gathered({ scope, input, apart }: ChangedInput, idx: DslExpr): Plan | null {
  if (!isConstant(idx)) {
    const by = apart(idx);
    if (by === null) return null;
    if (by.schema[0]?.dtype.kind !== "UInt32") return scope.unsupported("gathering rows whose numbers are no UInt32");
    return { kind: "gather_by", input, by, schema: input.schema };
  }
  const found = evaluateConstant(scope.native, idx, MAX_GATHERED);
  const rows = found?.values.map((v) => (v === null ? null : typeof v === "bigint" && v >= 0n ? Number(v) : -1)) ?? [-1];
  if (rows.includes(-1)) return scope.unsupported(`gathering rows that are not up to ${MAX_GATHERED} constant numbers`);
  return { kind: "gather", input, rows, schema: input.schema };
}

function everyNth(given: ChangedInput, options: DslValue): Plan | null {
  const [n, offset] = isObject(options) ? [Number(options.n), Number(options.offset)] : [0, 0];
  const index = given.name();
  const most = 2 ** 32 - 1;
  if (!(n > 0 && n <= most && offset >= 0 && offset <= most)) return given.scope.unsupported("gathering every row of no step");
  const row = column(index, U32);
  const [step, first] = [literal(BigInt(n), U32), literal(BigInt(offset), U32)];
  const hit = call("eq", [call("mod", [call("sub", [row, first], U32), step], U32), literal(0n, U32)], BOOLEAN);
  const rows = numbered(given.input, index);
  return only(filterNode(rows, call("and", [call("ge", [row, first], BOOLEAN), hit], BOOLEAN)), given.values);
}

/** The distinct values in order of first appearance, and the name of the column of their counts. */
function counted({ input, values, name }: ChangedInput): readonly [grouped: Plan, count: string] {
  const [value = ""] = values;
  const count = name();
  return [aggregateNode(input, [named(value, columnIn(input.schema, value))], [named(count, aggregate("len", null, U32))]), count];
}

/** The values that are most frequent, nulls among them. */
function mode(given: ChangedInput): Plan {
  const [grouped, count] = counted(given);
  const most = given.name();
  const largest = aggregateNode(grouped, [], [named(most, aggregate("max", column(count, U32), U32))]);
  const chosen = filterNode(crossed(grouped, largest), call("eq", [column(count, U32), column(most, U32)], BOOLEAN));
  return only(chosen, given.values);
}

/** Structs of each distinct value and its count, made by polars. */
function valueCounts(given: ChangedInput, options: DslValue, expr: DslExpr): Plan | null {
  const { scope, values, name } = given;
  const { sort, normalize } = isObject(options) ? options : {};
  const dtype = scope.dtype(expr);
  if (dtype === null) return null;
  const [kind, fields] = tagOf(dtypeToDsl(dtype)) ?? ["", null];
  const names = kind === "Struct" && isList(fields) ? fields.map((f) => (isObject(f) ? f.name : undefined)) : [];
  const [value, more] = values;
  const [valueField, countField] = names;
  if (normalize === true || value === undefined || more !== undefined || typeof valueField !== "string" || typeof countField !== "string")
    return scope.unsupported("value counts that are shares");
  const [grouped, count] = counted(given);
  const key = { expr: column(count, U32), descending: true, nullsLast: false };
  const sorted: Plan = sort === true ? { kind: "sort", input: grouped, by: [key], limit: null, schema: grouped.schema } : grouped;
  const struct = {
    Function: {
      input: [{ Alias: [{ Column: value }, valueField] }, { Alias: [{ Column: count }, countField] }],
      function: "AsStruct",
    },
  };
  const made = { name: name(), dsl: exactText(struct), dtype };
  const schema = [...sorted.schema, { name: made.name, dtype }];
  return renamed({ kind: "lookup", input: sorted, args: [value, count], outputs: [made], schema }, [[value, made.name]]);
}
