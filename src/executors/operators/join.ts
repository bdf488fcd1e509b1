/** Join: by hashing, or every row with every other; in partitions where a binding does not hold one side. */

import { crossJoin } from "../../gpu/kernels/join-expand.ts";
import type { Join, JoinOutput } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch, releaseTable, retainTable, rowsOf } from "../table.ts";
import { hashedJoin } from "./hashed-join.ts";
import { assemble, partsOfRows, releaseRows } from "./join-output.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";
import { numberRows, ROW, ROW_FIELD, restoreRowOrder } from "./row-order.ts";

export async function join(context: QueryContext, plan: Join, left: Table, right: Table): Promise<Table> {
  const swapped = plan.how === "right";
  const fit = rowsThatFit(context, (swapped ? left : right).schema, swapped ? plan.leftOn : plan.rightOn);
  const built = rowsOf(swapped ? left : right);
  if (built > fit && plan.how !== "cross") return joinPartitions(context, plan, left, right, Math.ceil((2 * built) / fit));
  return joinWhole(context, plan, left, right);
}

/** All rows of both sides at once. */
async function joinWhole(context: QueryContext, plan: Join, left: Table, right: Table): Promise<Table> {
  const swapped = plan.how === "right";
  const build = await singleBatch(context, swapped ? left : right);
  const probed = swapped ? right : left;
  try {
    const batches = plan.how === "cross" ? await cross(context, plan, probed, build) : await hashedJoin(context, plan, probed, build);
    return { schema: plan.schema, batches };
  } finally {
    releaseBatch(build);
  }
}

/**
 * Joins partition by partition, both sides split by the hash of their keys. Row numbers of the side that decides the order bring the rows
 * back into it; rows without one (the unmatched right rows of a full join) come last.
 */
async function joinPartitions(context: QueryContext, plan: Join, left: Table, right: Table, count: number): Promise<Table> {
  const side = plan.how === "right" ? "right" : "left";
  const sides = [
    side === "left" ? numberRows(context, left) : retainTable(left),
    side === "right" ? numberRows(context, right) : retainTable(right),
  ] as const;
  const split = await partitionByHash(
    context,
    [
      { batches: sides[0].batches, exprs: plan.leftOn },
      { batches: sides[1].batches, exprs: plan.rightOn },
    ],
    count,
  );
  for (const table of sides) releaseTable(table);
  const row: JoinOutput = { name: ROW, from: side, left: side === "left" ? ROW : null, right: side === "right" ? ROW : null };
  const numbered: Join = { ...plan, output: [row, ...plan.output], schema: [ROW_FIELD, ...plan.schema] };
  const joined: Batch[] = [];
  for (let p = 0; p < count; p++) {
    const [a, b] = [
      { schema: sides[0].schema, batches: split[0]?.[p] ?? [] },
      { schema: sides[1].schema, batches: split[1]?.[p] ?? [] },
    ];
    joined.push(...(await joinWhole(context, numbered, a, b)).batches);
    releaseTable(a);
    releaseTable(b);
  }
  return restoreRowOrder(context, { schema: numbered.schema, batches: joined }, plan.schema);
}

async function cross(context: QueryContext, plan: Join, probed: Table, build: Batch): Promise<readonly Batch[]> {
  const batches: Batch[] = [];
  for (const batch of probed.batches) {
    const rows = crossJoin(context.device, batch.rows, build.rows);
    for (const part of partsOfRows(context, plan, rows)) {
      batches.push(await assemble(context, plan.output, batch, build, part, false, { left: false, right: false }));
      releaseRows(part);
    }
  }
  return batches;
}
