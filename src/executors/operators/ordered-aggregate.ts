/** Aggregates that see the rows of a group in an order: its first and last row, where that stood, quantiles, lists. */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { iota } from "../../gpu/kernels/fill.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import type { DType } from "../../ir/dtype.ts";
import type { AggregateExpr, Expr } from "../../ir/expr.ts";
import { call, column, describeExpr, literal } from "../../ir/expr.ts";
import { QUANTILE_METHODS, quantileRows, quantileValue } from "../../ir/quantile.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns } from "../pipeline.ts";
import type { Table } from "../table.ts";
import { batchOf } from "../table.ts";
import type { Grouping } from "./group.ts";
import { wordColumn } from "./group.ts";
import type { OrderedRows, RowsSpec } from "./ordered-rows.ts";
import { COUNT, orderedRows } from "./ordered-rows.ts";

const U32: DType = { kind: "UInt32" };
const F64: DType = { kind: "Float64" };
const I64: DType = { kind: "Int64" };
const FIRST = literal(0n, U32);

/** Whether the aggregate needs the rows of its groups sorted. */
export const needsOrder = ({ fn, by }: AggregateExpr): boolean =>
  by.length > 0 || fn === "quantile" || fn === "arg_first" || fn === "implode";

interface Call {
  readonly name: string;
  readonly expr: AggregateExpr;
}

/** Calls over the same rows in the same order share one sort. */
export async function orderedAggregates(
  context: QueryContext,
  base: Table,
  predicate: Expr | null,
  grouped: Grouping | null,
  calls: readonly Call[],
  groups: number,
): Promise<ReadonlyMap<string, Column>> {
  const byOrder = new Map<string, { readonly spec: RowsSpec; readonly calls: Call[] }>();
  for (const call of calls) {
    const spec = specOf(predicate, call.expr);
    const key = describeExpr({ ...call.expr, fn: "first", by: spec.by, options: [] });
    const known = byOrder.get(key);
    if (known === undefined) byOrder.set(key, { spec, calls: [call] });
    else known.calls.push(call);
  }
  const columns = new Map<string, Column>();
  for (const { spec, calls: own } of byOrder.values()) {
    const rows = await orderedRows(context, base, grouped, groups, spec);
    for (const { name, expr } of own) columns.set(name, await picked(context, rows, expr));
    rows.release();
  }
  return columns;
}

/** Quantiles order their values, nulls first. */
function specOf(predicate: Expr | null, { fn, arg, where, by }: AggregateExpr): RowsSpec {
  const own = fn === "quantile" && arg !== null ? [{ expr: arg, descending: false, nullsLast: false }] : by;
  return { predicate, where, by: own, value: arg };
}

async function picked(context: QueryContext, rows: OrderedRows, expr: AggregateExpr): Promise<Column> {
  if (expr.fn === "quantile") return quantile(context, rows, expr);
  if (expr.fn === "implode") return lists(context, rows, expr);
  const [at] = await rows.rowsAt([expr.fn === "last" ? call("sub", [COUNT, literal(1n, U32)], U32) : FIRST]);
  if (at === undefined) throw new InternalError("no row was found");
  const made = expr.fn === "arg_first" ? await place(context, rows, at) : valuesAt(context, rows, at);
  at.release();
  return made;
}

/** Null where there is no row. */
function valuesAt(context: QueryContext, { values, groups }: OrderedRows, at: DeviceBuffer): Column {
  if (values === null) throw new InternalError("an aggregate in an order without an input");
  const [made] = gather(context.device, [values], at, groups, true);
  if (made === undefined) throw new InternalError("gather gave no column");
  return made;
}

async function quantile(context: QueryContext, rows: OrderedRows, { options, dtype }: AggregateExpr): Promise<Column> {
  const [fraction = 0, code = 0] = options;
  const method = QUANTILE_METHODS[code];
  if (method === undefined) throw new InternalError(`there is no quantile method ${code}`);
  const values = rows.tally("count");
  const known = column("values", U32);
  const input = {
    values: call("cast", [known], F64),
    nulls: call("cast", [call("sub", [COUNT, known], U32)], F64),
    fraction: literal(fraction, F64),
  };
  const places = quantileRows(input, method).map((row) => call("coalesce", [call("cast", [row], U32), FIRST], U32));
  const at = await rows.rowsAt(places, new Map([["values", values]]));
  const neighbours = at.map((buffer) => valuesAt(context, rows, buffer));
  for (const buffer of at) buffer.release();
  const names = neighbours.map((_, i) => `v${i}`);
  const [lower = literal(null, F64), upper = lower] = neighbours.map((c, i) => call("cast", [column(`v${i}`, c.dtype)], F64));
  const given = batchOf(
    rows.groups,
    ["values", "count", ...names],
    [wordColumn(values, rows.groups), wordColumn(rows.counts, rows.groups), ...neighbours],
  );
  const value = quantileValue(input, method, lower, upper);
  const [made] = await computeColumns(context, given, [dtype.kind === "Float64" ? value : call("cast", [value], I64)]);
  for (const buffer of [values, ...neighbours.map((c) => c.buffer)]) buffer.release();
  if (made === undefined) throw new InternalError("no quantile was computed");
  return { ...made, dtype };
}

/** Null in groups without rows. */
async function place(context: QueryContext, rows: OrderedRows, at: DeviceBuffer): Promise<Column> {
  const places = await rows.placesOf(at);
  const given = batchOf(rows.groups, ["place", "count"], [wordColumn(places, rows.groups), wordColumn(rows.counts, rows.groups)]);
  const filled = call("gt", [COUNT, literal(0n, U32)], { kind: "Boolean" });
  const [made] = await computeColumns(context, given, [call("ternary", [filled, column("place", U32), literal(null, U32)], U32)]);
  places.release();
  if (made === undefined) throw new InternalError("no place was computed");
  return made;
}

/** The rows of each group as the entry of a dictionary, which is made on the host. */
async function lists(context: QueryContext, rows: OrderedRows, { options, dtype }: AggregateExpr): Promise<Column> {
  const { values, groups, counts, ordered } = rows;
  if (values === null) throw new InternalError("lists of nothing");
  const [inOrder] = gather(context.device, [values], ordered, values.length, false);
  if (inOrder === undefined) throw new InternalError("gather gave no column");
  const lengths = await context.device.read(counts, 0, groups);
  const [offset, length] = options;
  const slice = offset === undefined || length === undefined ? null : ([offset, length] as const);
  const dictionary = await context.dictionaries.lists(inOrder, lengths, dtype, slice);
  inOrder.buffer.release();
  return { dtype, length: groups, buffer: iota(context.device, 0, groups), validityOffset: null, dictionary };
}
