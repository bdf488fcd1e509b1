/** A join that keeps its left rows where they are, with a column that says which of them there are: nobody has to wait for their number. */

import { InternalError } from "../../errors.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import type { JoinKind } from "../../gpu/kernels/hash-join-tally.ts";
import { matchInPlace, matchInPlaceByLeft, type RowsInPlace } from "../../gpu/kernels/join-in-place.ts";
import type { DType } from "../../ir/dtype.ts";
import { call, column, type Expr } from "../../ir/expr.ts";
import type { Join } from "../../ir/plan.ts";
import { compileKeys, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { type Batch, batchOf, columnOf, releaseBatch, rowsOf, type Table } from "../table.ts";
import { type BatchRows, FAR_LARGER, JOIN_KINDS, releaseSide, sideOf } from "./hashed-join.ts";
import { rowsThatFit } from "./partition.ts";
import type { TakenRows } from "./taken-rows.ts";

/** The column of a table in place that is true for the rows that there are; null are none of its values. */
const THERE = "\u0001there";
const BOOLEAN: DType = { kind: "Boolean" };

/** Rows up to which it costs less to look at all of them again, several times, than to wait for the number of those that are left. */
const ROWS_IN_PLACE = 1 << 23;

/** The rows of a table that may be in place for which `predicate` is true: that as one predicate. */
export function thereAnd({ schema }: Pick<Table, "schema">, predicate: Expr | null): Expr | null {
  if (!schema.some((f) => f.name === THERE)) return predicate;
  const there = column(THERE, BOOLEAN);
  return predicate === null ? there : call("and", [there, predicate], BOOLEAN);
}

/**
 * The join in place; `unique`: right keys are guessed not to repeat, which is then checked when the query ends. Null where it does not work so: that
 * needs one batch on the left of not too many rows, of which a left join takes all, and one right row at most for each.
 */
export async function joinInPlace(
  context: QueryContext,
  plan: Join,
  left: TakenRows,
  right: TakenRows,
  unique: boolean,
): Promise<Table | null> {
  const kind = JOIN_KINDS[plan.how];
  const [batch, ...others] = left.table.batches;
  const { guesses } = context;
  if (kind === undefined || plan.how === "full" || batch === undefined || others.length > 0 || guesses === null) return null;
  if ((kind === "inner" || kind === "left") && !unique) return null;
  if (batch.rows === 0 || batch.rows > ROWS_IN_PLACE || (kind === "left" && left.predicate !== null)) return null;
  const rightRows = rowsOf(right.table);
  if (rightRows === 0 || rightRows > rowsThatFit(context, right.table.schema, plan.rightOn)) return null;
  const build = await singleBatch(context, right.table);
  try {
    const found = await matched(context, plan, kind, { batch, predicate: left.predicate }, { batch: build, predicate: right.predicate });
    const result = placed(context, plan, batch, build, found);
    if (found.repeats !== null) guesses.zero(found.repeats.buffer, found.repeats.word);
    return result;
  } finally {
    releaseBatch(build);
  }
}

async function matched(context: QueryContext, plan: Join, kind: JoinKind, left: BatchRows, right: BatchRows): Promise<RowsInPlace> {
  const sides = [
    { batches: [left.batch], exprs: plan.leftOn },
    { batches: [right.batch], exprs: plan.rightOn },
  ];
  const [[leftKeys] = [], [rightKeys] = []] = await compileKeys(context, sides, () => "unique");
  if (leftKeys === undefined || rightKeys === undefined) throw new InternalError("the keys of a join were not compiled");
  const a = await sideOf(context, leftKeys, left.batch, left.predicate);
  const b = await sideOf(context, rightKeys, right.batch, right.predicate);
  const match = FAR_LARGER * left.batch.rows <= right.batch.rows ? matchInPlaceByLeft : matchInPlace;
  const wanted = rightNames(plan).map((name) => columnOf(right.batch, name));
  const found = match(context.device, a, b, kind, { nullsEqual: plan.nullsEqual }, wanted);
  releaseSide(a);
  releaseSide(b);
  return found;
}

/** The right columns of the output. */
const rightNames = ({ output }: Join): readonly string[] => [
  ...new Set(output.flatMap((o) => (o.from === "right" && o.right !== null ? [o.right] : []))),
];

/** The left columns as they are, the right ones at the rows found. */
function placed({ device }: QueryContext, plan: Join, left: Batch, right: Batch, { marked, right: rows, taken }: RowsInPlace): Table {
  const names = rightNames(plan);
  const columns = names.map((name) => columnOf(right, name));
  const found = taken ?? (rows === null || names.length === 0 ? [] : gather(device, columns, rows, left.rows, marked === null));
  rows?.release();
  const fromRight = batchOf(left.rows, names, found);
  const output = plan.output.map(({ from, left: leftName, right: rightName }) => {
    const column = from === "left" ? columnOf(left, leftName ?? "") : columnOf(fromRight, rightName ?? "");
    column.buffer.retain();
    return column;
  });
  releaseBatch(fromRight);
  if (marked !== null) output.push({ dtype: BOOLEAN, length: left.rows, buffer: marked, validityOffset: null, dictionary: null });
  const schema = marked === null ? plan.schema : [...plan.schema, { name: THERE, dtype: BOOLEAN }];
  return {
    schema,
    batches: [
      batchOf(
        left.rows,
        schema.map((f) => f.name),
        output,
      ),
    ],
  };
}
