/**
 * Window functions: the rows in segments, small kernels over the positions of each, results back by row. Needs all rows in one batch: a
 * column that outgrows a binding is an OutOfDeviceMemoryError.
 */

import { InternalError } from "../../errors.ts";
import type { DeviceBuffer } from "../../gpu/buffers.ts";
import type { Column } from "../../gpu/column.ts";
import { gather } from "../../gpu/kernels/gather.ts";
import { encodeEquality } from "../../gpu/kernels/keys.ts";
import { rolling } from "../../gpu/kernels/rolling.ts";
import { rollingNth } from "../../gpu/kernels/rolling-nth.ts";
import { segmentedScan } from "../../gpu/kernels/segmented-scan.ts";
import type { Marks, Segments } from "../../gpu/kernels/segments.ts";
import { markRuns, markValid, placesOf } from "../../gpu/kernels/segments.ts";
import type { RowRule } from "../../gpu/kernels/window-rows.ts";
import { windowRows } from "../../gpu/kernels/window-rows.ts";
import { columnsProgram } from "../../gpu/row-program.ts";
import type { SortKey } from "../../ir/expr.ts";
import type { Window } from "../../ir/plan.ts";
import type { WindowCall } from "../../ir/windows.ts";
import { keysOfBatch, singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { projectBatch } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { columnOf, releaseBatch } from "../table.ts";
import { wordColumn } from "./group.ts";
import type { Partition } from "./segments.ts";
import { partition, releaseSegments, segmentOrder, segmentsOf } from "./segments.ts";

/** What is computed, wherever the rows come from. */
interface Windowing extends Pick<Window, "partitionBy" | "orderBy" | "functions" | "schema"> {
  /** Whether the rows of each segment are in the order already. */
  readonly isSorted?: boolean;
}

export async function window(context: QueryContext, plan: Windowing, input: Table): Promise<Table> {
  const batch = await singleBatch(context, input);
  const groups = await partition(context, batch, plan.partitionBy);
  const by = plan.isSorted === true ? [] : plan.orderBy;
  const order = await segmentOrder(context, batch, groups, by);
  const segments = segmentsOf(context, batch.rows, groups, order, by);
  order.release();
  const view: View = { context, batch, groups, segments, orderBy: plan.orderBy };
  const columns = new Map(batch.columns);
  for (const { name, call } of plan.functions) columns.set(name, await compute(view, call));
  releaseSegments(segments);
  groups.ids.release();
  return { schema: plan.schema, batches: [{ rows: batch.rows, columns }] };
}

/** The rows as the functions of a node see them. */
interface View {
  readonly context: QueryContext;
  readonly batch: Batch;
  readonly groups: Partition;
  readonly segments: Segments;
  readonly orderBy: readonly SortKey[];
}

/** The function's column, in row order; owned by the caller. */
async function compute(view: View, call: WindowCall): Promise<Column> {
  const { context, segments } = view;
  const [option = 0] = call.options;
  switch (call.fn) {
    case "row_number":
    case "segment_length":
      return words(view, call.fn);
    case "rank_min":
    case "rank_max":
    case "rank_dense":
      return ranks(view, call.fn, option);
    case "arg_sort":
      return positions(view, sortKeys(call, 0));
    case "sorted":
      return withArgument(view, call, async (value) => sorted(view, value, sortKeys(call, 1)));
    case "reverse":
    case "shift": {
      const { fn } = call;
      const steps = Math.max(-segments.rows, Math.min(segments.rows, option));
      return withArgument(view, call, (value) => moved(view, value, windowRows(context.device, segments, fn, [], [steps]), fn === "shift"));
    }
    case "forward_fill":
    case "backward_fill": {
      const { fn } = call;
      return withArgument(view, call, (value) => filled(view, value, fn, option < 0 ? 0xffffffff : option));
    }
    case "cum_count":
      return withArgument(view, call, (value) => counted(view, value, option !== 0 ? "count_from_end" : "count_from_start"));
    case "cum_linear":
      return withArguments(view, call, (a, b) => segmentedScan(context.device, "cum_linear", [a, b], segments, call.dtype, false));
    case "rolling_count":
      return withArgument(view, call, (value) => counted(view, value, "count_around", call.options));
    case "rolling_sum":
    case "rolling_min":
    case "rolling_max":
    case "rolling_deviations": {
      const { fn, dtype } = call;
      const [back = 0, ahead = 0] = call.options;
      return withArgument(view, call, (value) => rolling(context.device, fn, value, segments, dtype, { back, ahead }));
    }
    case "rolling_nth": {
      const [back = 0, ahead = 0] = call.options;
      return withArguments(view, call, (values, ranks) => rollingNth(context.device, values, ranks, segments, { back, ahead }));
    }
    case "cum_sum":
    case "cum_prod":
    case "cum_min":
    case "cum_max": {
      const { fn, dtype } = call;
      return withArgument(view, call, (value) => segmentedScan(context.device, fn, [value], segments, dtype, option !== 0));
    }
  }
}

const words = (
  { context, segments }: View,
  rule: RowRule,
  extras: readonly DeviceBuffer[] = [],
  parameters: readonly number[] = [],
): Column => wordColumn(windowRows(context.device, segments, rule, extras, parameters), segments.rows);

async function withArgument(view: View, { args }: WindowCall, use: (value: Column) => Column | Promise<Column>): Promise<Column> {
  const [arg] = args;
  if (arg === undefined) throw new InternalError("a window function without its argument");
  const values = await projectBatch(view.context, view.batch, [{ name: "value", expr: arg }]);
  const result = await use(columnOf(values, "value"));
  releaseBatch(values);
  return result;
}

async function withArguments(view: View, { args }: WindowCall, use: (first: Column, second: Column) => Column): Promise<Column> {
  const values = await projectBatch(
    view.context,
    view.batch,
    args.map((expr, k) => ({ name: `${k}`, expr })),
  );
  const result = use(columnOf(values, "0"), columnOf(values, "1"));
  releaseBatch(values);
  return result;
}

/** The keys among the arguments from `first` on, with the directions in the options. */
export const sortKeys = ({ args, options }: WindowCall, first: number): readonly SortKey[] =>
  args.slice(first).map((expr, k) => ({ expr, descending: options[2 * k] === 1, nullsLast: options[2 * k + 1] === 1 }));

/** The values at the rows listed, which are taken over. */
function moved({ context, segments }: View, value: Column, rows: DeviceBuffer, mayBeNull: boolean): Column {
  const [column] = gather(context.device, [value], rows, segments.rows, mayBeNull);
  rows.release();
  if (column === undefined) throw new InternalError("gather gave no column");
  return column;
}

const releaseMarks = ({ upto, list }: Marks): void => {
  for (const buffer of [upto, list]) buffer.release();
};

function filled(view: View, value: Column, rule: "forward_fill" | "backward_fill", limit: number): Column {
  const { device } = view.context;
  if (value.validityOffset === null) {
    value.buffer.retain();
    return value;
  }
  const marks = markValid(device, columnsProgram([value]), view.segments);
  const rows = windowRows(device, view.segments, rule, [marks.upto, marks.list], [limit]);
  releaseMarks(marks);
  return moved(view, value, rows, true);
}

function counted(
  view: View,
  value: Column,
  rule: "count_from_start" | "count_from_end" | "count_around",
  parameters: readonly number[] = [],
): Column {
  const marks = markValid(view.context.device, columnsProgram([value]), view.segments);
  const counts = words(view, rule, [marks.upto], parameters);
  releaseMarks(marks);
  return counts;
}

async function ranks(view: View, rule: "rank_min" | "rank_max" | "rank_dense", keys: number): Promise<Column> {
  const { context, batch, segments, orderBy } = view;
  const compiled = await keysOfBatch(
    context,
    batch,
    orderBy.slice(0, keys).map((k) => k.expr),
    "unique",
  );
  const planes = encodeEquality(context.device, compiled.programs, batch.rows);
  compiled.release();
  const runs = markRuns(context.device, planes, segments);
  planes.buffer.release();
  const result = words(view, rule, rule === "rank_dense" ? [runs.upto] : [runs.upto, runs.list]);
  releaseMarks(runs);
  return result;
}

/** The rows in the segments' sequence, each segment sorted by the keys first. */
const inOtherOrder = ({ context, batch, groups, orderBy }: View, keys: readonly SortKey[]): Promise<DeviceBuffer> =>
  segmentOrder(context, batch, groups, [...keys, ...orderBy]);

async function sorted(view: View, value: Column, keys: readonly SortKey[]): Promise<Column> {
  const other = await inOtherOrder(view, keys);
  const rows = windowRows(view.context.device, view.segments, "other_row", [other]);
  other.release();
  return moved(view, value, rows, false);
}

async function positions(view: View, keys: readonly SortKey[]): Promise<Column> {
  const other = await inOtherOrder(view, keys);
  const places = placesOf(view.context.device, view.segments);
  const result = words(view, "other_position", [other, places]);
  for (const buffer of [other, places]) buffer.release();
  return result;
}
