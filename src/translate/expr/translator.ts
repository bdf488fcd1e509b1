/** Translates DSL expressions into typed IR expressions, one node at a time; what has no GPU form leaves its reason in the scope. */

import { canCast } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr, SortKey } from "../../ir/expr.ts";
import { call, column } from "../../ir/expr.ts";
import { describeDType, sameDType } from "../../ir/schema.ts";
import type { WindowCall, WindowFunctionName } from "../../ir/windows.ts";
import type { DslExpr, DslValue } from "../../polars/dsl.ts";
import { isObject, tagOf } from "../../polars/dsl.ts";
import { dtypeFromDsl } from "../../polars/dtypes.ts";
import type { Scope } from "../scope.ts";
import { translateAggregate } from "./aggregate-functions.ts";
import type { AggregateSet } from "./aggregates.ts";
import { hasOneValue, isAggregate } from "./aggregates.ts";
import { binary } from "./binary.ts";
import { EXPRESSIONS } from "./expressions.ts";
import { translateFunction } from "./functions.ts";
import { constant, toDType } from "./literals.ts";
import { asLookup, type LookupTarget, lifted } from "./lookup.ts";
import { translateOver } from "./over.ts";
import { translateSort, translateSortBy } from "./sorting.ts";
import { allExprs, asExpr, columnName, columnNames, isConstant, unnamed } from "./tree.ts";

/**
 * Groups that polars evaluates aggregates by: none, each row in one of them, or rows in several: `overlapping` as far as the data has it so,
 * `rolling` always.
 */
export type Grouping = "none" | "apart" | "overlapping" | "rolling";

/** Where aggregates and window functions inside an expression go. */
export interface AggregateTarget {
  readonly set: AggregateSet;
  /** False: the expression has one value for each group, everything else must be inside an aggregate. */
  readonly rowsVisible: boolean;
  readonly grouping: Grouping;
  /** What polars computes as a scalar against a column: constants, and where rows are visible also aggregates of the whole frame. */
  readonly scalars: "none" | "constants" | "constants and aggregates";
  /** Where what stands inside of an aggregate goes. */
  readonly below: () => AggregateTarget;
  /** Null: no rows are visible, so that there are no window functions. */
  readonly window: WindowFrame | null;
  /** For the groups of an `over`; null: not here. */
  readonly over: ((keys: readonly Expr[], order: readonly SortKey[]) => AggregateTarget) | null;
}

/** The segments that window functions see here. */
export interface WindowFrame {
  readonly keys: readonly Expr[];
  readonly order: readonly SortKey[];
  /** The column that will hold the values. */
  add(call: WindowCall, order: readonly SortKey[], keys: readonly Expr[]): Expr;
}

export class ExprTranslator {
  readonly scope: Scope;
  readonly target: AggregateTarget | null;
  readonly #lookups: LookupTarget | null;
  readonly #inside: LookupTarget | null;

  /**
   * `lookups`: for elementwise expressions without a kernel, null where they are not wanted; `inside`: for those in the inputs of aggregates.
   */
  constructor(
    scope: Scope,
    target: AggregateTarget | null = null,
    lookups: LookupTarget | null = null,
    inside: LookupTarget | null = lookups,
  ) {
    this.scope = scope;
    this.target = target;
    this.#lookups = lookups;
    this.#inside = inside;
  }

  /** Null where a part has no GPU form; the scope then has the reason. */
  translate(expr: DslExpr): Expr | null {
    const reasons = this.scope.reasons.length;
    const known = this.#lookups?.size ?? 0;
    const made = this.#translate(expr);
    if (made !== null || this.#lookups === null || !this.#mayLookUp(expr)) return made;
    this.#lookups.truncate(known);
    const found = lifted(this.scope, this.#lookups, expr);
    if (found !== null) this.scope.reasons.length = reasons;
    return found;
  }

  /** Where rows are not visible, constants are all that is elementwise. */
  #mayLookUp(expr: DslExpr): boolean {
    if (columnName(expr) !== null || this.#holdsAggregate(expr)) return false;
    return this.target?.rowsVisible !== false || columnNames(expr).size === 0;
  }

  #translate(expr: DslExpr): Expr | null {
    const name = columnName(expr);
    if (name !== null) return this.#column(name);
    const [kind, payload] = tagOf(expr) ?? ["", null];
    if (unnamed(expr) !== expr) return this.translate(unnamed(expr));
    if (isAggregate(expr)) return this.#aggregate(expr);
    if (isConstant(expr)) return constant(this.scope, expr);
    if (!this.#holdsAggregate(expr) && !isNullTest(expr)) {
      const found = this.target?.rowsVisible === false ? undefined : asLookup(this.scope, expr);
      if (found !== undefined) return found;
    }
    return this.#node(expr, kind, payload);
  }

  /** A translator of the same columns whose aggregates and window functions go elsewhere. */
  within(target: AggregateTarget, lookups: LookupTarget | null = this.#lookups): ExprTranslator {
    return new ExprTranslator(this.scope, target, lookups);
  }

  /** Whether the operand is a scalar to polars, whose float kernels treat scalars in their own way. */
  isScalar(expr: DslExpr): boolean {
    const scalars = this.target?.scalars ?? "constants";
    if (scalars === "none") return false;
    if (isConstant(expr)) return true;
    return scalars === "constants and aggregates" && hasOneValue(expr);
  }

  /** Whether polars holds the operand as one value instead of a column. */
  isOneValue(expr: DslExpr): boolean {
    return this.target?.scalars === "none" || this.isScalar(expr);
  }

  /** Aggregates of constants, like the list that SQL makes for IN, are constants. */
  #holdsAggregate(expr: DslExpr): boolean {
    for (const e of allExprs(expr)) if (isAggregate(e) && (tagOf(e)?.[0] === "Len" || columnNames(e).size > 0)) return true;
    return false;
  }

  #column(name: string): Expr | null {
    if (this.target?.rowsVisible === false)
      return this.scope.unsupported(`column ${JSON.stringify(name)} outside of an aggregate gives a list`);
    const field = this.scope.column(name);
    return field === undefined ? this.scope.unsupported(`column ${JSON.stringify(name)} is not there`) : column(name, field.dtype);
  }

  #aggregate(expr: DslExpr): Expr | null {
    if (this.target === null) return this.scope.unsupported("an aggregate where only rows are seen");
    return translateAggregate(this, this.within(this.target.below(), this.#inside), this.target.set, expr);
  }

  /** The column of a window function in the segments seen here, divided further by `keys` and ordered by `order` first. */
  window(
    fn: WindowFunctionName,
    args: readonly Expr[],
    dtype: DType,
    options: readonly number[] = [],
    by: { readonly keys?: readonly Expr[]; readonly order?: readonly SortKey[] } = {},
  ): Expr | null {
    const frame = this.target?.window ?? null;
    if (frame === null) return this.scope.unsupported("a function of the whole column, where only groups or single rows are seen");
    const order = [...(by.order ?? []), ...frame.order];
    return frame.add({ fn, args, options, dtype }, order, [...frame.keys, ...(by.keys ?? [])]);
  }

  #node(expr: DslExpr, kind: string, payload: DslValue): Expr | null {
    const { scope } = this;
    if (kind === "Over" && isObject(payload)) return translateOver(this, payload);
    if (kind === "BinaryExpr" && isObject(payload))
      return binary(this, expr, String(payload.op), asExpr(payload.left), asExpr(payload.right));
    if (kind === "Cast" && isObject(payload)) return this.#explicitCast(payload);
    if (kind === "Ternary" && isObject(payload)) return this.#ternary(expr, payload);
    if (kind === "Function" && isObject(payload)) return translateFunction(this, expr, payload);
    if (kind === "Sort" && isObject(payload)) return translateSort(this, payload);
    if (kind === "SortBy" && isObject(payload)) return translateSortBy(this, payload);
    return scope.unsupported(EXPRESSIONS[kind] ?? `expression ${kind}`);
  }

  #explicitCast(payload: Readonly<Record<string, DslValue>>): Expr | null {
    const [how, target] = tagOf(payload.dtype) ?? ["", null];
    const value = this.translate(asExpr(payload.expr));
    if (value === null) return null;
    if (how !== "Literal" || (typeof target !== "string" && !isObject(target))) return this.scope.unsupported("a cast to a computed dtype");
    const dtype = dtypeFromDsl(target);
    if (payload.options !== "NonStrict" && !sameDType(value.dtype, dtype) && !neverFails(value.dtype, dtype))
      return this.scope.unsupported(`a strict cast from ${describeDType(value.dtype)} to ${describeDType(dtype)}`);
    return this.cast(value, dtype);
  }

  #ternary(expr: DslExpr, payload: Readonly<Record<string, DslValue>>): Expr | null {
    const [predicate, truthy, falsy] = [payload.predicate, payload.truthy, payload.falsy].map((e) => this.translate(asExpr(e)));
    const dtype = this.scope.dtype(expr);
    if (!predicate || !truthy || !falsy || dtype === null) return null;
    const [p, a, b] = [this.cast(predicate, { kind: "Boolean" }), this.cast(truthy, dtype), this.cast(falsy, dtype)];
    return p === null || a === null || b === null ? null : call("ternary", [p, a, b], dtype);
  }

  /** The expression as `dtype`; null with a reason where the device has no such cast. */
  cast(expr: Expr, dtype: DType): Expr | null {
    if ((expr.kind === "literal" && expr.value === null) || expr.dtype.kind === "Null") return toDType(expr, dtype);
    if (!canCast(expr.dtype, dtype)) return this.scope.unsupported(`cast from ${describeDType(expr.dtype)} to ${describeDType(dtype)}`);
    return toDType(expr, dtype);
  }
}

/** Nulls are known on the device without asking the dictionary. */
const isNullTest = (expr: DslExpr): boolean => {
  const [name, payload] = tagOf(expr) ?? ["", null];
  const fn = name === "Function" && isObject(payload) ? tagOf(payload.function) : undefined;
  return fn?.[0] === "Boolean" && (fn[1] === "IsNull" || fn[1] === "IsNotNull");
};

const WIDENING: Readonly<Record<string, readonly string[]>> = {
  Boolean: ["Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float32", "Float64"],
  Int8: ["Int16", "Int32", "Int64", "Float32", "Float64"],
  Int16: ["Int32", "Int64", "Float32", "Float64"],
  Int32: ["Int64", "Float32", "Float64"],
  Int64: ["Float32", "Float64"],
  UInt8: ["Int16", "Int32", "Int64", "UInt16", "UInt32", "UInt64", "Float32", "Float64"],
  UInt16: ["Int32", "Int64", "UInt32", "UInt64", "Float32", "Float64"],
  UInt32: ["Int64", "UInt64", "Float32", "Float64"],
  UInt64: ["Float32", "Float64"],
  Float32: ["Float64"],
  Float64: ["Float32"],
};
const neverFails = (from: DType, to: DType): boolean => WIDENING[from.kind]?.includes(to.kind) ?? false;
