/** Distinct: rows grouped by the subset; the first, the last or the only row of each group stays, in row order. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import { GroupAccumulator } from "../../gpu/kernels/aggregate.ts";
import { compactRows, countMarked, releaseMarked } from "../../gpu/kernels/compact.ts";
import { iota } from "../../gpu/kernels/fill.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import { columnsProgram } from "../../gpu/row-program.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, column } from "../../ir/expr.ts";
import type { Distinct, Plan } from "../../ir/plan.ts";
import { joinedBatches, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Pipeline } from "../pipeline.ts";
import { gatherBatch, MASKED_ROWS, pipelineOf, predicateMarks, predicateMask, projectBatch, runPipelineOver } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, columnOf, releaseBatch, releaseTable, rowsOf } from "../table.ts";
import { groupBatch, representativesOf, wordColumn } from "./group.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";
import { numberRows, restoreRowOrder } from "./row-order.ts";

const U32 = { kind: "UInt32" } as const;

/** What is kept of rows, wherever they come from. */
type Keeping = Pick<Distinct, "subset" | "keep" | "schema">;

const keysOf = ({ subset, schema }: Keeping): readonly Expr[] =>
  subset.map((name) => column(name, schema.find((f) => f.name === name)?.dtype ?? { kind: "Null" }));

export async function distinct(context: QueryContext, plan: Keeping, input: Table): Promise<Table> {
  const exprs = keysOf(plan);
  const fit = rowsThatFit(context, plan.schema, exprs);
  if (rowsOf(input) > fit) return distinctPartitions(context, plan, input, exprs, Math.ceil((2 * rowsOf(input)) / fit));
  if (!keepsFirst(plan) || input.batches.length === 1) {
    const all = await singleBatch(context, input);
    const kept = await distinctBatch(context, plan, all);
    releaseBatch(all);
    return { schema: plan.schema, batches: [kept] };
  }
  const parts: Batch[] = [];
  for (const batch of input.batches) parts.push(await distinctBatch(context, plan, batch));
  const all = await joinedBatches(context, parts, plan.schema);
  const kept = await distinctBatch(context, plan, all);
  releaseBatch(all);
  return { schema: plan.schema, batches: [kept] };
}

/** The pipeline that a Distinct node takes over, and what it is computed from; null where it has to be computed by itself. */
export function distinctPipeline({ input, keep }: Distinct, shared: (plan: Plan) => boolean): Pipeline | null {
  if (!keepsFirst({ keep }) || shared(input)) return null;
  const pipeline = pipelineOf(input, shared);
  return pipeline.predicate !== null && pipeline.outputs.every(({ expr }) => expr.kind === "column") ? pipeline : null;
}

/** Distinct rows of a pipeline of columns over `base`: rows that its predicate drops are left out of the groups rather than brought together first. */
export async function distinctOf(context: QueryContext, plan: Keeping, pipeline: Omit<Pipeline, "base">, base: Table): Promise<Table> {
  const [only] = base.batches;
  const fit = Math.min(MASKED_ROWS, rowsThatFit(context, plan.schema, keysOf(plan)));
  if (base.batches.length !== 1 || only === undefined || pipeline.predicate === null || only.rows > fit) {
    const rows = await runPipelineOver(context, base, pipeline, plan.schema);
    const result = await distinct(context, plan, rows);
    releaseTable(rows);
    return result;
  }
  const mask = await predicateMask(context, only, pipeline.predicate);
  const batch = await projectBatch(context, only, pipeline.outputs);
  const kept = await distinctBatch(context, plan, batch, mask);
  releaseBatch(batch);
  mask.release();
  return { schema: plan.schema, batches: [kept] };
}

const keepsFirst = ({ keep }: Pick<Distinct, "keep">): boolean => keep === "first" || keep === "any";

/** Partitions by the hash of the subset have their groups to themselves; row numbers bring the rows back into order. */
async function distinctPartitions(
  context: QueryContext,
  plan: Keeping,
  input: Table,
  exprs: readonly Expr[],
  count: number,
): Promise<Table> {
  const numbered = numberRows(context, input);
  const [partitions = []] = await partitionByHash(context, [{ batches: numbered.batches, exprs }], count);
  releaseTable(numbered);
  const kept: Batch[] = [];
  for (const batches of partitions) {
    const all = await singleBatch(context, { schema: numbered.schema, batches });
    for (const batch of batches) releaseBatch(batch);
    kept.push(await distinctBatch(context, plan, all));
    releaseBatch(all);
  }
  return restoreRowOrder(context, { schema: numbered.schema, batches: kept }, plan.schema);
}

/** `mask`: bitmap of the rows that take part, null for all; only where the first ones are kept. */
async function distinctBatch(context: QueryContext, plan: Keeping, batch: Batch, mask: DeviceBuffer | null = null): Promise<Batch> {
  const exprs = plan.subset.map((name) => column(name, columnOf(batch, name).dtype));
  const first = keepsFirst(plan);
  const found = await groupBatch(context, batch, exprs, mask, first ? [...batch.columns.values()] : []);
  if (first || found.groups === 0) {
    found.ids.release();
    return representativesOf(context, batch, found);
  }
  const kept = await keptRows(context, plan, batch.rows, found.ids, found.groups);
  const result = gatherBatch(context, batch, kept.rows, kept.count, false);
  for (const buffer of [found.ids, found.first, kept.rows]) buffer.release();
  return result;
}

/** Rows that are the last of their group, or the only one; ascending. */
async function keptRows(
  context: QueryContext,
  plan: Keeping,
  rows: number,
  ids: DeviceBuffer,
  groups: number,
): Promise<{ rows: DeviceBuffer; count: number }> {
  const { device } = context;
  const idColumn = wordColumn(ids, rows);
  const accumulator = new GroupAccumulator(device, [{ kind: plan.keep === "last" ? "last_row" : "len", input: -1 }], [], groups);
  accumulator.accumulate(columnsProgram([idColumn]), rows, ids, null, 0);
  const [found] = accumulator.finish();
  accumulator.release();
  if (found === undefined) throw new InternalError("no result for the groups");
  const [perRow] = gather(device, [wordColumn(found.buffer, groups)], ids, rows, false);
  found.buffer.release();
  if (perRow === undefined) throw new InternalError("gather gave no column");
  const index = iota(device, plan.keep === "last" ? 0 : 1, rows);
  const batch = batchOf(rows, ["found", "row"], [perRow, wordColumn(index, rows)]);
  const wanted: Expr = plan.keep === "last" ? column("row", U32) : { kind: "literal", value: 1n, dtype: U32 };
  const marked = await predicateMarks(context, batch, call("eq", [column("found", U32), wanted], { kind: "Boolean" }));
  releaseBatch(batch);
  const count = await countMarked(device, marked);
  const kept = compactRows(device, marked, count);
  releaseMarked(marked);
  return { rows: kept, count };
}
