/** Translates DSL expressions into typed IR expressions, one node at a time; what has no GPU form leaves its reason in the scope. */

import { canCast } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, column } from "../../ir/expr.ts";
import { describeDType, sameDType } from "../../ir/schema.ts";
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
import { allExprs, asExpr, columnName, columnNames } from "./tree.ts";

/** Where aggregates inside an expression go. `over` gives the set for the groups of a window, or null. */
export interface AggregateTarget {
  /** Aggregates inside their inputs go to its inner set. */
  readonly whole: AggregateSet;
  /** The rows that the target's aggregates see one value for each of: everything else must be inside an aggregate. */
  readonly rowsVisible: boolean;
  /** What polars computes as a scalar against a column: constants, and where rows are visible also aggregates of the whole frame. */
  readonly scalars: "none" | "constants" | "constants and aggregates";
  over(keys: readonly Expr[]): AggregateSet | null;
}

export class ExprTranslator {
  readonly scope: Scope;
  readonly #target: AggregateTarget | null;
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
    this.#target = target;
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
    return this.#target?.rowsVisible !== false || columnNames(expr).size === 0;
  }

  #translate(expr: DslExpr): Expr | null {
    const name = columnName(expr);
    if (name !== null) return this.#column(name);
    const [kind, payload] = tagOf(expr) ?? ["", null];
    if (kind === "Alias" || kind === "KeepName" || kind === "RenameAlias") return this.#unnamed(kind, payload);
    if (isAggregate(expr)) return this.#aggregate(expr);
    if (columnNames(expr).size === 0 && !this.#holdsAggregate(expr)) return constant(this.scope, expr);
    if (!this.#holdsAggregate(expr) && !isNullTest(expr)) {
      const found = this.#target?.rowsVisible === false ? undefined : asLookup(this.scope, expr);
      if (found !== undefined) return found;
    }
    return this.#node(expr, kind, payload);
  }

  /** Whether the operand is a scalar to polars, whose float kernels treat scalars in their own way. */
  isScalar(expr: DslExpr): boolean {
    const scalars = this.#target?.scalars ?? "constants";
    if (scalars === "none") return false;
    if (columnNames(expr).size === 0 && !this.#holdsAggregate(expr)) return true;
    return scalars === "constants and aggregates" && hasOneValue(expr);
  }

  /** Aggregates of constants, like the list that SQL makes for IN, are constants. */
  #holdsAggregate(expr: DslExpr): boolean {
    for (const e of allExprs(expr)) if (isAggregate(e) && (tagOf(e)?.[0] === "Len" || columnNames(e).size > 0)) return true;
    return false;
  }

  #column(name: string): Expr | null {
    if (this.#target?.rowsVisible === false)
      return this.scope.unsupported(`column ${JSON.stringify(name)} outside of an aggregate gives a list`);
    const field = this.scope.column(name);
    return field === undefined ? this.scope.unsupported(`column ${JSON.stringify(name)} is not there`) : column(name, field.dtype);
  }

  #aggregate(expr: DslExpr): Expr | null {
    if (this.#target === null) return this.scope.unsupported("an aggregate inside of an aggregate or where only rows are seen");
    const { whole } = this.#target;
    const inner: AggregateTarget = { whole: whole.inner, rowsVisible: true, scalars: "constants and aggregates", over: () => null };
    return translateAggregate(this, new ExprTranslator(this.scope, inner, this.#inside), whole, expr);
  }

  #node(expr: DslExpr, kind: string, payload: DslValue): Expr | null {
    const { scope } = this;
    if (kind === "Over" && isObject(payload)) return this.#over(payload);
    if (kind === "BinaryExpr" && isObject(payload))
      return binary(this, expr, String(payload.op), asExpr(payload.left), asExpr(payload.right));
    if (kind === "Cast" && isObject(payload)) return this.#explicitCast(payload);
    if (kind === "Ternary" && isObject(payload)) return this.#ternary(expr, payload);
    if (kind === "Function" && isObject(payload)) return translateFunction(this, expr, payload);
    return scope.unsupported(EXPRESSIONS[kind] ?? `expression ${kind}`);
  }

  /** Names are given by the node that holds the expression. */
  #unnamed(kind: string, payload: DslValue): Expr | null {
    if (kind === "Alias" && Array.isArray(payload)) return this.translate(asExpr(payload[0]));
    return this.translate(asExpr(isObject(payload) && "expr" in payload ? payload.expr : payload));
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

  #over(payload: Readonly<Record<string, DslValue>>): Expr | null {
    const { scope } = this;
    const target = this.#target;
    if (target === null || !target.rowsVisible) return scope.unsupported("a window function inside of an aggregate");
    if (payload.order_by !== null && payload.order_by !== undefined) return scope.unsupported("a window function with an order");
    if (payload.mapping !== "GroupsToRows") return scope.unsupported(`a window function with mapping ${String(payload.mapping)}`);
    const rows = new ExprTranslator(scope, null, this.#lookups);
    const keys = (Array.isArray(payload.partition_by) ? payload.partition_by : []).map((k) => rows.translate(asExpr(k)));
    const known = keys.filter((k) => k !== null);
    if (known.length !== keys.length) return null;
    const set = target.over(known);
    if (set === null) return scope.unsupported("a window function here");
    const inner = asExpr(payload.function);
    if (!this.#holdsAggregate(inner)) return scope.unsupported("a window function that is not an aggregate");
    const groups: AggregateTarget = { whole: set, rowsVisible: true, scalars: "constants", over: () => null };
    return new ExprTranslator(scope, groups, this.#lookups).translate(inner);
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
