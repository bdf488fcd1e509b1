/** What an expression is translated in: the columns it can see, polars' answers about dtypes, and the reasons collected on the way. */

import type { DType } from "../ir/dtype.ts";
import type { Field, Schema } from "../ir/schema.ts";
import type { DslExpr } from "../polars/dsl.ts";
import { dtypeFromDsl, dtypeToDsl } from "../polars/dtypes.ts";
import type { NativePolars } from "../polars/native.ts";
import type { ExprContext, SchemaOracle } from "../polars/oracle.ts";
import { isOracleError } from "../polars/oracle.ts";
import type { ZeroFrame } from "../polars/zero-frame.ts";

export const schemaOf = (zero: ZeroFrame): Schema => zero.fields.map(([name, dtype]) => ({ name, dtype: dtypeFromDsl(dtype) }));

/** A scope over columns that another scope's expressions made; null where polars makes no such frame. */
export function scopeOver({ native, oracle }: Scope, schema: Schema): Scope | null {
  const zero = oracle.ofFields(schema.map((f) => [f.name, dtypeToDsl(f.dtype)]));
  return isOracleError(zero) ? null : new Scope(native, oracle, zero);
}

export class Scope {
  readonly native: NativePolars;
  readonly oracle: SchemaOracle;
  readonly zero: ZeroFrame;
  readonly schema: Schema;
  /** Why parts of the node have no GPU form; empty: everything has. */
  readonly reasons: string[] = [];
  readonly #byName: ReadonlyMap<string, Field>;

  constructor(native: NativePolars, oracle: SchemaOracle, zero: ZeroFrame) {
    this.native = native;
    this.oracle = oracle;
    this.zero = zero;
    this.schema = schemaOf(zero);
    this.#byName = new Map(this.schema.map((f) => [f.name, f]));
  }

  column(name: string): Field | undefined {
    return this.#byName.get(name);
  }

  /** Notes a reason; the null stands for the expression that could not be made. */
  unsupported(reason: string): null {
    if (!this.reasons.includes(reason)) this.reasons.push(reason);
    return null;
  }

  /** Output columns of the expression as polars decides; undefined where it gives no answer. */
  outputs(expr: DslExpr, context: ExprContext = "select"): readonly Field[] | undefined {
    const [answer] = this.oracle.expressions(this.zero, [expr], context);
    if (answer === undefined || isOracleError(answer)) return undefined;
    return answer.map((c) => ({ name: c.name, dtype: dtypeFromDsl(c.dtype) }));
  }

  /** Asks about many expressions at once, so that later questions are answered from memory. */
  warm(exprs: readonly DslExpr[]): void {
    this.oracle.expressions(this.zero, exprs);
  }

  /** The dtype of an expression with one output; notes a reason where there is none. */
  dtype(expr: DslExpr): DType | null {
    const [first, ...more] = this.outputs(expr) ?? [];
    if (first === undefined || more.length > 0) return this.unsupported("polars gives no single dtype for an expression");
    return first.dtype;
  }

  /** The dtype that both operands of a comparison are brought to. */
  common(left: DslExpr, right: DslExpr): DType | null {
    const yes: DslExpr = { Literal: { Scalar: { Boolean: true } } };
    return this.dtype({ Ternary: { predicate: yes, truthy: left, falsy: right } });
  }

  supertype(a: DType, b: DType): DType | null {
    const answer = this.oracle.supertype(dtypeToDsl(a), dtypeToDsl(b));
    return answer === undefined ? null : dtypeFromDsl(answer);
  }
}
