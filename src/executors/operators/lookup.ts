/** Lookup: CPU polars evaluates expressions on the distinct combinations of their arguments in each batch, the device spreads the answers. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { constantWords } from "../../gpu/kernels/fill.ts";
import type { DType, Storage } from "../../ir/dtype.ts";
import { storageOf } from "../../ir/dtype.ts";
import { column } from "../../ir/expr.ts";
import type { Lookup } from "../../ir/plan.ts";
import type { QueryContext } from "../context.ts";
import { gatherBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, columnOf, releaseBatch, retainBatch, rowsOf } from "../table.ts";
import { groupBatch } from "./group.ts";

/** Batches with more combinations than this share of their rows are evaluated row by row. */
const WORTHWHILE = 0.5;

/** Rows of `args` to evaluate on; row r of the batch has the answer of row `ids[r]`, or of row r where there are none. */
interface Questions {
  readonly args: Batch;
  readonly ids: DeviceBuffer | null;
}

/** `several`: whether all partitions together have more than one row. */
export async function lookup(context: QueryContext, plan: Lookup, input: Table, several: boolean = rowsOf(input) > 1): Promise<Table> {
  if (plan.args.length === 0) return constants(context, plan, input);
  const questions: Questions[] = [];
  for (const batch of input.batches) questions.push(await combinations(context, plan.args, batch));
  const answers = await context.sources.lookup(
    plan,
    questions.map((q) => q.args),
    several,
  );
  const batches = input.batches.map((batch, b) => {
    const [asked, answer] = [questions[b], answers[b]];
    if (asked === undefined || answer === undefined) throw new InternalError("a batch was not looked up");
    releaseBatch(asked.args);
    if (asked.ids === null) return joined(plan, batch, answer);
    const spread = gatherBatch(context, answer, asked.ids, batch.rows, false);
    releaseBatch(answer);
    asked.ids.release();
    return joined(plan, batch, spread);
  });
  return { schema: plan.schema, batches };
}

/** Outputs that depend on no column. */
async function constants(context: QueryContext, plan: Lookup, input: Table): Promise<Table> {
  const [answer] = await context.sources.lookup(plan, [batchOf(1, [], [])], false);
  if (answer === undefined) throw new InternalError("constants were not looked up");
  const batches = input.batches.map((batch) => {
    const ids = constantWords(context.device, 0, Math.max(1, batch.rows));
    const spread = gatherBatch(context, answer, ids, batch.rows, false);
    ids.release();
    return joined(plan, batch, spread);
  });
  releaseBatch(answer);
  return { schema: plan.schema, batches };
}

/** The batch, which stays the caller's, with the columns of the answer, which are taken over. */
const joined = (plan: Lookup, batch: Batch, answer: Batch): Batch =>
  batchOf(
    batch.rows,
    plan.schema.map((f) => f.name),
    [...retainBatch(batch).columns.values(), ...plan.outputs.map(({ name }) => columnOf(answer, name))],
  );

/** Values count as equal when their bits are: polars sees the sign of every zero. */
async function combinations(context: QueryContext, args: readonly string[], batch: Batch): Promise<Questions> {
  const rowByRow = (): Questions => ({ args: retainBatch(batch, args), ids: null });
  if (batch.rows === 0) return rowByRow();
  const bits = batchOf(
    batch.rows,
    args,
    args.map((name) => bitsOf(columnOf(batch, name))),
  );
  const exprs = args.map((name) => column(name, columnOf(bits, name).dtype));
  const { ids, groups, first } = await groupBatch(context, bits, exprs, null);
  const worthwhile = groups <= batch.rows * WORTHWHILE;
  const questions = worthwhile ? { args: gatherBatch(context, batch, first, groups, false, args), ids } : rowByRow();
  first.release();
  if (!worthwhile) ids.release();
  return questions;
}

const WORDS_AS = {
  bits: { kind: "Boolean" },
  w1: { kind: "UInt32" },
  w2: { kind: "UInt64" },
  code: { kind: "UInt32" },
} as const satisfies Record<Storage, DType>;

/** The column's words as plain numbers. */
const bitsOf = (of: Column): Column => ({ ...of, dtype: WORDS_AS[storageOf(of.dtype)], dictionary: null });
