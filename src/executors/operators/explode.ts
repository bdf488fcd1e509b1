/** Explode: a row for each element of a list, batch by batch; lists are codes, whose elements the dictionary has as one column. */

import { InternalError, InvalidPlanError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { countMarked, releaseMarked } from "../../gpu/kernels/compact.ts";
import { gather, NULL_ROW } from "../../gpu/kernels/gather.ts";
import { repeatRows } from "../../gpu/kernels/repeat.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr } from "../../ir/expr.ts";
import { call, column, literal, lookup } from "../../ir/expr.ts";
import type { Explode } from "../../ir/plan.ts";
import type { QueryContext } from "../context.ts";
import { computeColumns, predicateMarks } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { batchOf, columnOf } from "../table.ts";
import { wordColumn } from "./group.ts";
import { rowsThatFit } from "./partition.ts";

const U32: DType = { kind: "UInt32" };
const BOOLEAN: DType = { kind: "Boolean" };

const VALUE = '{"Column":"value"}';
/** Elements of each list; null for null. */
const LENGTH = `{"Function":{"input":[${VALUE}],"function":{"ListExpr":"Length"}}}`;
const NONE = '{"Literal":{"Scalar":{"UInt32":0}}}';
const LENGTH_OR_0 = `{"Function":{"input":[${LENGTH},${NONE}],"function":"FillNull"}}`;
/** Number of the first element of each list among the elements of all entries. */
const START = `{"BinaryExpr":{"left":{"Function":{"input":[${LENGTH_OR_0}],"function":{"CumSum":{"reverse":false}}}},"op":"Minus","right":${LENGTH_OR_0}}}`;

const words = (value: number): Expr => literal(BigInt(value), U32);

export async function explode(context: QueryContext, plan: Explode, input: Table): Promise<Table> {
  const batches: Batch[] = [];
  for (const batch of input.batches) batches.push(...(await explodeBatch(context, plan, batch)));
  return { schema: plan.schema, batches };
}

async function explodeBatch(context: QueryContext, plan: Explode, batch: Batch): Promise<readonly Batch[]> {
  const { device } = context;
  const lists = plan.columns.map((name) => column(name, columnOf(batch, name).dtype));
  const [first] = lists;
  if (first === undefined) throw new InternalError("an explode without columns");
  await checkLengths(context, batch, lists);
  const [counts] = await computeColumns(context, batch, [countOf(plan, first)]);
  if (counts === undefined) throw new InternalError("no counts of elements");
  const repeated = await repeatRows(device, counts.buffer, batch.rows);
  counts.buffer.release();
  const fit = rowsThatFit(context, plan.schema, []);
  const parts: Batch[] = [];
  for (let from = 0; from < repeated.count || from === 0; from += fit) {
    const count = Math.min(fit, repeated.count - from);
    const [rows, places] = [repeated.rows, repeated.places].map((buffer) => part(context, buffer, from, count, repeated.count));
    if (rows === undefined || places === undefined) throw new InternalError("no rows of a part");
    parts.push(await explodedRows(context, plan, batch, rows, places, count));
    rows.release();
    places.release();
  }
  repeated.rows.release();
  repeated.places.release();
  return parts;
}

function part(context: QueryContext, buffer: DeviceBuffer, from: number, count: number, total: number): DeviceBuffer {
  if (count === total) return buffer.retain();
  const copy = context.device.alloc(count, "exploded rows");
  context.device.copy(buffer, from, copy, 0, count);
  return copy;
}

/** Rows that a list becomes. */
function countOf(plan: Explode, list: Expr): Expr {
  const length = lookup(LENGTH, list, U32);
  const ofEmpty = call("ternary", [call("eq", [length, words(0)], BOOLEAN), words(plan.emptyAsNull ? 1 : 0), length], U32);
  return call("coalesce", [ofEmpty, words(plan.keepNulls ? 1 : 0)], U32);
}

/** @throws InvalidPlanError unless all lists of a row have the same length: polars has the error, or fills up. */
async function checkLengths(context: QueryContext, batch: Batch, lists: readonly Expr[]): Promise<void> {
  const [length, ...others] = lists.map((list) => lookup(LENGTH, list, U32));
  for (const other of others) {
    if (length === undefined) continue;
    const marked = await predicateMarks(context, batch, call("ne_missing", [length, other], BOOLEAN));
    const count = await countMarked(context.device, marked);
    releaseMarked(marked);
    if (count > 0) throw new InvalidPlanError("exploded columns of different lengths");
  }
}

/** The columns of the output rows, which are of the given rows and have the given places in their lists. */
async function explodedRows(
  context: QueryContext,
  plan: Explode,
  batch: Batch,
  rows: DeviceBuffer,
  places: DeviceBuffer,
  count: number,
): Promise<Batch> {
  const { device } = context;
  const columns = new Map<string, Column>();
  const kept = plan.schema.map((f) => f.name).filter((name) => !plan.columns.includes(name));
  const gathered = gather(
    device,
    kept.map((name) => columnOf(batch, name)),
    rows,
    count,
    false,
  );
  for (const [i, name] of kept.entries()) {
    const own = gathered[i];
    if (own !== undefined) columns.set(name, own);
  }
  for (const name of plan.columns) columns.set(name, await elementsOf(context, plan, batch, name, rows, places, count));
  const names = plan.schema.map((f) => f.name);
  return batchOf(
    count,
    names,
    names.flatMap((name) => columns.get(name) ?? []),
  );
}

async function elementsOf(
  context: QueryContext,
  plan: Explode,
  batch: Batch,
  name: string,
  rows: DeviceBuffer,
  places: DeviceBuffer,
  count: number,
): Promise<Column> {
  const { device, dictionaries } = context;
  const lists = columnOf(batch, name);
  const dtype = plan.schema.find((f) => f.name === name)?.dtype;
  if (lists.dictionary === null || dtype === undefined) throw new InternalError(`${JSON.stringify(name)} is no column of lists`);
  const elements = await dictionaries.elements(lists.dictionary, dtype);
  const list = column(name, lists.dtype);
  const spans = await computeColumns(context, batch, [lookup(LENGTH, list, U32), lookup(START, list, U32)]);
  const own = batchOf(
    count,
    ["length", "start", "place"],
    [...gather(device, spans, rows, count, false), wordColumn(places.retain(), count)],
  );
  for (const span of spans) span.buffer.release();
  const index = call("add", [column("start", U32), column("place", U32)], U32);
  const present = call("gt", [column("length", U32), words(0)], BOOLEAN);
  const [numbers] = await computeColumns(context, own, [
    call("coalesce", [call("ternary", [present, index, words(NULL_ROW)], U32), words(NULL_ROW)], U32),
  ]);
  for (const used of own.columns.values()) used.buffer.release();
  if (numbers === undefined) throw new InternalError("no numbers of elements");
  const [values] = gather(device, [elements], numbers.buffer, count, true);
  numbers.buffer.release();
  if (values === undefined) throw new InternalError("gather gave no column");
  return values;
}
