/** Which other rows a window function without partition keys looks at, and so what one partition has to know of the others. */

import type { Expr, SortKey } from "../../ir/expr.ts";
import { call } from "../../ir/expr.ts";
import { sameDType } from "../../ir/schema.ts";
import type { WindowCall } from "../../ir/windows.ts";
import { sortKeys } from "../operators/window.ts";

export type Reach =
  /** The numbers of rows. */
  | { readonly kind: "place" }
  /** Rows at most so far away. */
  | { readonly kind: "near"; readonly back: number; readonly ahead: number }
  /**
   * All rows before, or all behind: `call` over them has the same result when one row with their own last result stands for them, to the bit.
   * Its only argument has the dtype of the result.
   */
  | { readonly kind: "running"; readonly from: "start" | "end"; readonly call: WindowCall }
  /** Rows with equal keys, which are in the same partition, and the numbers of rows or of distinct keys before. */
  | { readonly kind: "rank"; readonly keys: number }
  /** The row as far from the end. */
  | { readonly kind: "mirrored" }
  /** The row that has this place when all are sorted by the keys: its value, or with null its number. */
  | { readonly kind: "sorted"; readonly by: readonly SortKey[]; readonly value: Expr | null };

const U32 = { kind: "UInt32" } as const;
const BOOLEAN = { kind: "Boolean" } as const;

const near = (back: number, ahead: number): Reach => ({ kind: "near", back, ahead });

/** Null: all rows have to be together. */
export function reachOf(of: WindowCall): Reach | null {
  const [option = 0, ahead = 0] = of.options;
  switch (of.fn) {
    case "row_number":
    case "segment_length":
      return { kind: "place" };
    case "shift":
      return near(Math.max(0, option), Math.max(0, -option));
    case "rolling_count":
    case "rolling_sum":
    case "rolling_min":
    case "rolling_max":
    case "rolling_deviations":
    case "rolling_nth":
      return near(option, ahead);
    case "forward_fill":
      return option < 0 ? running(of, "start") : near(option, 0);
    case "backward_fill":
      return option < 0 ? running(of, "end") : near(0, option);
    case "cum_min":
    case "cum_max":
    case "cum_prod":
      return running(of, option === 0 ? "start" : "end");
    case "cum_sum":
      // Sums of floats are rounded along a tree of all rows.
      return of.dtype.kind === "Float32" || of.dtype.kind === "Float64" ? null : running(of, option === 0 ? "start" : "end");
    case "cum_count":
      return running(countedAsSum(of), option === 0 ? "start" : "end");
    case "rank_min":
    case "rank_max":
    case "rank_dense":
      return option === 0 ? null : { kind: "rank", keys: option };
    case "reverse":
      return { kind: "mirrored" };
    case "sorted":
      return { kind: "sorted", by: sortKeys(of, 1), value: of.args[0] ?? null };
    case "arg_sort":
      return { kind: "sorted", by: sortKeys(of, 0), value: null };
    case "cum_linear":
      return null;
  }
}

function running(of: WindowCall, from: "start" | "end"): Reach | null {
  const [arg] = of.args;
  return arg !== undefined && sameDType(arg.dtype, of.dtype) ? { kind: "running", from, call: of } : null;
}

/** A count of values as the sum of a one for each. */
const countedAsSum = (of: WindowCall): WindowCall => ({
  ...of,
  fn: "cum_sum",
  args: [call("cast", [call("is_not_null", [...of.args], BOOLEAN)], U32)],
});
