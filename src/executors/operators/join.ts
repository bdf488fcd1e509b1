/** Join: by hashing, or every row with every other; in partitions where a binding does not hold one side. */

import { InternalError } from "../../errors.ts";
import { crossJoin } from "../../gpu/kernels/join-expand.ts";
import type { Join, JoinOutput } from "../../ir/plan.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { type JoinPredicates, NO_PREDICATES } from "../fused-join.ts";
import { MASKED_ROWS } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { releaseBatch, releaseTable, retainTable, rowsOf } from "../table.ts";
import { FAR_LARGER, hashedJoin } from "./hashed-join.ts";
import { joinInPlace, thereAnd } from "./join-in-place.ts";
import { assemble, partsOfRows, releaseRows } from "./join-output.ts";
import { partitionByHash, rowsThatFit } from "./partition.ts";
import { numberRows, ROW, ROW_FIELD, restoreRowOrder } from "./row-order.ts";
import { type TakenRows, takenRows } from "./taken-rows.ts";

const SWAPPED = { left: "right", right: "left", coalesce: "right" } as const;

/** The same rows of an inner or right join with the sides exchanged: an inner join in the order of what was the right side, or a left join. */
export const swapped = (plan: Join): Join => ({
  ...plan,
  left: plan.right,
  right: plan.left,
  leftOn: plan.rightOn,
  rightOn: plan.leftOn,
  how: plan.how === "right" ? "left" : plan.how,
  output: plan.output.map(({ name, from, left, right }) => ({ name, from: SWAPPED[from], left: right, right: left })),
});

/** What is known of the sides of a join. */
export interface JoinSides {
  /** Which rows there are. */
  readonly predicates: JoinPredicates;
  /** The side whose keys probably do not repeat. */
  readonly unique: "left" | "right" | null;
  /** Whether who reads the result knows tables in place. */
  readonly inPlace: boolean;
}

const UNKNOWN: JoinSides = { predicates: NO_PREDICATES, unique: null, inPlace: false };

/**
 * Whether the right rows should look for the left ones, not the other way round. Where any order will do, those do whose keys may repeat, since each
 * finds one row at most; where that is not known, those that are far more.
 */
function looksFromRight(context: QueryContext, plan: Join, left: Table, right: Table, unique: JoinSides["unique"]): boolean {
  if (plan.how === "right") return true;
  if (plan.how !== "inner" || plan.ordered) return false;
  const [a, b] = [rowsOf(left), rowsOf(right)];
  if (unique === "left" && a <= rowsThatFit(context, left.schema, plan.leftOn)) return true;
  if (unique === "right" && b <= rowsThatFit(context, right.schema, plan.rightOn)) return false;
  return FAR_LARGER * a <= b;
}

export async function join(context: QueryContext, plan: Join, left: Table, right: Table, sides: JoinSides = UNKNOWN): Promise<Table> {
  const { unique, inPlace } = sides;
  if (looksFromRight(context, plan, left, right, unique)) {
    const predicates = { left: sides.predicates.right, right: sides.predicates.left };
    const exchanged = { predicates, unique: unique === "left" ? "right" : null, inPlace } as const;
    return join(context, { ...swapped(plan), ordered: true }, right, left, exchanged);
  }
  const predicates = { left: thereAnd(left, sides.predicates.left), right: thereAnd(right, sides.predicates.right) };
  const fit = rowsThatFit(context, right.schema, plan.rightOn);
  const built = rowsOf(right);
  const partitions = Math.ceil((2 * built) / fit);
  const rows = await takenRows(context, plan, { left, right }, predicates, built > fit ? 0 : MASKED_ROWS);
  try {
    const placed = inPlace ? await joinInPlace(context, plan, rows.left, rows.right, unique === "right") : null;
    if (placed !== null) return placed;
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
  if (plan.how === "cross" && (left.predicate !== null || right.predicate !== null))
    throw new InternalError("a cross join takes all rows of its sides");
  const build = await singleBatch(context, right.table);
  try {
    const batches =
      plan.how === "cross"
        ? await cross(context, plan, left.table, build)
        : await hashedJoin(context, plan, left, { batch: build, predicate: right.predicate });
    return { schema: plan.schema, batches };
  } finally {
    releaseBatch(build);
  }
}

/**
 * Joins partition by partition, both sides split by the hash of their keys. Row numbers of the left side bring the rows back into its order;
 * rows without one (the unmatched right rows of a full join) come last.
 */
async function joinPartitions(context: QueryContext, plan: Join, left: Table, right: Table, count: number): Promise<Table> {
  const sides = [numberRows(context, left), retainTable(right)] as const;
  const split = await partitionByHash(
    context,
    [
      { batches: sides[0].batches, exprs: plan.leftOn },
      { batches: sides[1].batches, exprs: plan.rightOn },
    ],
    count,
  );
  for (const table of sides) releaseTable(table);
  const row: JoinOutput = { name: ROW, from: "left", left: ROW, right: null };
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
      batches.push(await assemble(context, plan.output, batch, build, part, { left: false, right: false }));
      releaseRows(part);
    }
  }
  return batches;
}
