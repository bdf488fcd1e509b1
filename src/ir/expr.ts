/** Typed expressions: frozen data; every node says its dtype. */

import type { DType } from "./dtype.ts";
import type { AggregateName, FunctionName } from "./functions.ts";
import { describeDType } from "./schema.ts";

/** Values of literals: integers of every width are bigint, temporal literals are their physical integer. */
export type LiteralValue = null | boolean | number | bigint | string;

export interface ColumnExpr {
  readonly kind: "column";
  readonly name: string;
  readonly dtype: DType;
}
export interface LiteralExpr {
  readonly kind: "literal";
  readonly value: LiteralValue;
  readonly dtype: DType;
}
export interface CallExpr {
  readonly kind: "call";
  readonly fn: FunctionName;
  readonly args: readonly Expr[];
  readonly dtype: DType;
  /** Further constants of the function: round's decimals, say. */
  readonly options: readonly number[];
}
/**
 * An elementwise expression over one `code` column, evaluated by CPU polars on the distinct values of the column and looked up by code on
 * the device. `dsl` is polars' JSON, in which the column is called `LOOKUP_COLUMN`.
 */
export interface LookupExpr {
  readonly kind: "lookup";
  readonly dsl: string;
  readonly arg: Expr;
  readonly dtype: DType;
}
/** A key that rows are ordered by; `nullsLast` says where nulls go whatever `descending` is. */
export interface SortKey {
  readonly expr: Expr;
  readonly descending: boolean;
  readonly nullsLast: boolean;
}
/** Only in the aggregates of an Aggregate node. */
export interface AggregateExpr {
  readonly kind: "aggregate";
  readonly fn: AggregateName;
  readonly arg: Expr | null;
  readonly ddof: number;
  /** Only rows for which this is true take part; null: all. Of `FILTERED` and `ORDERED` functions only. */
  readonly where: Expr | null;
  /** The order in which the rows of a group are seen; equal rows, and all without keys, in row order. Of `ORDERED` functions only. */
  readonly by: readonly SortKey[];
  /** Further constants of the function. */
  readonly options: readonly number[];
  readonly dtype: DType;
}

export type Expr = ColumnExpr | LiteralExpr | CallExpr | LookupExpr | AggregateExpr;
export interface NamedExpr {
  readonly name: string;
  readonly expr: Expr;
}

export const LOOKUP_COLUMN = "value";

export const column = (name: string, dtype: DType): ColumnExpr => ({ kind: "column", name, dtype });
export const literal = (value: LiteralValue, dtype: DType): LiteralExpr => ({ kind: "literal", value, dtype });
export const call = (fn: FunctionName, args: readonly Expr[], dtype: DType, options: readonly number[] = []): CallExpr => ({
  kind: "call",
  fn,
  args,
  dtype,
  options,
});
export const lookup = (dsl: string, arg: Expr, dtype: DType): LookupExpr => ({ kind: "lookup", dsl, arg, dtype });
export const aggregate = (
  fn: AggregateName,
  arg: Expr | null,
  dtype: DType,
  more: Partial<Pick<AggregateExpr, "ddof" | "where" | "by" | "options">> = {},
): AggregateExpr => ({ kind: "aggregate", fn, arg, ddof: 1, where: null, by: [], options: [], ...more, dtype });
export const named = (name: string, expr: Expr): NamedExpr => ({ name, expr });

export const exprChildren = (expr: Expr): readonly Expr[] => {
  switch (expr.kind) {
    case "call":
      return expr.args;
    case "lookup":
      return [expr.arg];
    case "aggregate":
      return [...(expr.arg === null ? [] : [expr.arg]), ...(expr.where === null ? [] : [expr.where]), ...expr.by.map((k) => k.expr)];
    default:
      return [];
  }
};

export const withExprChildren = (expr: Expr, children: readonly Expr[]): Expr => {
  const first = children[0];
  switch (expr.kind) {
    case "call":
      return { ...expr, args: children };
    case "lookup":
      return first === undefined ? expr : { ...expr, arg: first };
    case "aggregate": {
      const rest = [...children];
      const arg = expr.arg === null ? null : (rest.shift() ?? expr.arg);
      const where = expr.where === null ? null : (rest.shift() ?? expr.where);
      return { ...expr, arg, where, by: expr.by.map((key, i) => ({ ...key, expr: rest[i] ?? key.expr })) };
    }
    default:
      return expr;
  }
};

/** Rebuilds bottom-up; `f` sees nodes whose children are already rebuilt. Unchanged nodes keep their identity. */
export function mapExpr(expr: Expr, f: (expr: Expr) => Expr): Expr {
  const children = exprChildren(expr);
  const mapped = children.map((child) => mapExpr(child, f));
  return f(mapped.every((m, i) => m === children[i]) ? expr : withExprChildren(expr, mapped));
}

/** Visits a node before its children. */
export function visitExpr(expr: Expr, f: (expr: Expr) => void): void {
  f(expr);
  for (const child of exprChildren(expr)) visitExpr(child, f);
}

/** Names of the columns that the expression reads, in order of first use. */
export function columnsOf(exprs: Iterable<Expr>): Set<string> {
  const names = new Set<string>();
  for (const expr of exprs) {
    visitExpr(expr, (e) => {
      if (e.kind === "column") names.add(e.name);
    });
  }
  return names;
}

/** Replaces columns by the expressions that compute them; names not in the map stay. */
export const substitute = (expr: Expr, by: ReadonlyMap<string, Expr>): Expr =>
  mapExpr(expr, (e) => (e.kind === "column" ? (by.get(e.name) ?? e) : e));

const describeLiteral = (value: LiteralValue): string =>
  typeof value === "string" ? JSON.stringify(value) : Object.is(value, -0) ? "-0" : String(value);

const INFIX: Partial<Record<FunctionName, string>> = {
  add: "+",
  sub: "-",
  mul: "*",
  div: "/",
  floor_div: "//",
  mod: "%",
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  and: "&",
  or: "|",
  xor: "^",
};

/** Expressions of a plan that runs again are described again. */
const described = new WeakMap<Expr, string>();

/** Text for explain and for structural keys: two expressions with the same text are the same expression. */
export function describeExpr(expr: Expr): string {
  const known = described.get(expr);
  if (known !== undefined) return known;
  const text = exprText(expr);
  described.set(expr, text);
  return text;
}

function exprText(expr: Expr): string {
  switch (expr.kind) {
    case "column":
      return `col(${JSON.stringify(expr.name)})`;
    case "literal":
      return `${describeLiteral(expr.value)}:${describeDType(expr.dtype)}`;
    case "lookup":
      return `lookup(${describeExpr(expr.arg)}, ${expr.dsl}):${describeDType(expr.dtype)}`;
    case "aggregate":
      return `${expr.fn}(${describeRows(expr)})`;
    case "call": {
      const args = expr.args.map(describeExpr);
      const infix = INFIX[expr.fn];
      if (infix !== undefined && args.length === 2) return `(${args[0]} ${infix} ${args[1]})`;
      if (expr.fn === "cast") return `${args[0]}.cast(${describeDType(expr.dtype)})`;
      return `${expr.fn}(${[...args, ...expr.options].join(", ")})`;
    }
  }
}

const describeRows = ({ fn, arg, ddof, where, by, options }: AggregateExpr): string =>
  [
    ...(arg === null ? [] : [describeExpr(arg)]),
    ...options.map(String),
    ...(fn === "var" || fn === "std" ? [`ddof=${ddof}`] : []),
    ...(where === null ? [] : [`where=${describeExpr(where)}`]),
    ...(by.length === 0 ? [] : [`by=[${by.map(describeKey).join(", ")}]`]),
  ].join(", ");

/** A sort key as text. */
export const describeKey = ({ expr, descending, nullsLast }: SortKey): string =>
  `${describeExpr(expr)}${descending ? " DESC" : ""}${nullsLast ? " NULLS LAST" : ""}`;
