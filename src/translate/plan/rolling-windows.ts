/** The windows of groupByRolling: one for each row, of the rows whose index is between two bounds. */

import type { DType } from "../../ir/dtype.ts";
import type { Expr, NamedExpr } from "../../ir/expr.ts";
import { call, column, literal, named } from "../../ir/expr.ts";
import type { JoinOutput, Plan } from "../../ir/plan.ts";
import { columnsOfSchema, fieldsOf } from "../../ir/projection.ts";
import type { DslObject, DslValue } from "../../polars/dsl.ts";
import type { AggregateSet } from "../expr/aggregates.ts";
import { nominalNanoseconds } from "../expr/duration-text.ts";
import type { Scope } from "../scope.ts";
import { groupOrder } from "./group-order.ts";
import type { IndexWindows } from "./index-windows.ts";
import { MARK } from "./index-windows.ts";
import type { NodeContext } from "./node.ts";
import { filterNode, numbered, project } from "./plan-nodes.ts";
import type { WindowIndex } from "./window-index.ts";
import { INT64, minus, plus, windowDuration, windowIndex } from "./window-index.ts";
import { aggregated, aggregateNode, crossed, joined } from "./windows.ts";

const BOOLEAN: DType = { kind: "Boolean" };
const UINT32: DType = { kind: "UInt32" };
const ROW = named(`${MARK}.row`, column(`${MARK}.row`, UINT32));
const INDEX = `${MARK}.index`;
const FROM = `${MARK}.from`;
const TO = `${MARK}.to`;
const MATCH = `${MARK}.match`;
const FOUND = `${MARK}.found`;
const NONE = `${MARK}.none`;

/** The bounds of each row's window in ticks, both inclusive. */
interface Bounds {
  readonly from: Expr;
  readonly to: Expr;
  /** Whether a row may be in no window, so that there may be windows without rows. */
  readonly mayBeEmpty: boolean;
}

/** Null with a reason where the windows have no GPU form. */
export function rollingWindows(context: NodeContext, scope: Scope, options: DslObject, keys: readonly NamedExpr[]): IndexWindows | null {
  const index = windowIndex(context, scope, String(options.index_column), "groupByRolling");
  const bounds = index === null ? null : boundsOf(context, index, options);
  if (index === null || bounds === null) return null;
  const own = keys.map((k, i) => named(`${MARK}.key${i}`, column(`${MARK}.key${i}`, k.expr.dtype)));
  const label = named(INDEX, column(INDEX, index.dtype));
  const rowKeys = [ROW, label, ...own];
  const windowsOf = (input: Plan): Plan => {
    const exprs = [ROW, named(INDEX, index.row), ...keys.map((k, i) => named(own[i]?.name ?? k.name, k.expr))];
    return project(numbered(input, ROW.name), [...exprs, named(FROM, bounds.from), named(TO, bounds.to)]);
  };
  return {
    keys: rowKeys,
    grouping: "rolling",
    plan: (input, extend, set) => {
      const windows = windowsOf(input);
      const rows = extend(ranged(windows, input, index, keys, rowKeys));
      const grouped = aggregated(rows, rowKeys, set);
      const groups = bounds.mayBeEmpty ? everyWindow(windows, grouped, rowKeys, rows, set) : grouped;
      return keys.length === 0 ? groups : groupOrder(context, groups, own, ROW.expr);
    },
    outputs: () => [...keys.map((k, i) => named(k.name, own[i]?.expr ?? k.expr)), named(index.name, label.expr)],
  };
}

/** Null with a reason where a bound has no GPU form. */
function boundsOf(context: NodeContext, index: WindowIndex, options: DslObject): Bounds | null {
  const from = index.moved(index.ticks, options.offset);
  // A window that looks back as far as it is long ends with its row, also where months do not lead back to it.
  const looksBack = isOpposite(options.offset, options.period);
  const to = from === null ? null : looksBack ? index.ticks : index.moved(from, options.period);
  if (from === null || to === null) return context.unsupported("groupByRolling with a period or an offset that has no GPU form");
  const [offset, period] = [index.ticksOf(options.offset), index.ticksOf(options.period)];
  if (period !== null && period <= 0n) return context.unsupported("groupByRolling with a period that is not positive");
  const { closed_window: closed } = options;
  const [withFrom, withTo] = [closed === "Left" || closed === "Both", closed === "Right" || closed === "Both"];
  const [first, last] = [withFrom ? 0n : 1n, withTo ? 0n : 1n];
  const holdsOwn = looksBack ? withTo : offset !== null && period !== null && offset + first <= 0n && offset + period - last >= 0n;
  return { from: plus(from, first), to: minus(to, last), mayBeEmpty: !holdsOwn };
}

/** Whether the offset is the period backward by polars' measure, to which a month has 28 days. */
function isOpposite(offset: DslValue | undefined, period: DslValue | undefined): boolean {
  const [back, length] = [windowDuration(offset), windowDuration(period)];
  return back !== null && length !== null && back.negative && nominalNanoseconds(back) === nominalNanoseconds(length);
}

/** Each window beside its rows. */
function ranged(windows: Plan, input: Plan, index: WindowIndex, keys: readonly NamedExpr[], rowKeys: readonly NamedExpr[]): Plan {
  const [, , ...own] = rowKeys;
  const output: readonly JoinOutput[] = [
    ...rowKeys.map(({ name }): JoinOutput => ({ name, from: "left", left: name, right: null })),
    ...input.schema.map(({ name }): JoinOutput => ({ name, from: "right", left: null, right: name })),
  ];
  return {
    kind: "range_join",
    left: windows,
    right: input,
    from: column(FROM, INT64),
    to: column(TO, INT64),
    key: index.ticks,
    leftBy: own.map((k) => k.expr),
    rightBy: keys.map((k) => k.expr),
    output,
    schema: [...fieldsOf(rowKeys), ...input.schema],
  };
}

/** The groups, and for each window without rows one of aggregates of no rows. */
function everyWindow(windows: Plan, grouped: Plan, rowKeys: readonly NamedExpr[], rows: Plan, set: AggregateSet): Plan {
  const present = [named(MATCH, ROW.expr), named(FOUND, ROW.expr), ...columnsOfSchema(fieldsOf(set.aggregates))];
  const groups = project(grouped, present);
  const nothing = filterNode(rows, literal(false, BOOLEAN));
  const none = set.aggregates.map(({ expr }, i) => named(`${NONE}${i}`, expr));
  const all = crossed(joined(windows, groups, [ROW.expr], [column(MATCH, UINT32)]), aggregateNode(nothing, [], none));
  const isFound = call("is_not_null", [column(FOUND, UINT32)], BOOLEAN);
  const values = set.aggregates.map(({ name, expr: { dtype } }, i) =>
    named(name, call("ternary", [isFound, column(name, dtype), column(`${NONE}${i}`, dtype)], dtype)),
  );
  return project(all, [...rowKeys, ...values]);
}
