/** Sort: a stable permutation by the encoded keys, then one gather of all columns. */

import { InternalError } from "../../errors.ts";
import { encodeOrder } from "../../gpu/kernels/keys.ts";
import { sortRows } from "../../gpu/kernels/radix-sort.ts";
import type { Sort } from "../../ir/plan.ts";
import { compileKeys, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { gatherBatch } from "../pipeline.ts";
import type { Table } from "../table.ts";
import { releaseBatch } from "../table.ts";

export async function sort(context: QueryContext, plan: Sort, input: Table): Promise<Table> {
  const batch = await singleBatch(context, input);
  try {
    const [keys] = (await compileKeys(context, [{ batches: [batch], exprs: plan.by.map((k) => k.expr) }], () => "sorted"))[0] ?? [];
    if (keys === undefined) throw new InternalError("the sort keys were not compiled");
    const planes = encodeOrder(context.device, keys.compiled.program, batch.rows, plan.by);
    keys.release();
    const rows = await sortRows(context.device, planes);
    planes.buffer.release();
    const count = Math.min(batch.rows, plan.limit ?? batch.rows);
    const sorted = gatherBatch(context, batch, rows, count, false);
    rows.release();
    return { schema: plan.schema, batches: [sorted] };
  } finally {
    releaseBatch(batch);
  }
}
