/** Gather: the rows of given numbers. All rows have to be in one batch. */

import { InvalidPlanError } from "../../errors.ts";
import { NULL_ROW } from "../../gpu/kernels/gather.ts";
import type { Gather } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { gatherBatch } from "../pipeline.ts";
import type { Table } from "../table.ts";
import { releaseBatch } from "../table.ts";

/** @throws InvalidPlanError for a number that no row has: polars has the error. */
export async function gatherRows(context: QueryContext, plan: Gather, input: Table): Promise<Table> {
  const all = await singleBatch(context, input);
  try {
    const beyond = plan.rows.find((row) => row !== null && row >= all.rows);
    if (beyond !== undefined) throw new InvalidPlanError(`there is no row ${beyond} among ${all.rows}`);
    const rows = context.device.alloc(plan.rows.length, "gathered rows");
    context.device.write(
      rows,
      0,
      Uint32Array.from(plan.rows, (row) => row ?? NULL_ROW),
    );
    const gathered = gatherBatch(context, all, rows, plan.rows.length, plan.rows.includes(null));
    rows.release();
    return { schema: plan.schema, batches: [gathered] };
  } finally {
    releaseBatch(all);
  }
}
