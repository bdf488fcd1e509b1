/** The rows of a join's side for which its predicate is true: brought together, or left where they are. */

import type { Expr } from "../../ir/expr.ts";
import { columnsOf } from "../../ir/expr.ts";
import type { Join } from "../../ir/plan.ts";
import type { QueryContext } from "../context.ts";
import type { JoinPredicates } from "../fused-join.ts";
import { filterBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { releaseTable, retainTable, rowsOf } from "../table.ts";

/** Rows of a table that take part: those for which `predicate` is true, null for all. */
export interface TakenRows {
  readonly table: Table;
  readonly predicate: Expr | null;
}

export interface TakenSides {
  readonly left: TakenRows;
  readonly right: TakenRows;
}

/** Both sides, owned by the caller; of more than `most` rows only those that take part, with the columns that the join reads. */
export async function takenRows(
  context: QueryContext,
  plan: Join,
  { left, right }: { readonly left: Table; readonly right: Table },
  predicates: JoinPredicates,
  most: number,
): Promise<TakenSides> {
  const take = (side: "left" | "right", table: Table, predicate: Expr | null): Promise<TakenRows> | TakenRows => {
    if (predicate === null || rowsOf(table) <= most) return { table: retainTable(table), predicate };
    const names = new Set(columnsOf(side === "left" ? plan.leftOn : plan.rightOn));
    for (const output of plan.output) {
      const name = output[side];
      if (name !== null) names.add(name);
    }
    return filtered(context, table, predicate, [...names]);
  };
  // both at once, so that they wait for the device together
  const [a, b] = await Promise.allSettled([take("left", left, predicates.left), take("right", right, predicates.right)]);
  if (a.status === "fulfilled" && b.status === "fulfilled") return { left: a.value, right: b.value };
  for (const side of [a, b]) if (side.status === "fulfilled") releaseTable(side.value.table);
  throw [a, b].find((side) => side.status === "rejected")?.reason;
}

async function filtered(context: QueryContext, table: Table, predicate: Expr, names: readonly string[]): Promise<TakenRows> {
  const batches: Batch[] = [];
  for (const batch of table.batches) batches.push(await filterBatch(context, batch, predicate, names));
  return { table: { schema: table.schema.filter((f) => names.includes(f.name)), batches }, predicate: null };
}
