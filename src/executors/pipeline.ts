/** Chains of Project and Filter nodes as one predicate and one set of expressions over the node below, run batch by batch. */

import type { DeviceBuffer } from "../gpu/buffers.ts";
import type { Column } from "../gpu/column.ts";
import type { Compiled, Recoding } from "../gpu/compile/compile.ts";
import { compile } from "../gpu/compile/compile.ts";
import { compactColumns, countMarked, type MarkedBlocks, releaseMarked } from "../gpu/kernels/compact.ts";
import { gather } from "../gpu/kernels/gather.ts";
import { map, markedBlocks, mask } from "../gpu/kernels/map.ts";
import type { Expr, NamedExpr } from "../ir/expr.ts";
import { call, column, columnsOf, exprChildren, named, substitute, withExprChildren } from "../ir/expr.ts";
import { repeatsDear, staysSmall } from "../ir/expr-size.ts";
import type { Plan } from "../ir/plan.ts";
import { columnsOfSchema } from "../ir/projection.ts";
import type { Schema } from "../ir/schema.ts";
import type { QueryContext } from "./context.ts";
import type { Batch, Table } from "./table.ts";
import { batchOf, columnOf, releaseBatch, retainBatch } from "./table.ts";

/** Rows up to which an operator looks at all with the predicate as a mask: beyond, that costs more than a round trip to bring its rows together. */
export const MASKED_ROWS = 1 << 25;

/** `outputs` of the rows of `base` for which `predicate` is true. */
export interface Pipeline {
  readonly base: Plan;
  readonly predicate: Expr | null;
  readonly outputs: readonly NamedExpr[];
}

/**
 * Folds Project and Filter nodes into one pipeline. Stops at nodes for which `stop` holds, which are computed by themselves, and where
 * substitution would make the expressions large or compute something dear again.
 */
export function pipelineOf(plan: Plan, stop: (plan: Plan) => boolean): Pipeline {
  let base = plan;
  let outputs: readonly NamedExpr[] = columnsOfSchema(plan.schema);
  let predicate: Expr | null = null;
  while ((base.kind === "project" || base.kind === "filter") && (base === plan || !stop(base))) {
    if (base.kind === "filter") {
      predicate = predicate === null ? base.predicate : call("and", [base.predicate, predicate], base.predicate.dtype);
    } else {
      const by = new Map(base.exprs.map((e) => [e.name, e.expr]));
      const exprs = [...outputs.map((o) => o.expr), ...(predicate === null ? [] : [predicate])];
      if (base !== plan && (repeatsDear(base.exprs, exprs) || !exprs.every((e) => staysSmall(e, by)))) break;
      outputs = outputs.map((o) => named(o.name, substitute(o.expr, by)));
      predicate = predicate === null ? null : substitute(predicate, by);
    }
    base = base.input;
  }
  return { base, predicate, outputs };
}

/** A program, and the columns that were computed for it; the caller releases them. */
export interface CompiledWithin {
  readonly compiled: Compiled;
  readonly scratch: readonly Column[];
}

/** Compiles so that at least `reserve` bindings stay free for the kernel family; too many columns are first computed into fewer. */
export async function compileWithin(
  context: QueryContext,
  batch: Batch,
  exprs: readonly Expr[],
  reserve: number,
  recodings: readonly (Recoding | null)[] = [],
): Promise<CompiledWithin> {
  const compiled = await compile(exprs, batch.columns, batch.rows, context.dictionaries, recodings);
  if (compiled.program.columns.length + reserve <= context.device.limits.storageBuffers) return { compiled, scratch: [] };
  const scratch = await computeColumns(context, batch, exprs);
  const names = exprs.map((_, i) => `${i}`);
  const again = await compile(
    scratch.map((c, i) => column(`${i}`, c.dtype)),
    batchOf(batch.rows, names, scratch).columns,
    batch.rows,
    context.dictionaries,
    recodings,
  );
  return { compiled: again, scratch };
}

/** Columns of the expressions, owned by the caller; as many outputs in a dispatch as bindings allow. */
export async function computeColumns(context: QueryContext, batch: Batch, exprs: readonly Expr[]): Promise<readonly Column[]> {
  if (exprs.length === 0) return [];
  const compiled = await compile(exprs, batch.columns, batch.rows, context.dictionaries);
  if (compiled.program.columns.length + exprs.length <= context.device.limits.storageBuffers)
    return map(context.device, compiled, batch.rows);
  if (exprs.length > 1) {
    const half = exprs.length >> 1;
    return [...(await computeColumns(context, batch, exprs.slice(0, half))), ...(await computeColumns(context, batch, exprs.slice(half)))];
  }
  return [await computeInSteps(context, batch, exprs[0] ?? column("", { kind: "Null" }))];
}

/** One expression over more columns than bindings: its arguments first, then the expression over them. */
async function computeInSteps(context: QueryContext, batch: Batch, expr: Expr): Promise<Column> {
  const args = exprChildren(expr);
  if (expr.kind === "call" && args.length > context.device.limits.storageBuffers - 2 && FOLDABLE.has(expr.fn)) {
    const half = args.length >> 1;
    return computeInSteps(
      context,
      batch,
      call(
        expr.fn,
        [
          { ...expr, args: args.slice(0, half) },
          { ...expr, args: args.slice(half) },
        ],
        expr.dtype,
      ),
    );
  }
  const values = await computeColumns(context, batch, args);
  const names = values.map((_, i) => `${i}`);
  const [result] = await computeColumns(context, batchOf(batch.rows, names, values), [
    withExprChildren(
      expr,
      values.map((v, i) => column(`${i}`, v.dtype)),
    ),
  ]);
  for (const value of values) value.buffer.release();
  if (result === undefined) throw new RangeError("an expression without a value");
  return result;
}

/** Functions of any number of arguments that can be applied to parts of them. */
const FOLDABLE: ReadonlySet<string> = new Set(["min_horizontal", "max_horizontal", "min_total", "max_total", "coalesce"]);

/** Bitmap of the rows for which the predicate is true; owned by the caller. */
export async function predicateMask(context: QueryContext, batch: Batch, predicate: Expr): Promise<DeviceBuffer> {
  const { compiled, scratch } = await compileWithin(context, batch, [predicate], 1);
  const bits = mask(context.device, compiled, batch.rows);
  for (const c of scratch) c.buffer.release();
  return bits;
}

/** As `predicateMask`, counted, for rows that are brought together. */
export async function predicateMarks(context: QueryContext, batch: Batch, predicate: Expr): Promise<MarkedBlocks> {
  const { compiled, scratch } = await compileWithin(context, batch, [predicate], 2);
  const marked = markedBlocks(context.device, compiled, batch.rows);
  for (const c of scratch) c.buffer.release();
  return marked;
}

/** The columns of `batch` at the rows listed; owned by the caller. */
export function gatherBatch(
  context: QueryContext,
  batch: Batch,
  rows: DeviceBuffer,
  count: number,
  mayBeNull: boolean,
  names: readonly string[] = [...batch.columns.keys()],
): Batch {
  const columns = gather(
    context.device,
    names.map((n) => columnOf(batch, n)),
    rows,
    count,
    mayBeNull,
  );
  return batchOf(count, names, columns);
}

/** The rows of `batch` for which the predicate is true, with the named columns; owned by the caller. */
export async function filterBatch(context: QueryContext, batch: Batch, predicate: Expr, names: readonly string[]): Promise<Batch> {
  const { device } = context;
  const marked = await predicateMarks(context, batch, predicate);
  const count = await countMarked(device, marked);
  const columns = names.map((name) => columnOf(batch, name));
  const result = count === batch.rows ? retainBatch(batch, names) : batchOf(count, names, compactColumns(device, marked, columns, count));
  releaseMarked(marked);
  return result;
}

/** Runs a pipeline over one batch of its base; the result is owned by the caller, the batch stays the caller's. */
export async function runPipeline(context: QueryContext, batch: Batch, pipeline: Omit<Pipeline, "base">): Promise<Batch> {
  const needed = [...columnsOf(pipeline.outputs.map((o) => o.expr))];
  const input = pipeline.predicate === null ? retainBatch(batch, needed) : await filterBatch(context, batch, pipeline.predicate, needed);
  try {
    return await projectBatch(context, input, pipeline.outputs);
  } finally {
    releaseBatch(input);
  }
}

/** `runPipeline` of every batch of a table, which stays the caller's; `schema`: of the pipeline's outputs. */
export async function runPipelineOver(
  context: QueryContext,
  table: Table,
  pipeline: Omit<Pipeline, "base">,
  schema: Schema,
): Promise<Table> {
  const batches: Batch[] = [];
  for (const batch of table.batches) batches.push(await runPipeline(context, batch, pipeline));
  return { schema, batches };
}

/** The named expressions as a batch; plain columns are shared, not copied. */
export async function projectBatch(context: QueryContext, batch: Batch, outputs: readonly NamedExpr[]): Promise<Batch> {
  const computed = outputs.filter((o) => o.expr.kind !== "column");
  const values = await computeColumns(
    context,
    batch,
    computed.map((o) => o.expr),
  );
  const byName = new Map(computed.map((o, i) => [o.name, values[i]]));
  const columns = outputs.map((o) => {
    const value = byName.get(o.name);
    if (value !== undefined || o.expr.kind !== "column") return value;
    const shared = columnOf(batch, o.expr.name);
    shared.buffer.retain();
    return shared;
  });
  return batchOf(
    batch.rows,
    outputs.map((o) => o.name),
    columns.filter((c) => c !== undefined),
  );
}
