/** What the tables of one plan are written with: the FlatBuffer, the lists that tables refer to, and conversions of single values. */

import { Builder, type Offset } from "flatbuffers";
import { InternalError, InvalidPlanError } from "../../errors.ts";
import type { DType } from "../dtype.ts";
import type { Expr, NamedExpr, SortKey } from "../expr.ts";
import type { Plan } from "../plan.ts";
import type { Schema } from "../schema.ts";
import * as wire from "./generated/index.ts";

/** Offset of an absent table, string or vector. */
export const ABSENT: Offset = 0;

/** Things that are already written -> their positions, with their tables in that order. */
class Table<K> {
  readonly #positions = new Map<K, number>();
  readonly offsets: Offset[] = [];

  has(key: K): boolean {
    return this.#positions.has(key);
  }

  position(key: K): number | undefined {
    return this.#positions.get(key);
  }

  add(key: K, offset: Offset): number {
    const position = this.offsets.length;
    this.#positions.set(key, position);
    this.offsets.push(offset);
    return position;
  }
}

export class PlanWriter {
  readonly builder = new Builder(1024);
  readonly exprs = new Table<Expr>();
  readonly nodes = new Table<Plan>();
  readonly #dtypes = new Table<string>();

  /** @throws InvalidPlanError for a lone surrogate, which UTF-8 cannot say. */
  text(value: string): Offset {
    if (!value.isWellFormed()) throw new InvalidPlanError(`the string ${JSON.stringify(value)} has half of a surrogate pair`);
    return this.builder.createString(value);
  }

  optionalText(value: string | null): Offset {
    return value === null ? ABSENT : this.text(value);
  }

  /** @throws InternalError unless it is an exact integer. */
  integer(value: number): bigint {
    if (!Number.isSafeInteger(value)) throw new InternalError(`a plan has ${value} where an integer belongs`);
    return BigInt(value);
  }

  optionalInteger(value: number | null): bigint | null {
    return value === null ? null : this.integer(value);
  }

  /** The position of the dtype; equal dtypes are written once. */
  dtype(dtype: DType): number {
    const unit = "unit" in dtype ? dtype.unit : null;
    const zone = "zone" in dtype ? dtype.zone : null;
    const dsl = "dsl" in dtype ? dtype.dsl : null;
    const key = JSON.stringify([dtype.kind, unit, zone, dsl]);
    return this.#dtypes.position(key) ?? this.#dtypes.add(key, this.#dtypeTable(dtype.kind, unit ?? "ms", zone, dsl));
  }

  #dtypeTable(kind: DType["kind"], unit: keyof typeof wire.TimeUnit, zone: string | null, dsl: string | null): Offset {
    const [zoneOffset, dslOffset] = [this.optionalText(zone), this.optionalText(dsl)];
    return wire.DType.createDType(this.builder, wire.DTypeKind[kind], wire.TimeUnit[unit], zoneOffset, dslOffset);
  }

  /** A vector of fields, for one of the `create...Vector` functions. */
  fields(schema: Schema): Offset[] {
    return schema.map(({ name, dtype }) => wire.Field.createField(this.builder, this.text(name), this.dtype(dtype)));
  }

  /** The position of an expression that is written. */
  expr(expr: Expr): number {
    return this.exprs.position(expr) ?? missing("an expression");
  }

  /** The position of a node that is written. */
  node(node: Plan): number {
    return this.nodes.position(node) ?? missing("a node");
  }

  exprList(exprs: readonly Expr[]): number[] {
    return exprs.map((expr) => this.expr(expr));
  }

  texts(texts: readonly string[]): Offset[] {
    return texts.map((text) => this.text(text));
  }

  sortKeys(keys: readonly SortKey[]): Offset[] {
    return keys.map((key) => wire.SortKey.createSortKey(this.builder, this.expr(key.expr), key.descending, key.nullsLast));
  }

  named(exprs: readonly NamedExpr[]): Offset[] {
    return exprs.map(({ name, expr }) => wire.NamedExpr.createNamedExpr(this.builder, this.text(name), this.expr(expr)));
  }

  /** The finished FlatBuffer. */
  finish(version: number): Uint8Array {
    const dtypes = wire.Plan.createDtypesVector(this.builder, this.#dtypes.offsets);
    const exprs = wire.Plan.createExprsVector(this.builder, this.exprs.offsets);
    const nodes = wire.Plan.createNodesVector(this.builder, this.nodes.offsets);
    wire.Plan.finishPlanBuffer(this.builder, wire.Plan.createPlan(this.builder, version, dtypes, exprs, nodes));
    return this.builder.asUint8Array();
  }
}

function missing(what: string): never {
  throw new InternalError(`${what} of a plan is written before what it refers to`);
}
