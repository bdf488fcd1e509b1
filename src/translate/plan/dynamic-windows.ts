/** The windows of groupByDynamic: their lower bounds in ticks of the index tell them apart. */

import { isTemporal } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import type { Expr, NamedExpr } from "../../ir/expr.ts";
import { aggregate, call, column, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { columnsOfSchema } from "../../ir/projection.ts";
import type { DslObject } from "../../polars/dsl.ts";
import { truncatedTo } from "../expr/calendar-steps.ts";
import { unitsOf } from "../expr/duration-text.ts";
import type { Scope } from "../scope.ts";
import { groupOrder } from "./group-order.ts";
import type { IndexWindows } from "./index-windows.ts";
import { MARK } from "./index-windows.ts";
import type { NodeContext } from "./node.ts";
import { filterNode, project } from "./plan-nodes.ts";
import type { WindowIndex } from "./window-index.ts";
import { above, INT64, minus, plus, windowDuration, windowIndex } from "./window-index.ts";
import { aggregated, WindowTarget } from "./windows.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const LOWER = `${MARK}.lower`;
const FIRST = `${MARK}.first`;
const LAST = `${MARK}.last`;
const END = `${MARK}.end`;
/** Windows that one row may be in; the rows are repeated so often. */
const MOST_WINDOWS = 64n;

/** How rows get the lower bounds of their windows: by an expression, or, where they may be in several or none, by repeating them. */
interface Assigned {
  readonly lower: Expr;
  readonly overlap: boolean;
  rows(input: Plan): Plan;
}

/** Null with a reason where the windows have no GPU form. */
export function dynamicWindows(context: NodeContext, scope: Scope, options: DslObject, keys: readonly NamedExpr[]): IndexWindows | null {
  const index = windowIndex(context, scope, String(options.index_column), "groupByDynamic");
  if (index === null) return null;
  const assigned = monthWindows(index, options) ?? fixedWindows(context, index, options, keys);
  if (assigned === null) return null;
  const windowKeys = [...keys, named(LOWER, assigned.lower)];
  const lower = column(LOWER, INT64);
  const upper = index.moved(lower, options.period);
  const dtypeOf = (name: string): DType => context.schema.find((f) => f.name === name)?.dtype ?? index.dtype;
  const bound = (name: string, at: Expr | null): NamedExpr | null => {
    const value = at === null ? null : index.cast(at, dtypeOf(name));
    return value === null ? null : named(name, value);
  };
  return {
    keys: windowKeys,
    grouping: assigned.overlap ? "overlapping" : "apart",
    plan: (input, extend, set) => {
      const rows = extend(assigned.rows(ascending(input, index, keys)));
      const groups = aggregated(rows, windowKeys, set);
      return keys.length === 0 && !assigned.overlap ? groups : groupOrder(context, groups, keys, lower);
    },
    outputs: (set) => {
      const datapoint = (): NamedExpr => named(index.name, set.add(aggregate("min", index.row, index.dtype)));
      const made = [
        ...keys.map((k) => named(k.name, column(k.name, k.expr.dtype))),
        ...(options.include_boundaries === true ? [bound("_lower_boundary", lower), bound("_upper_boundary", upper)] : []),
        options.label === "DataPoint" ? datapoint() : bound(index.name, options.label === "Right" ? upper : lower),
      ];
      const known = made.filter((m) => m !== null);
      return known.length === made.length ? known : context.unsupported("groupByDynamic with bounds that have no GPU form");
    },
  };
}

/** The input; polars has the error where the index does not ascend within each group. */
const ascending = (input: Plan, index: WindowIndex, keys: readonly NamedExpr[]): Plan => ({
  kind: "require",
  input,
  condition: { kind: "ascending", key: index.ticks, by: keys.map((k) => k.expr) },
  schema: input.schema,
});

/** Windows of months that follow one another; null for others. */
function monthWindows(index: WindowIndex, options: DslObject): Assigned | null {
  const [every, period] = [windowDuration(options.every), windowDuration(options.period)];
  const right = options.closed_window === "Right";
  if (every === null || period === null || every.months === 0n || period.months !== every.months) return null;
  if (unitsOf(every) > 1 || unitsOf(period) > 1 || every.negative || period.negative || index.ticksOf(options.offset) !== 0n) return null;
  if (options.start_by !== "WindowBound" || !(right || options.closed_window === "Left") || !isTemporal(index.dtype)) return null;
  const time = right ? index.cast(minus(index.ticks, 1n), index.dtype) : index.row;
  const start = time === null ? null : truncatedTo(time, every);
  const lower = start === null ? null : call("cast", [start], INT64);
  return lower === null ? null : { lower, overlap: false, rows: (input) => input };
}

/** Windows of fixed length. */
function fixedWindows(context: NodeContext, index: WindowIndex, options: DslObject, keys: readonly NamedExpr[]): Assigned | null {
  if ((windowDuration(options.every)?.months ?? 0n) > 0n)
    return context.unsupported("groupByDynamic with windows of months that begin elsewhere, overlap, have gaps, or hold both ends or none");
  const [every, period, offset] = [options.every, options.period, options.offset].map((d) => index.ticksOf(d));
  if (every === undefined || every === null || every <= 0n || period === undefined || period === null || period <= 0n)
    return context.unsupported("groupByDynamic with windows that are not of fixed length");
  if (offset === undefined || offset === null) return context.unsupported("groupByDynamic with an offset that is not of fixed length");
  const { closed_window: closed } = options;
  const from = opensBelow(options) ? minus(index.ticks, 1n) : index.ticks;
  const most = closed === "Both" ? period / every + 1n : (period + every - 1n) / every;
  const start = alignment(index, options, every);
  if (start !== null && period === every && (closed === "Left" || closed === "Right")) {
    const first = start + offset;
    return { lower: minus(from, above(from, first, every)), overlap: false, rows: (input) => input };
  }
  if (most > MOST_WINDOWS) return context.unsupported(`groupByDynamic with rows that are in up to ${most} windows`);
  const targets = new WindowTarget();
  const earliest = targets.groups(keys.map((k) => k.expr)).set.add(aggregate("min", index.ticks, INT64));
  const origin = firstWindow(index, options, earliest, every, offset);
  if (origin === null) return context.unsupported("groupByDynamic with windows whose first one is not understood");
  const end = closed === "Left" || closed === "None" ? index.ticks : minus(index.ticks, 1n);
  return {
    lower: column(LOWER, INT64),
    overlap: most > 1n,
    rows: (input) => {
      const bounds = [named(FIRST, origin), named(LAST, minus(from, above(from, origin, every))), named(END, end)];
      const own = columnsOfSchema(input.schema);
      const bounded = project(targets.extend(input), [...own, ...bounds]);
      const inputs = Array.from({ length: Number(most) }, (_, k) => {
        const lower = minus(column(LAST, INT64), BigInt(k) * every);
        const inside = [call("lt", [column(END, INT64), plus(lower, period)], BOOLEAN), call("ge", [lower, column(FIRST, INT64)], BOOLEAN)];
        return project(filterNode(bounded, call("and", inside, BOOLEAN)), [...own, named(LOWER, lower)]);
      });
      const [only] = inputs;
      return only !== undefined && inputs.length === 1 ? only : { kind: "union", inputs, schema: only?.schema ?? [] };
    },
  };
}

/** A tick at which a window begins, before the offset; null where that depends on the data. Integers count as nanoseconds. */
function alignment(index: WindowIndex, options: DslObject, every: bigint): bigint | null {
  const monday = 4n * index.day;
  if (options.start_by === "Monday") return (7n * index.day) % every === 0n ? monday : null;
  if (options.start_by !== "WindowBound") return null;
  if (!isTemporal(index.dtype)) return 0n;
  const duration = windowDuration(options.every);
  if (duration === null || unitsOf(duration) !== 1) return null;
  return duration.weeks === 0n ? 0n : monday;
}

/** Where windows begin for rows whose index begins at `earliest`, before the offset; null where it is not understood. */
function alignedStart(index: WindowIndex, options: DslObject, earliest: Expr, every: bigint): Expr | null {
  if (options.start_by === "Monday") return minus(earliest, above(earliest, 4n * index.day, 7n * index.day));
  const start = alignment(index, options, every);
  return start === null ? null : minus(earliest, above(earliest, start, every));
}

/** The lower bound of the first window of the rows whose index begins at `earliest`: it is at most that, below it where the lower bound is open. */
function firstWindow(index: WindowIndex, options: DslObject, earliest: Expr, every: bigint, offset: bigint): Expr | null {
  if (options.start_by === "DataPoint") return earliest;
  const start = alignedStart(index, options, earliest, every);
  if (start === null) return null;
  const [moved, most] = [plus(start, offset), opensBelow(options) ? minus(earliest, 1n) : earliest];
  return call("ternary", [call("gt", [moved, most], BOOLEAN), minus(most, above(most, moved, every)), moved], INT64);
}

/** Whether the lower bound of a window is outside of it. */
const opensBelow = ({ closed_window }: DslObject): boolean => closed_window === "Right" || closed_window === "None";
