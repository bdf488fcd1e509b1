/** Sort: all columns in the stable order of the encoded keys; large tables are sorted range by range. */

import type { Sort } from "../../ir/plan.ts";
import { joinedBatches, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, releaseBatch, releaseTable, rowsOf } from "../table.ts";
import { sortedColumns } from "./key-order.ts";
import { partitionByRange, rowsThatFit } from "./partition.ts";
import { slice } from "./slice.ts";

/** What a sort does, wherever its rows come from. */
type Sorting = Pick<Sort, "by" | "limit" | "schema">;

export async function sort(context: QueryContext, plan: Sorting, input: Table): Promise<Table> {
  const exprs = plan.by.map((k) => k.expr);
  const fit = rowsThatFit(context, plan.schema, exprs);
  if (rowsOf(input) > fit) return sortRanges(context, plan, input, Math.ceil((2 * rowsOf(input)) / fit));
  const batch = await singleBatch(context, input);
  try {
    return { schema: plan.schema, batches: [await sortBatch(context, plan, batch)] };
  } finally {
    releaseBatch(batch);
  }
}

async function sortBatch(context: QueryContext, plan: Sorting, batch: Batch): Promise<Batch> {
  const wanted = Math.min(batch.rows, plan.limit ?? batch.rows);
  const columns = await sortedColumns(context, batch, plan.by, wanted);
  return batchOf(wanted, [...batch.columns.keys()], columns);
}

/** Sorts ranges of ascending keys one after the other; their batches follow one another. */
async function sortRanges(context: QueryContext, plan: Sorting, input: Table, count: number): Promise<Table> {
  const ranges = await partitionByRange(
    context,
    input,
    plan.by.map((k) => k.expr),
    plan.by,
    count,
  );
  const batches: Batch[] = [];
  for (const { batches: parts, equal } of ranges) {
    const filled = parts.filter((b) => b.rows > 0);
    for (const empty of parts) if (empty.rows === 0) releaseBatch(empty);
    if (equal || filled.length === 0) {
      batches.push(...filled);
      continue;
    }
    const all = await joinedBatches(context, filled, plan.schema);
    batches.push(await sortBatch(context, { ...plan, limit: null }, all));
    releaseBatch(all);
  }
  return limited(context, plan, { schema: plan.schema, batches });
}

function limited(context: QueryContext, plan: Sorting, sorted: Table): Table {
  if (plan.limit === null) return sorted;
  const first = slice(context, { offset: 0, length: plan.limit, schema: plan.schema }, sorted);
  releaseTable(sorted);
  return first;
}
