/** The windows of groupByDynamic, as far as each row is in exactly one: windows of fixed length that follow one another. */

import { isTemporal } from "../../ir/casts.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { Expr, NamedExpr } from "../../ir/expr.ts";
import { aggregate, call, column, literal, named } from "../../ir/expr.ts";
import { integerRange } from "../../ir/integers.ts";
import type { Plan } from "../../ir/plan.ts";
import { describeDType, sameDType } from "../../ir/schema.ts";
import type { DslObject, DslValue } from "../../polars/dsl.ts";
import { isObject } from "../../polars/dsl.ts";
import type { AggregateSet } from "../expr/aggregates.ts";
import { NANOSECONDS_PER_DAY, NANOSECONDS_PER_TICK } from "../expr/duration-text.ts";
import { ExprTranslator } from "../expr/translator.ts";
import type { Scope } from "../scope.ts";
import type { NodeContext } from "./node.ts";

const I64: DType = { kind: "Int64" };
/** Name of the number of the window that a row is in. */
const WINDOW = "\u0001window";

export interface DynamicWindows {
  /** The number of each row's window. */
  readonly key: NamedExpr;
  /** The input; polars has the error where the index does not ascend within each group. */
  input(input: Plan, keys: readonly NamedExpr[]): Plan;
  /** The groups in polars' order: by their keys, nulls last, then by their windows. */
  sorted(groups: Plan, keys: readonly NamedExpr[]): Plan;
  /** What stands between the keys and the aggregates. */
  readonly outputs: readonly NamedExpr[];
}

/** Nanoseconds of a tick of the dtype; 1 for integers, null for what windows cannot be made of. */
function tickOf(dtype: DType): bigint | null {
  if (dtype.kind === "Date") return NANOSECONDS_PER_DAY;
  if (dtype.kind === "Datetime") return dtype.zone === null || dtype.zone === "UTC" ? NANOSECONDS_PER_TICK[dtype.unit] : null;
  return integerRange(dtype) !== null && !isTemporal(dtype) && dtype.kind !== "UInt64" ? 1n : null;
}

const bigintOf = (value: DslValue | undefined): bigint => (typeof value === "number" || typeof value === "bigint" ? BigInt(value) : 0n);

/** A duration of fixed length in ticks; null for others. `counted`: of integers. */
function ticksOf(duration: DslValue | undefined, tick: bigint, counted: boolean): bigint | null {
  if (!isObject(duration) || bigintOf(duration.months) !== 0n || (duration.parsed_int === true) !== counted) {
    const isZero = isObject(duration) && ["months", "weeks", "days", "nsecs"].every((part) => bigintOf(duration[part]) === 0n);
    return isZero ? 0n : null;
  }
  const total =
    bigintOf(duration.weeks) * 7n * NANOSECONDS_PER_DAY + bigintOf(duration.days) * NANOSECONDS_PER_DAY + bigintOf(duration.nsecs);
  return total % tick === 0n ? (duration.negative === true ? -total : total) / tick : null;
}

/** A tick at which a window begins, before the offset; null where that depends on the data. Integers count as nanoseconds. */
function alignment(options: DslObject, dtype: DType, every: bigint, tick: bigint): bigint | null {
  const monday = (4n * NANOSECONDS_PER_DAY) / tick;
  if (options.start_by === "Monday") return ((7n * NANOSECONDS_PER_DAY) / tick) % every === 0n ? monday : null;
  if (options.start_by === "WindowBound" && !isTemporal(dtype)) return 0n;
  const { weeks, days, nsecs } = isObject(options.every) ? options.every : {};
  const parts = [weeks, days, nsecs].filter((part) => bigintOf(part) !== 0n);
  if (options.start_by !== "WindowBound" || parts.length !== 1) return null;
  return bigintOf(weeks) === 0n ? 0n : monday;
}

/** Null with a reason where the windows overlap, have gaps, or are not of fixed length. */
export function dynamicWindows(context: NodeContext, scope: Scope, options: DslObject, set: AggregateSet): DynamicWindows | null {
  const index = scope.column(String(options.index_column));
  const tick = index === undefined ? null : tickOf(index.dtype);
  if (index === undefined || tick === null)
    return context.unsupported(`groupByDynamic over ${index === undefined ? "no column" : describeDType(index.dtype)}`);
  const counted = !isTemporal(index.dtype);
  const [every, period, offset] = [options.every, options.period, options.offset].map((d) => ticksOf(d, tick, counted));
  const closed = options.closed_window;
  if (every === undefined || every === null || every <= 0n || period !== every || offset === undefined || offset === null)
    return context.unsupported("groupByDynamic with windows that overlap, have gaps or are not of fixed length");
  const start = alignment(options, index.dtype, every, tick);
  if (start === null || (closed !== "Left" && closed !== "Right"))
    return context.unsupported("groupByDynamic with windows whose bounds depend on the data");
  const translator = new ExprTranslator(scope);
  const row = column(index.name, index.dtype);
  const ticks = translator.cast(row, I64);
  const lit = (value: bigint): Expr => literal(value, I64);
  const first = start + offset;
  const number =
    ticks === null ? null : call("floor_div", [call("sub", [ticks, lit(closed === "Left" ? first : first + 1n)], I64), lit(every)], I64);
  if (ticks === null || number === null) return null;
  const bound = (shift: bigint, dtype: DType): Expr | null => {
    const at = call("add", [call("mul", [column(WINDOW, I64), lit(every)], I64), lit(first + shift)], I64);
    const own = translator.cast(at, index.dtype);
    return own === null || sameDType(own.dtype, dtype) ? own : translator.cast(own, dtype);
  };
  const label = (): Expr | null => {
    if (options.label === "DataPoint") return set.add(aggregate("min", row, index.dtype));
    return bound(options.label === "Right" ? every : 0n, index.dtype);
  };
  const outputs: NamedExpr[] = [];
  const add = (name: string, expr: Expr | null): void => void (expr === null || outputs.push(named(name, expr)));
  const dtypeOf = (name: string): DType => context.schema.find((f) => f.name === name)?.dtype ?? index.dtype;
  if (options.include_boundaries === true) {
    add("_lower_boundary", bound(0n, dtypeOf("_lower_boundary")));
    add("_upper_boundary", bound(every, dtypeOf("_upper_boundary")));
  }
  add(index.name, label());
  if (outputs.length !== (options.include_boundaries === true ? 3 : 1)) return null;
  return {
    key: named(WINDOW, number),
    outputs,
    input: (input, keys) => ({
      kind: "require",
      input,
      condition: { kind: "ascending", key: ticks, by: keys.map((k) => k.expr) },
      schema: input.schema,
    }),
    sorted: (groups, keys) => sortedGroups(context, groups, keys),
  };
}

function sortedGroups(context: NodeContext, groups: Plan, keys: readonly NamedExpr[]): Plan {
  if (keys.length === 0) return groups;
  const odd = keys.find((k) => physicalOf(k.expr.dtype) === "code" || k.expr.dtype.kind === "Float32" || k.expr.dtype.kind === "Float64");
  if (odd !== undefined)
    context.unsupported(`groupByDynamic within groups of ${describeDType(odd.expr.dtype)}, whose order is polars' own`);
  const by = [...keys.map((k) => column(k.name, k.expr.dtype)), column(WINDOW, I64)];
  return {
    kind: "sort",
    input: groups,
    by: by.map((expr) => ({ expr, descending: false, nullsLast: true })),
    limit: null,
    schema: groups.schema,
  };
}
