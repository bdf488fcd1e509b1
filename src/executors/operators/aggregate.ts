/** Aggregate: filter, key and input expressions fused into the accumulation, over any number of batches. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import type { Dictionary } from "../../gpu/dictionary.ts";
import type { Aggregate as KernelAggregate } from "../../gpu/kernels/aggregate.ts";
import { GroupAccumulator } from "../../gpu/kernels/aggregate.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { AggregateExpr, Expr, NamedExpr } from "../../ir/expr.ts";
import {
  aggregate as aggregateExpr,
  call,
  column,
  columnsOf,
  describeExpr,
  exprChildren,
  literal,
  named,
  visitExpr,
} from "../../ir/expr.ts";
import type { AggregateName } from "../../ir/functions.ts";
import type { Aggregate } from "../../ir/plan.ts";
import { fieldsOf } from "../../ir/projection.ts";
import { compileKeys, joinedBatches } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Pipeline } from "../pipeline.ts";
import { filterBatch, projectBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, columnOf, releaseBatch, releaseTable, retainBatch, rowsOf } from "../table.ts";
import { countDistinct } from "./distinct-count.ts";
import type { Grouping } from "./group.ts";
import { group } from "./group.ts";
import { needsOrder, orderedAggregates } from "./ordered-aggregate.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";
import { numberRows, ROW, ROW_FIELD, restoreRowOrder } from "./row-order.ts";

/** `pipeline` is the node's input with its expressions over the columns of `base`; keys and inputs are rewritten onto it by the caller. */
export async function aggregate(context: QueryContext, plan: Aggregate, pipeline: Pipeline, base: Table): Promise<Table> {
  const { predicate } = pipeline;
  if (plan.keys.length === 0) return aggregateGroups(context, plan, predicate, base, null);
  const limit = groupsThatFit(context, plan);
  const together = rowsThatSort(context, plan);
  if (rowsOf(base) > together) return aggregatePartitions(context, plan, predicate, base, Math.min(limit, together));
  const grouped = await group(context, base.batches, predicate, plan.keys, limit);
  return grouped === null
    ? aggregatePartitions(context, plan, predicate, base, limit)
    : aggregateGroups(context, plan, predicate, base, grouped);
}

/** Words of state that a group needs for an aggregate, at most: exact sums keep four bins of 64 bits, sums of squares six. */
const STATE_WORDS: Partial<Record<AggregateName, number>> = { sum: 16, mean: 16, var: 32, std: 32 };

/** Groups whose keys and state one binding holds. */
function groupsThatFit(context: QueryContext, plan: Aggregate): number {
  const keys = plan.keys.map((k) => k.expr);
  const words = plan.aggregates.map(({ expr }) => (expr.kind === "aggregate" ? (STATE_WORDS[expr.fn] ?? 8) : 8));
  return Math.min(rowsThatFit(context, plan.schema, keys), Math.floor(context.device.limits.bindingBytes / 4 / Math.max(1, ...words)));
}

/** Rows that a sort by group takes at once, where an aggregate needs one. */
function rowsThatSort(context: QueryContext, plan: Aggregate): number {
  const ordered = plan.aggregates.flatMap(({ expr }) => (expr.kind === "aggregate" && needsOrder(expr) ? [expr] : []));
  const fits = ordered.map((expr) => {
    const columns = exprChildren(expr).map((e, i) => ({ name: `${i}`, dtype: e.dtype }));
    return rowsThatFit(context, columns, [column(ROW, ROW_FIELD.dtype), ...exprChildren(expr)]);
  });
  return Math.min(Number.POSITIVE_INFINITY, ...fits);
}

/** Too many groups, or rows to sort, for one binding: rows are split by the hash of their keys, and groups sorted by their first row afterwards. */
async function aggregatePartitions(
  context: QueryContext,
  plan: Aggregate,
  predicate: Expr | null,
  base: Table,
  limit: number,
): Promise<Table> {
  const numbered = numberRows(context, base);
  const { schema } = numbered;
  const kept: Batch[] = [];
  for (const batch of numbered.batches) {
    const names = schema.map((f) => f.name);
    kept.push(predicate === null ? retainBatch(batch, names) : await filterBatch(context, batch, predicate, names));
  }
  releaseTable(numbered);
  const exprs = plan.keys.map((k) => k.expr);
  const count = Math.ceil((2 * kept.reduce((n, b) => n + b.rows, 0)) / limit);
  const [partitions = []] = await partitionByHash(context, [{ batches: kept, exprs }], count);
  for (const batch of kept) releaseBatch(batch);
  const ordered: Aggregate = {
    ...plan,
    aggregates: [...plan.aggregates, named(ROW, aggregateExpr("min", column(ROW, ROW_FIELD.dtype), ROW_FIELD.dtype))],
    schema: [...plan.schema, ROW_FIELD],
  };
  const parts: Batch[] = [];
  for (const batches of partitions) {
    const grouped = await group(context, batches, null, plan.keys, Number.POSITIVE_INFINITY);
    parts.push(...(await aggregateGroups(context, ordered, null, { schema, batches }, grouped)).batches);
    for (const batch of batches) releaseBatch(batch);
  }
  return restoreRowOrder(context, { schema: ordered.schema, batches: parts }, plan.schema);
}

/** The aggregates of each group; `grouped` null: all rows are one group. Frees the grouping. */
async function aggregateGroups(
  context: QueryContext,
  plan: Aggregate,
  predicate: Expr | null,
  base: Table,
  grouped: Grouping | null,
): Promise<Table> {
  const groups = grouped === null ? 1 : grouped.groups;
  try {
    const calls = plan.aggregates.map(({ name, expr }) => {
      if (expr.kind !== "aggregate") throw new InternalError(`${describeExpr(expr)} is not an aggregate`);
      return { name, expr };
    });
    const ordered = calls.filter(({ expr }) => needsOrder(expr));
    const accumulated = calls.filter(({ expr }) => expr.fn !== "n_unique" && !needsOrder(expr));
    const values = new Map<string, Column>();
    if (groups > 0) {
      for (const part of partsThatBind(context, predicate !== null && grouped === null ? predicate : null, accumulated)) {
        for (const [name, column] of await accumulate(context, base, predicate, grouped, part, groups)) values.set(name, column);
      }
      for (const { name, expr } of calls) {
        if (expr.fn === "n_unique") values.set(name, await countDistinct(context, base, predicate, grouped, expr, groups));
      }
      for (const [name, column] of await orderedAggregates(context, base, predicate, grouped, ordered, groups)) values.set(name, column);
    }
    const columns = plan.schema.map((field, i) => {
      const key = plan.keys[i];
      if (key !== undefined && grouped !== null) {
        const column = columnOf(grouped.keys, key.name);
        column.buffer.retain();
        return column;
      }
      return values.get(field.name) ?? emptyColumn(context, field.dtype);
    });
    return {
      schema: plan.schema,
      batches: [
        batchOf(
          groups,
          plan.schema.map((f) => f.name),
          columns,
        ),
      ],
    };
  } finally {
    grouped?.release();
  }
}

const BOOLEAN: DType = { kind: "Boolean" };
const TRUE = literal(true, BOOLEAN);
const NULL = literal(null, BOOLEAN);

const emptyColumn = (context: QueryContext, dtype: DType): Column => ({
  dtype,
  length: 0,
  buffer: context.device.alloc(4, "empty"),
  validityOffset: null,
  dictionary: physicalOf(dtype) === "code" ? context.dictionaries.literal(null, dtype) : null,
});

const inputOf = (expr: AggregateExpr): Expr => {
  if (expr.arg === null) throw new InternalError(`${expr.fn} without an input`);
  return expr.arg;
};

interface NamedAggregate {
  readonly name: string;
  readonly expr: AggregateExpr;
}

/** Aggregates whose inputs and mask one dispatch can bind, beside two buffers of the kernel; more are split in halves. */
function partsThatBind(context: QueryContext, mask: Expr | null, calls: readonly NamedAggregate[]): readonly (readonly NamedAggregate[])[] {
  const exprs = [...calls.flatMap(({ expr }) => exprChildren(expr)), ...(mask === null ? [] : [mask])];
  const tables = new Set<string>();
  for (const expr of exprs) {
    if (physicalOf(expr.dtype) === "code") tables.add(describeExpr(expr));
    visitExpr(expr, (e) => {
      if (e.kind === "lookup") tables.add(describeExpr(e));
    });
  }
  if (calls.length <= 1 || columnsOf(exprs).size + tables.size + 2 <= context.device.limits.storageBuffers) return [calls];
  const half = calls.length >> 1;
  return [...partsThatBind(context, mask, calls.slice(0, half)), ...partsThatBind(context, mask, calls.slice(half))];
}

/** Everything that one accumulator does; `first` and `last` find their row there and are gathered afterwards. */
async function accumulate(
  context: QueryContext,
  base: Table,
  predicate: Expr | null,
  grouped: Grouping | null,
  calls: readonly NamedAggregate[],
  groups: number,
): Promise<ReadonlyMap<string, Column>> {
  if (calls.length === 0) return new Map();
  const inputs: Expr[] = [];
  const sorted = new Set<number>();
  const kernelAggregates = calls.map(({ expr }): KernelAggregate => {
    const inputAt = (e: Expr): number => {
      const text = describeExpr(e);
      const known = inputs.findIndex((other) => describeExpr(other) === text);
      return known < 0 ? inputs.push(e) - 1 : known;
    };
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
  const programs = predicate === null ? inputs : [...inputs, predicate];
  const mask = predicate === null || grouped !== null ? null : inputs.length;
  const exprs = mask === null ? inputs : programs;
  const [compiled = []] = await compileKeys(
    context,
    [{ batches: base.batches, exprs }],
    (k) => (sorted.has(k) ? "sorted" : "any"),
    "one program",
  );
  const rowValues = exprs.map((_, k) => {
    const outputs = compiled.map((c) => c.outputs[k]).filter((o) => o !== undefined);
    const physical = outputs[0]?.physical ?? "u32";
    return { physical, nullable: outputs.some((o) => o.nullable) };
  });
  const accumulator = new GroupAccumulator(context.device, kernelAggregates, rowValues, groups);
  let rowBase = 0;
  for (const [b, batch] of base.batches.entries()) {
    const keysOf = compiled[b];
    const [program] = keysOf?.programs ?? [];
    if (keysOf === undefined || program === undefined) continue;
    accumulator.accumulate(program, batch.rows, grouped?.batches[b]?.ids ?? null, mask, rowBase);
    keysOf.release();
    rowBase += batch.rows;
  }
  const results = accumulator.finish();
  accumulator.release();
  const columns = new Map<string, Column>();
  for (const [i, { name, expr }] of calls.entries()) {
    const result = results[i];
    if (result === undefined) throw new InternalError(`no result for ${describeExpr(expr)}`);
    if (expr.fn === "first" || expr.fn === "last") {
      columns.set(name, await gatherInput(context, base, expr, result.buffer, groups));
      result.buffer.release();
    } else {
      const input = kernelAggregates[i]?.input ?? -1;
      const dictionary: Dictionary | null = input < 0 ? null : (compiled[0]?.outputs[input]?.dictionary ?? null);
      const isCode = physicalOf(expr.dtype) === "code";
      columns.set(name, {
        dtype: expr.dtype,
        length: groups,
        buffer: result.buffer,
        validityOffset: result.validityOffset,
        dictionary: isCode ? dictionary : null,
      });
    }
  }
  return columns;
}

/** The input's values at the given global row numbers, one for each group; 0xFFFFFFFF is null. */
async function gatherInput(context: QueryContext, base: Table, expr: AggregateExpr, rows: DeviceBuffer, groups: number): Promise<Column> {
  const value = await concatenated(context, base.batches, [named("value", inputOf(expr))]);
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
