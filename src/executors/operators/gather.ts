/** Gather: the rows of given numbers, constant ones or those of a column. All rows have to be in one batch. */

import { InvalidPlanError } from "../../errors.ts";
import { NULL_ROW } from "../../gpu/kernels/gather.ts";
import { rowNumbers } from "../../gpu/kernels/row-numbers.ts";
import type { Gather, GatherBy } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { gatherBatch } from "../pipeline.ts";
import type { Table } from "../table.ts";
import { columnOf, releaseBatch } from "../table.ts";

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

/** @throws InvalidPlanError for a number that no row of `input` has: polars has the error. */
export async function gatherBy(context: QueryContext, plan: GatherBy, input: Table, by: Table): Promise<Table> {
  const { device } = context;
  const all = await singleBatch(context, input);
  const name = plan.by.schema[0]?.name ?? "";
  const numbers = by.batches.map((batch) => rowNumbers(device, columnOf(batch, name), all.rows));
  try {
    const beyond = await device.readMany(numbers.map(({ beyond: buffer }) => ({ buffer, word: 0, words: 1 })));
    if (beyond.some(([flag]) => flag !== 0)) throw new InvalidPlanError(`there is no row of some number among ${all.rows}`);
    return {
      schema: plan.schema,
      batches: numbers.map(({ rows, count, mayBeNull }) => gatherBatch(context, all, rows, count, mayBeNull)),
    };
  } finally {
    for (const { rows, beyond } of numbers) for (const buffer of [rows, beyond]) buffer.release();
    releaseBatch(all);
  }
}
