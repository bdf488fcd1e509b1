/** The rows of each group in an order: one sort of all rows by group and keys. All rows have to fit one batch. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import type { AggregateKind } from "../../gpu/kernels/aggregate.ts";
import { GroupAccumulator } from "../../gpu/kernels/aggregate.ts";
import { sortById } from "../../gpu/kernels/radix-sort.ts";
import { remap } from "../../gpu/kernels/remap.ts";
import { exclusiveScan } from "../../gpu/kernels/scan.ts";
import { columnsProgram } from "../../gpu/row-program.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr, SortKey } from "../../ir/expr.ts";
import { call, column, literal, named } from "../../ir/expr.ts";
import { fieldsOf } from "../../ir/projection.ts";
import { joinedBatches } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns, projectBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, columnOf, releaseBatch } from "../table.ts";
import type { Grouping } from "./group.ts";
import { wordColumn } from "./group.ts";
import { rowsByKeys } from "./key-order.ts";

const U32: DType = { kind: "UInt32" };
/** The group of a row without a part, and the row where there is none. */
const NONE = 0xffffffff;
const none = literal(BigInt(NONE), U32);
/** Name of the column of group numbers: no user column starts so. */
const GROUP = "\u0001group";

/** What takes part: the rows for which `predicate` (where rows are not grouped) and `where` are true, seen by `by`. */
export interface RowsSpec {
  readonly predicate: Expr | null;
  readonly where: Expr | null;
  readonly by: readonly SortKey[];
  /** Evaluated for every row. */
  readonly value: Expr | null;
}

/** The caller releases it. */
export interface OrderedRows {
  readonly groups: number;
  /** u32 rows that take part, for each group. */
  readonly counts: DeviceBuffer;
  /** The value of each row, in row order; null where the spec has none. */
  readonly values: Column | null;
  /** u32 rows, group after group, each in its order; those without a part last. */
  readonly ordered: DeviceBuffer;
  /**
   * u32 rows at places of each group, 0xFFFFFFFF for empty groups: places are UInt32 expressions over `columns` and COUNT, the number of
   * rows, and those beyond the last row mean that one.
   */
  rowsAt(places: readonly Expr[], columns?: ReadonlyMap<string, DeviceBuffer>): Promise<readonly DeviceBuffer[]>;
  /** u32 of each group: how many of its rows stand before the given one in row order. */
  placesOf(rows: DeviceBuffer): Promise<DeviceBuffer>;
  /** The accumulation of the values, rows without a part left out; one u32 for each group. */
  tally(kind: AggregateKind): DeviceBuffer;
  release(): void;
}

export const COUNT = column("count", U32);

export async function orderedRows(
  context: QueryContext,
  base: Table,
  grouped: Grouping | null,
  groups: number,
  spec: RowsSpec,
): Promise<OrderedRows> {
  const { device } = context;
  const all = await rowsOf(context, base, grouped, spec);
  const group = columnOf(all, GROUP);
  const keys = [{ expr: column(GROUP, U32), descending: false, nullsLast: true }, ...spec.by.map((key, i) => keyOf(key, i))];
  const ordered = spec.by.length === 0 ? sortById(device, group.buffer, all.rows, groups) : await rowsByKeys(context, all, keys);
  const values = spec.value === null ? null : columnOf(all, "value");
  const tally = (kind: AggregateKind): DeviceBuffer => {
    const columns = kind === "len" ? [] : values === null ? [] : [values];
    const program = columnsProgram(columns);
    const accumulator = new GroupAccumulator(device, [{ kind, input: columns.length - 1 }], program.outputs, groups);
    accumulator.accumulate(program, all.rows, group.buffer, null, 0);
    const [made] = accumulator.finish();
    accumulator.release();
    if (made === undefined) throw new InternalError(`no ${kind} was made`);
    return made.buffer;
  };
  const counts = tally("len");
  const scanned = exclusiveScan(device, counts, groups);
  scanned.total.release();
  const starts = scanned.offsets;
  const overGroups = async (exprs: readonly Expr[], columns: ReadonlyMap<string, DeviceBuffer>): Promise<readonly DeviceBuffer[]> => {
    const given = new Map([["start", starts], ["count", counts], ...columns]);
    const batch = batchOf(
      groups,
      [...given.keys()],
      [...given.values()].map((buffer) => wordColumn(buffer, groups)),
    );
    return (await computeColumns(context, batch, exprs)).map((c) => c.buffer);
  };
  return {
    groups,
    counts,
    values,
    ordered,
    tally,
    rowsAt: async (places, columns = new Map()) => {
      const filled = call("gt", [COUNT, literal(0n, U32)], { kind: "Boolean" });
      const found = await overGroups(
        places.map((place) => {
          const inside = call("min_horizontal", [place, call("sub", [COUNT, literal(1n, U32)], U32)], U32);
          return call("ternary", [filled, call("add", [column("start", U32), inside], U32), none], U32);
        }),
        columns,
      );
      return found.map((at) => {
        const rows = remap(device, at, ordered, 0, groups);
        at.release();
        return rows;
      });
    },
    placesOf: async (rows) => {
      const inRowOrder = sortById(device, group.buffer, all.rows, groups);
      const inverse = sortById(device, inRowOrder, all.rows, all.rows);
      inRowOrder.release();
      const positions = remap(device, rows, inverse, 0, groups);
      inverse.release();
      const place = call("sub", [column("position", U32), column("start", U32)], U32);
      const [found] = await overGroups([place], new Map([["position", positions]]));
      positions.release();
      if (found === undefined) throw new InternalError("no place was computed");
      return found;
    },
    release: () => {
      for (const buffer of [ordered, counts, starts]) buffer.release();
      releaseBatch(all);
    },
  };
}

const keyName = (i: number): string => `by${i}`;
const keyOf = (key: SortKey, i: number): SortKey => ({ ...key, expr: column(keyName(i), key.expr.dtype) });

/** Group, value and keys of all rows in one batch. */
async function rowsOf(context: QueryContext, base: Table, grouped: Grouping | null, spec: RowsSpec): Promise<Batch> {
  const { predicate, where, by, value } = spec;
  const conditions = [...(grouped === null && predicate !== null ? [predicate] : []), ...(where === null ? [] : [where])];
  const own = grouped === null ? literal(0n, U32) : column(GROUP, U32);
  const group = conditions.reduce<Expr>((id, condition) => call("ternary", [condition, id, none], U32), own);
  const outputs = [
    named(GROUP, group),
    ...(value === null ? [] : [named("value", value)]),
    ...by.map((key, i) => named(keyName(i), key.expr)),
  ];
  const parts: Batch[] = [];
  for (const [b, batch] of base.batches.entries()) {
    const ids = grouped?.batches[b]?.ids;
    const columns = ids === undefined ? batch.columns : new Map([...batch.columns, [GROUP, wordColumn(ids, batch.rows)]]);
    parts.push(await projectBatch(context, { rows: batch.rows, columns }, outputs));
  }
  return joinedBatches(context, parts, fieldsOf(outputs));
}
