/** Expressions as tables: how each kind is written and read. */

import type { Offset } from "flatbuffers";
import { InternalError } from "../../errors.ts";
import type { DType } from "../dtype.ts";
import type { AggregateExpr, CallExpr, ColumnExpr, Expr, LiteralExpr, LiteralValue, LookupExpr } from "../expr.ts";
import { AGGREGATES, type AggregateName, FUNCTIONS, type FunctionName } from "../functions.ts";
import { corrupt } from "./checked-buffer.ts";
import * as wire from "./generated/index.ts";
import type { PlanReader } from "./reader.ts";
import { ABSENT, type PlanWriter } from "./writer.ts";

type ExprByKind = { readonly [K in Expr["kind"]]: Extract<Expr, { readonly kind: K }> };

interface ExprCodec<E extends Expr> {
  readonly type: wire.ExprNode;
  readonly write: (writer: PlanWriter, expr: E) => Offset;
  readonly read: (reader: PlanReader, holder: wire.Expr, dtype: DType) => Expr;
}

const codec = <E extends Expr, T>(
  type: wire.ExprNode,
  Empty: new () => T,
  write: (writer: PlanWriter, expr: E) => Offset,
  read: (reader: PlanReader, table: T, dtype: DType) => E,
): ExprCodec<E> => ({
  type,
  write,
  read: (reader, holder, dtype) => {
    const table: T | null = holder.node(new Empty());
    return read(reader, reader.present(table, "an expression"), dtype);
  },
});

const CODECS: { readonly [K in Expr["kind"]]: ExprCodec<ExprByKind[K]> } = {
  column: codec<ColumnExpr, wire.ColumnExpr>(
    wire.ExprNode.ColumnExpr,
    wire.ColumnExpr,
    (w, expr) => wire.ColumnExpr.createColumnExpr(w.builder, w.text(expr.name)),
    (r, table, dtype) => ({ kind: "column", name: r.text(table.name()), dtype }),
  ),
  literal: codec<LiteralExpr, wire.LiteralExpr>(
    wire.ExprNode.LiteralExpr,
    wire.LiteralExpr,
    (w, expr) => {
      const { type, offset } = writeValue(w, expr.value);
      return wire.LiteralExpr.createLiteralExpr(w.builder, type, offset);
    },
    (r, table, dtype) => ({ kind: "literal", value: readValue(r, table), dtype }),
  ),
  call: codec<CallExpr, wire.CallExpr>(
    wire.ExprNode.CallExpr,
    wire.CallExpr,
    (w, expr) => {
      const fn = w.text(expr.fn);
      const args = wire.CallExpr.createArgsVector(w.builder, w.exprList(expr.args));
      const options = wire.CallExpr.createOptionsVector(w.builder, [...expr.options]);
      return wire.CallExpr.createCallExpr(w.builder, fn, args, options);
    },
    (r, table, dtype) => ({
      kind: "call",
      fn: functionName(r.text(table.fn())),
      args: r.list(table.argsLength(), (i) => r.expr(table.args(i))),
      dtype,
      options: r.list(table.optionsLength(), (i) => r.present(table.options(i), "an option")),
    }),
  ),
  lookup: codec<LookupExpr, wire.LookupExpr>(
    wire.ExprNode.LookupExpr,
    wire.LookupExpr,
    (w, expr) => wire.LookupExpr.createLookupExpr(w.builder, w.text(expr.dsl), w.expr(expr.arg)),
    (r, table, dtype) => ({ kind: "lookup", dsl: r.text(table.dsl()), arg: r.expr(table.arg()), dtype }),
  ),
  aggregate: codec<AggregateExpr, wire.AggregateExpr>(
    wire.ExprNode.AggregateExpr,
    wire.AggregateExpr,
    (w, expr) => {
      const [arg, where] = [expr.arg, expr.where].map((e) => (e === null ? null : w.expr(e)));
      const fn = w.text(expr.fn);
      const by = wire.AggregateExpr.createByVector(w.builder, w.sortKeys(expr.by));
      const options = wire.AggregateExpr.createOptionsVector(w.builder, [...expr.options]);
      return wire.AggregateExpr.createAggregateExpr(w.builder, fn, arg ?? null, w.integer(expr.ddof), where ?? null, by, options);
    },
    (r, table, dtype) => {
      const [arg, where] = [table.arg(), table.where()].map((e) => (e === null ? null : r.expr(e)));
      return {
        kind: "aggregate",
        fn: aggregateName(r.text(table.fn())),
        arg: arg ?? null,
        ddof: r.integer(table.ddof()),
        where: where ?? null,
        by: r.list(table.byLength(), (i) => r.sortKey(table.by(i))),
        options: r.list(table.optionsLength(), (i) => r.present(table.options(i), "an option")),
        dtype,
      };
    },
  ),
};

const isFunction = (name: string): name is FunctionName => Object.hasOwn(FUNCTIONS, name);
const functionName = (name: string): FunctionName => (isFunction(name) ? name : corrupt(`there is no function '${name}'`));
const aggregateName = (name: string): AggregateName =>
  AGGREGATES.find((known) => known === name) ?? corrupt(`there is no aggregate '${name}'`);

const LOW_BITS = 64;

function writeValue(w: PlanWriter, value: LiteralValue): { readonly type: wire.LiteralValue; readonly offset: Offset } {
  switch (typeof value) {
    case "boolean":
      return { type: wire.LiteralValue.BooleanValue, offset: wire.BooleanValue.createBooleanValue(w.builder, value) };
    case "number":
      return { type: wire.LiteralValue.NumberValue, offset: wire.NumberValue.createNumberValue(w.builder, value) };
    case "string":
      return { type: wire.LiteralValue.StringValue, offset: wire.StringValue.createStringValue(w.builder, w.text(value)) };
    case "bigint": {
      if (BigInt.asIntN(2 * LOW_BITS, value) !== value) throw new InternalError(`the literal ${value} has more than 128 bits`);
      const [low, high] = [BigInt.asUintN(LOW_BITS, value), value >> BigInt(LOW_BITS)];
      return { type: wire.LiteralValue.IntegerValue, offset: wire.IntegerValue.createIntegerValue(w.builder, low, high) };
    }
    default:
      return { type: wire.LiteralValue.NONE, offset: ABSENT };
  }
}

function readValue(r: PlanReader, holder: wire.LiteralExpr): LiteralValue {
  const type = r.nameOf(wire.LiteralValue, holder.valueType());
  switch (type) {
    case "NONE":
      return null;
    case "BooleanValue":
      return valueTable(r, holder, new wire.BooleanValue()).value();
    case "NumberValue":
      return r.present(valueTable(r, holder, new wire.NumberValue()).value(), "a number");
    case "StringValue":
      return r.text(valueTable(r, holder, new wire.StringValue()).value());
    case "IntegerValue": {
      const table = valueTable(r, holder, new wire.IntegerValue());
      return (table.high() << BigInt(LOW_BITS)) | table.low();
    }
  }
}

function valueTable<T>(r: PlanReader, holder: wire.LiteralExpr, empty: T): T {
  const table: T | null = holder.value(empty);
  return r.present(table, "the value of a literal");
}

/** Writes an expression whose children are written, and notes its position. */
export function writeExpr(w: PlanWriter, expr: Expr): void {
  const node = writeKind(w, expr.kind, expr);
  w.exprs.add(expr, wire.Expr.createExpr(w.builder, w.dtype(expr.dtype), CODECS[expr.kind].type, node));
}

const writeKind = <K extends Expr["kind"]>(w: PlanWriter, kind: K, expr: ExprByKind[K]): Offset => CODECS[kind].write(w, expr);

const READERS: ReadonlyMap<number, ExprCodec<never>["read"]> = new Map(Object.values(CODECS).map(({ type, read }) => [type, read]));

/** @throws InvalidPlanError */
export function readExpr(r: PlanReader, table: wire.Expr | null): Expr {
  const holder = r.present(table, "an expression");
  const read = r.present(READERS.get(holder.nodeType()), `the kind ${holder.nodeType()} of expressions`);
  return read(r, holder, r.dtype(holder.dtype()));
}
