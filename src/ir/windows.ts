/** The window functions of the IR: one value for each row, computed from the rows of its segment in the segment's order. */

import type { DType } from "./dtype.ts";
import type { Expr } from "./expr.ts";
import { describeExpr } from "./expr.ts";

/**
 * Arguments and options of each function. A segment is the rows with equal partition keys, in the order of the node (ties and no order: row
 * order). Moved values keep their dtype; counts and positions are UInt32.
 */
export const WINDOW_FUNCTIONS = [
  /** () position of the row in its segment, from 0. */
  "row_number",
  /** () rows of the segment. */
  "segment_length",
  /** (x), [n]: the value n rows before, null where there is none. */
  "shift",
  /** (x): the values of the segment in opposite order. */
  "reverse",
  /** (x), [limit or -1]: the nearest value before or after that is not null, at most `limit` rows away. */
  "forward_fill",
  "backward_fill",
  /** (x, keys..), [descending, nulls last of each key]: the values of the segment, sorted by the keys; stable in the segment's order. */
  "sorted",
  /** (keys..), [as `sorted`]: positions in the segment of its rows sorted by the keys. */
  "arg_sort",
  /** (x), [1: from the end]: over the values up to this row, null where the row's own value is. */
  "cum_sum",
  "cum_prod",
  "cum_min",
  "cum_max",
  /** (a, b), of Float64: s = a s + b, row after row from s = 0, NaN after an s that is not finite; rows without a take no part. */
  "cum_linear",
  /** (x), [1: from the end]: values up to this row that are not null. */
  "cum_count",
  /** (), [k]: rows before the first, before the last, or distinct values before the first of the rows that agree in the first k order keys. */
  "rank_min",
  "rank_max",
  "rank_dense",
  /** (x), [rows before, rows after]: of the values in the window around the row that are not null; unspecified where there are none, sums 0. */
  "rolling_count",
  "rolling_sum",
  "rolling_min",
  "rolling_max",
  /** Squared distances to the mean, summed. */
  "rolling_deviations",
  /** (x, k), of Float64 and UInt32, [rows before, rows after]: the value of rank k, from 0, of those in the window that are not null, NaN last. */
  "rolling_nth",
] as const;

export type WindowFunctionName = (typeof WINDOW_FUNCTIONS)[number];

export interface WindowCall {
  readonly fn: WindowFunctionName;
  readonly args: readonly Expr[];
  readonly options: readonly number[];
  readonly dtype: DType;
}

/** A column that a Window node adds. */
export interface NamedWindow {
  readonly name: string;
  readonly call: WindowCall;
}

/** Text for explain and for structural keys. */
export const describeWindow = ({ fn, args, options }: WindowCall): string => `${fn}(${[...args.map(describeExpr), ...options].join(", ")})`;
