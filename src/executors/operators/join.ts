/** Join: by hashing, or every row with every other; in partitions where a binding does not hold one side. */

import { crossJoin } from "../../gpu/kernels/join-expand.ts";
import type { Join, JoinOutput } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { type JoinPredicates, NO_PREDICATES } from "../fused-join.ts";
import { MASKED_ROWS } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch, releaseTable, retainTable, rowsOf } from "../table.ts";
import { hashedJoin } from "./hashed-join.ts";
import { assemble, partsOfRows, releaseRows } from "./join-output.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";
import { numberRows, ROW, ROW_FIELD, restoreRowOrder } from "./row-order.ts";
import { type TakenRows, takenRows } from "./taken-rows.ts";

/** `predicates`: which rows of the two sides there are. */
export async function join(
  context: QueryContext,
  plan: Join,
  left: Table,
  right: Table,
  predicates: JoinPredicates = NO_PREDICATES,
): Promise<Table> {
  const swapped = plan.how === "right";
  const fit = rowsThatFit(context, (swapped ? left : right).schema, swapped ? plan.leftOn : plan.rightOn);
  const built = rowsOf(swapped ? left : right);
  const partitions = Math.ceil((2 * built) / fit);
  const rows = await takenRows(context, plan, { left, right }, predicates, built > fit ? 0 : MASKED_ROWS);
  try {
    return built > fit && plan.how !== "cross"
      ? await joinPartitions(context, plan, rows.left.table, rows.right.table, partitions)
      : await joinWhole(context, plan, rows.left, rows.right);
  } finally {
    releaseTable(rows.left.table);
    releaseTable(rows.right.table);
  }
}

/** All rows of both sides at once. */
async function joinWhole(context: QueryContext, plan: Join, left: TakenRows, right: TakenRows): Promise<Table> {
  const [probed, built] = plan.how === "right" ? [right, left] : [left, right];
  const build = await singleBatch(context, built.table);
  try {
    const batches =
      plan.how === "cross"
        ? await cross(context, plan, probed.table, build)
        : await hashedJoin(context, plan, probed, { batch: build, predicate: built.predicate });
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
    joined.push(...(await joinWhole(context, numbered, { table: a, predicate: null }, { table: b, predicate: null })).batches);
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
