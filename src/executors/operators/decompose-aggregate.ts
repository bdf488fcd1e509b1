/** How an aggregation is put together from those of parts of its rows: ordinary values, and aggregates that stay unfinished. */

import { type EntryShape, entryShape } from "../../gpu/kernels/aggregate-entries.ts";
import type { DType } from "../../ir/dtype.ts";
import { physicalOf } from "../../ir/dtype.ts";
import type { AggregateExpr, NamedExpr } from "../../ir/expr.ts";
import { aggregate, column, literal } from "../../ir/expr.ts";
import type { Aggregate } from "../../ir/plan.ts";
import { fieldsOf } from "../../ir/projection.ts";
import type { Schema } from "../../ir/schema.ts";
import type { KernelCalls, NamedAggregate } from "./accumulate.ts";
import { buffersBound, kernelCalls, partsOfCalls } from "./accumulate.ts";
import { callsOf } from "./group-aggregates.ts";
import { needsOrder } from "./ordered-aggregate.ts";

/** Aggregates that share an accumulator. */
export interface Unfinished {
  readonly calls: readonly NamedAggregate[];
  readonly kernel: KernelCalls;
  readonly shape: EntryShape;
}

/** The columns of a partial are the keys and the values; of each list of unfinished aggregates it has the entries, in the same order. */
export interface Decomposition {
  readonly plan: Aggregate;
  /** The keys as columns of a partial. */
  readonly keys: readonly NamedExpr[];
  /** The values of a part's rows, those that are results under the names of these. */
  readonly values: readonly NamedAggregate[];
  /** The values of several parts together: aggregates over the columns of partials. */
  readonly merges: readonly NamedAggregate[];
  readonly unfinished: readonly Unfinished[];
  /** Of partials. */
  readonly schema: Schema;
}

/** Name, before that of a `first` or `last`, of the column that says whether there was such a row: no user column starts so. */
const FOUND = "\u0001found ";
const BOOLEAN: DType = { kind: "Boolean" };
/** Words of the entries of aggregates that share an accumulator: more would leave room for fewer groups in a binding, fewer take more dispatches. */
const ENTRY_WORDS = 64;
/** What every device binds, as the split must not depend on the device; a mask and two buffers of the kernel are among it. */
const BUFFERS = 8;
const INPUTS = BUFFERS - 3;

/** Null where one of the aggregates cannot be put together so. */
export function decompose(plan: Aggregate): Decomposition | null {
  const values: NamedAggregate[] = [];
  const merges: NamedAggregate[] = [];
  const kept: NamedAggregate[] = [];
  for (const call of callsOf(plan)) {
    if (call.expr.fn === "n_unique" || needsOrder(call.expr)) return null;
    if (staysUnfinished(call.expr)) kept.push(call);
    else {
      for (const { value, merge } of valuesOf(call, plan.keys.length > 0)) {
        values.push(value);
        merges.push(merge);
      }
    }
  }
  const unfinished = partsOfCalls(kept, isShared).map(unfinishedOf);
  const keys = fieldsOf(plan.keys);
  return {
    plan,
    keys: keys.map(({ name, dtype }) => ({ name, expr: column(name, dtype) })),
    values,
    merges,
    unfinished,
    schema: [...keys, ...fieldsOf(values)],
  };
}

/** Rounded only when all rows are together. */
function staysUnfinished({ fn, arg }: AggregateExpr): boolean {
  const physical = arg === null ? null : physicalOf(arg.dtype);
  return fn === "mean" || fn === "var" || fn === "std" || (fn === "sum" && (physical === "f32" || physical === "f64"));
}

/** Ordinary aggregates of the rows, each with what it becomes over several parts. */
function valuesOf(
  { name, expr }: NamedAggregate,
  keyed: boolean,
): readonly { readonly value: NamedAggregate; readonly merge: NamedAggregate }[] {
  const own = column(name, expr.dtype);
  switch (expr.fn) {
    case "first":
    case "last": {
      // Every row counts, and every group has one.
      if (keyed && expr.where === null) return [{ value: { name, expr }, merge: { name, expr: aggregate(expr.fn, own, expr.dtype) } }];
      const found = column(`${FOUND}${name}`, BOOLEAN);
      const any = aggregate("any", expr.where ?? literal(true, BOOLEAN), BOOLEAN);
      return [
        { value: { name, expr }, merge: { name, expr: aggregate(expr.fn, own, expr.dtype, { where: found }) } },
        { value: { name: found.name, expr: any }, merge: { name: found.name, expr: aggregate("any", found, BOOLEAN) } },
      ];
    }
    case "len":
    case "count":
    case "null_count":
      return [{ value: { name, expr }, merge: { name, expr: aggregate("sum", own, expr.dtype) } }];
    default:
      return [{ value: { name, expr }, merge: { name, expr: aggregate(expr.fn, own, expr.dtype) } }];
  }
}

const unfinishedOf = (calls: readonly NamedAggregate[]): Unfinished => {
  const kernel = kernelCalls(calls);
  return {
    calls,
    kernel,
    shape: entryShape(
      kernel.aggregates,
      kernel.inputs.map((e) => physicalOf(e.dtype)),
    ),
  };
};

/** Whether one accumulator takes all of them, on every device. */
const isShared = (calls: readonly NamedAggregate[]): boolean => {
  const { kernel, shape } = unfinishedOf(calls);
  return shape.layout.stride <= ENTRY_WORDS && kernel.inputs.length <= INPUTS && buffersBound(null, calls) <= BUFFERS;
};
