/** Aggregates that an accumulator takes row by row: their inputs as the kernels want them, and its results as columns. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import type { Dictionary } from "../../gpu/dictionary.ts";
import type { AggregateResult, Aggregate as KernelAggregate } from "../../gpu/kernels/aggregate.ts";
import { GroupAccumulator } from "../../gpu/kernels/aggregate.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import type { RowProgram, RowValue } from "../../gpu/row-program.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { AggregateExpr, Expr, NamedExpr } from "../../ir/expr.ts";
import { call, columnsOf, describeExpr, exprChildren, literal, named, visitExpr } from "../../ir/expr.ts";
import { fieldsOf } from "../../ir/projection.ts";
import { compileKeys, joinedBatches } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { projectBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { columnOf, releaseBatch } from "../table.ts";
import type { Grouping } from "./group.ts";

export interface NamedAggregate {
  readonly name: string;
  readonly expr: AggregateExpr;
}

/** The rows of `base` for which the predicate is true, in groups. */
export interface GroupedRows {
  readonly base: Table;
  readonly predicate: Expr | null;
  /** Null: all rows are one group, which may be empty. */
  readonly grouped: Grouping | null;
  readonly groups: number;
}

/** What the kernels take for some aggregates. */
export interface KernelCalls {
  /** Equal ones once. */
  readonly inputs: readonly Expr[];
  /** Inputs whose codes have to compare as their values do. */
  readonly sorted: ReadonlySet<number>;
  readonly aggregates: readonly KernelAggregate[];
}

interface RowAccumulator {
  accumulate(program: RowProgram, rows: number, ids: DeviceBuffer | null, mask: number | null, rowBase: number): void;
}

const BOOLEAN: DType = { kind: "Boolean" };
const TRUE = literal(true, BOOLEAN);
const NULL = literal(null, BOOLEAN);

/** Bindings of a dispatch: the inputs' columns and lookup tables, those of the mask, and two buffers of the kernel. */
export function buffersBound(mask: Expr | null, calls: readonly NamedAggregate[]): number {
  const exprs = [...calls.flatMap(({ expr }) => exprChildren(expr)), ...(mask === null ? [] : [mask])];
  const tables = new Set<string>();
  for (const expr of exprs) {
    if (physicalOf(expr.dtype) === "code") tables.add(describeExpr(expr));
    visitExpr(expr, (e) => {
      if (e.kind === "lookup") tables.add(describeExpr(e));
    });
  }
  return columnsOf(exprs).size + tables.size + 2;
}

/** The calls in halves of halves, until each fits or is a single one. */
export function partsOfCalls(
  calls: readonly NamedAggregate[],
  fits: (calls: readonly NamedAggregate[]) => boolean,
): readonly (readonly NamedAggregate[])[] {
  if (calls.length === 0) return [];
  if (calls.length === 1 || fits(calls)) return [calls];
  const half = calls.length >> 1;
  return [...partsOfCalls(calls.slice(0, half), fits), ...partsOfCalls(calls.slice(half), fits)];
}

export function kernelCalls(calls: readonly NamedAggregate[]): KernelCalls {
  const inputs: Expr[] = [];
  const sorted = new Set<number>();
  const inputAt = (e: Expr): number => {
    const text = describeExpr(e);
    const known = inputs.findIndex((other) => describeExpr(other) === text);
    return known < 0 ? inputs.push(e) - 1 : known;
  };
  const aggregates = calls.map(({ expr }): KernelAggregate => {
    if (expr.fn === "first" || expr.fn === "last") {
      const input = expr.where === null ? -1 : inputAt(call("ternary", [expr.where, TRUE, NULL], BOOLEAN));
      return { kind: expr.fn === "first" ? "first_row" : "last_row", input };
    }
    if (expr.fn === "n_unique" || expr.fn === "quantile" || expr.fn === "arg_first" || expr.fn === "implode")
      throw new InternalError(`${expr.fn} is not accumulated`);
    if (expr.fn === "len" || expr.arg === null) return { kind: "len", input: -1 };
    const input = inputAt(expr.arg);
    if (expr.fn === "min" || expr.fn === "max") sorted.add(input);
    return { kind: expr.fn, input, ddof: expr.ddof };
  });
  return { inputs, sorted, aggregates };
}

/** Takes all rows to the accumulator that `make` makes for their inputs. Also gives the dictionaries of the inputs. */
export async function accumulateRows<A extends RowAccumulator>(
  context: QueryContext,
  { base, predicate, grouped }: GroupedRows,
  { inputs, sorted }: KernelCalls,
  make: (inputs: readonly RowValue[]) => A,
): Promise<{ readonly accumulator: A; readonly dictionaries: readonly (Dictionary | null)[] }> {
  const mask = predicate === null || grouped !== null ? null : inputs.length;
  const exprs = predicate === null || mask === null ? inputs : [...inputs, predicate];
  const [compiled = []] = await compileKeys(
    context,
    [{ batches: base.batches, exprs }],
    (k) => (sorted.has(k) ? "sorted" : "any"),
    "one program",
  );
  const accumulator = make(
    exprs.map((_, k) => {
      const outputs = compiled.map((c) => c.outputs[k]).filter((o) => o !== undefined);
      return { physical: outputs[0]?.physical ?? "u32", nullable: outputs.some((o) => o.nullable) };
    }),
  );
  let rowBase = 0;
  for (const [b, batch] of base.batches.entries()) {
    const keysOf = compiled[b];
    const [program] = keysOf?.programs ?? [];
    if (keysOf === undefined || program === undefined) continue;
    accumulator.accumulate(program, batch.rows, grouped?.batches[b]?.ids ?? null, mask, rowBase);
    keysOf.release();
    rowBase += batch.rows;
  }
  return { accumulator, dictionaries: inputs.map((_, k) => compiled[0]?.outputs[k]?.dictionary ?? null) };
}

/** Everything that one accumulator does, by name; `first` and `last` find their row there and are gathered afterwards. */
export async function accumulate(
  context: QueryContext,
  rows: GroupedRows,
  calls: readonly NamedAggregate[],
): Promise<ReadonlyMap<string, Column>> {
  const kernel = kernelCalls(calls);
  const { accumulator, dictionaries } = await accumulateRows(
    context,
    rows,
    kernel,
    (inputs) => new GroupAccumulator(context.device, kernel.aggregates, inputs, rows.groups),
  );
  const results = accumulator.finish(rows.grouped !== null);
  accumulator.release();
  const columns = new Map<string, Column>();
  for (const [i, { name, expr }] of calls.entries()) {
    const result = results[i];
    if (result === undefined) throw new InternalError(`no result for ${describeExpr(expr)}`);
    if (expr.fn === "first" || expr.fn === "last") {
      columns.set(name, await gatherInput(context, rows, expr, result.buffer));
      result.buffer.release();
    } else {
      columns.set(name, resultColumn(expr, result, rows.groups, dictionaries[kernel.aggregates[i]?.input ?? -1] ?? null));
    }
  }
  return columns;
}

/** What an accumulator gave for an aggregate; `dictionary`: of its input. */
export const resultColumn = (
  { dtype }: AggregateExpr,
  { buffer, validityOffset }: AggregateResult,
  length: number,
  dictionary: Dictionary | null,
): Column => ({ dtype, length, buffer, validityOffset, dictionary: physicalOf(dtype) === "code" ? dictionary : null });

/** The input's values at the given global row numbers, one for each group; 0xFFFFFFFF is null. */
async function gatherInput(
  context: QueryContext,
  { base, groups }: GroupedRows,
  { fn, arg }: AggregateExpr,
  rows: DeviceBuffer,
): Promise<Column> {
  if (arg === null) throw new InternalError(`${fn} without an input`);
  const value = await concatenated(context, base.batches, [named("value", arg)]);
  const [column] = gather(context.device, [columnOf(value, "value")], rows, groups, true);
  releaseBatch(value);
  if (column === undefined) throw new InternalError("gather gave no column");
  return column;
}

/** The expressions over all batches, in one batch. */
async function concatenated(context: QueryContext, batches: readonly Batch[], exprs: readonly NamedExpr[]): Promise<Batch> {
  const parts: Batch[] = [];
  for (const batch of batches) parts.push(await projectBatch(context, batch, exprs));
  return joinedBatches(context, parts, fieldsOf(exprs));
}
