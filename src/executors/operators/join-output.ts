/** The output of a join: the columns of both sides at the rows that belong together. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { gatherLists } from "../../gpu/kernels/gather.ts";
import type { JoinRows, Wanted } from "../../gpu/kernels/join-expand.ts";
import { call, column } from "../../ir/expr.ts";
import type { Join, JoinOutput } from "../../ir/plan.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns } from "../pipeline.ts";
import type { Batch } from "../table.ts";
import { batchOf, columnOf } from "../table.ts";
import { rowsThatFit } from "./partition.ts";

/** The row numbers in parts whose columns fit a binding; takes `rows` over. */
export function partsOfRows(context: QueryContext, plan: Pick<Join, "schema">, rows: JoinRows): readonly JoinRows[] {
  const fit = rowsThatFit(context, plan.schema, []);
  if (rows.count <= fit) return [rows];
  const part = (buffer: DeviceBuffer, from: number, count: number): DeviceBuffer => {
    const copy = context.device.alloc(count, "join rows");
    context.device.copy(buffer, from, copy, 0, count);
    return copy;
  };
  const parts: JoinRows[] = [];
  for (let from = 0; from < rows.count; from += fit) {
    const count = Math.min(fit, rows.count - from);
    parts.push({ left: part(rows.left, from, count), right: rows.right === null ? null : part(rows.right, from, count), count });
  }
  releaseRows(rows);
  return parts;
}

export const releaseRows = (rows: JoinRows): void => {
  rows.left.release();
  rows.right?.release();
};

/** Output columns from the row numbers of both sides, or from the rows that were taken. */
export async function assemble(
  context: QueryContext,
  outputs: readonly JoinOutput[],
  left: Batch,
  right: Batch,
  rows: JoinRows,
  mayBeNull: { readonly left: boolean; readonly right: boolean },
): Promise<Batch> {
  const names = namesOf(outputs);
  const [fromLeft, fromRight] =
    rows.taken === undefined
      ? takeSides(
          context,
          [
            { batch: left, rows: rows.left, mayBeNull: mayBeNull.left, names: names.left },
            { batch: right, rows: rows.right, mayBeNull: mayBeNull.right, names: names.right },
          ],
          rows.count,
        )
      : [batchOf(rows.count, names.left, rows.taken[0] ?? []).columns, batchOf(rows.count, names.right, rows.taken[1] ?? []).columns];
  const columns: Column[] = [];
  for (const output of outputs) {
    const a = output.left === null ? undefined : fromLeft.get(output.left);
    const b = output.right === null ? undefined : fromRight.get(output.right);
    const chosen = output.from === "left" ? a : output.from === "right" ? b : await coalesced(context, a, b, rows.count);
    if (chosen === undefined) throw new InternalError(`the join output ${JSON.stringify(output.name)} has no source`);
    if (output.from !== "coalesce") chosen.buffer.retain();
    columns.push(chosen);
  }
  for (const c of [...fromLeft.values(), ...fromRight.values()]) c.buffer.release();
  return batchOf(
    rows.count,
    outputs.map((o) => o.name),
    columns,
  );
}

interface Side {
  readonly batch: Batch;
  readonly rows: DeviceBuffer | null;
  readonly mayBeNull: boolean;
  readonly names: readonly string[];
}

type Columns = ReadonlyMap<string, Column>;

interface Names {
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/** The columns of both sides that the output is made of. */
const namesOf = (outputs: readonly JoinOutput[]): Names => ({
  left: [...new Set(outputs.map((o) => o.left).filter((n) => n !== null))],
  right: [...new Set(outputs.map((o) => o.right).filter((n) => n !== null))],
});

/** What a join is asked to take of its sides, where its rows fit one batch. */
export function wantedOf(context: QueryContext, plan: Join, left: Batch, right: Batch): Wanted {
  const names = namesOf(plan.output);
  return {
    left: names.left.map((name) => columnOf(left, name)),
    right: names.right.map((name) => columnOf(right, name)),
    most: rowsThatFit(context, plan.schema, []),
  };
}

/** The columns of both sides, none of a side without rows. */
function takeSides(context: QueryContext, [left, right]: readonly [Side, Side], count: number): readonly [Columns, Columns] {
  const lists = [left, right].flatMap(({ batch, rows, mayBeNull, names }) =>
    names.length === 0 || rows === null ? [] : [{ names, gathered: { columns: names.map((n) => columnOf(batch, n)), rows, mayBeNull } }],
  );
  const taken = gatherLists(
    context.device,
    lists.map(({ gathered }) => gathered),
    count,
  );
  const columnsOf = ({ names }: Side): Columns => {
    const at = lists.findIndex((list) => list.names === names);
    return at < 0 ? new Map() : batchOf(count, names, taken[at] ?? []).columns;
  };
  return [columnsOf(left), columnsOf(right)];
}

async function coalesced(context: QueryContext, a: Column | undefined, b: Column | undefined, count: number): Promise<Column | undefined> {
  if (a === undefined || b === undefined) return undefined;
  const exprs = [call("coalesce", [column("a", a.dtype), column("b", b.dtype)], a.dtype)];
  return (await computeColumns(context, batchOf(count, ["a", "b"], [a, b]), exprs))[0];
}
