/**
 * A row program is what the expression compiler hands to kernel families: WGSL functions that compute values for one row of one
 * batch from its columns. Kernel families (map, filter mask, key encoding, aggregation) splice it into their own template, so that
 * filter + project + aggregate run in one dispatch.
 */

import type { Physical } from "../ir/dtype.ts";
import type { Column } from "./column.ts";

/**
 * WGSL value types by physical type: bool -> bool, i32 -> i32, u32 and code -> u32, f32 -> u32 (IEEE bits),
 * i64 / u64 / f64 -> vec2<u32> (x = low word).
 */
export interface RowValue {
  readonly physical: Physical;
  /** False: `ok` of every row is true, and templates may leave out its validity. */
  readonly nullable: boolean;
}

export interface RowProgram {
  /** Everything that decides `wgsl`, as text. */
  readonly key: string;
  /** Column buffers, bound read-only as bindings 0 .. columns.length - 1. */
  readonly columns: readonly Column[];
  /** Number of u32 words in `args`: bound to P[0 ..], before the words of the kernel family. Always a multiple of 4. */
  readonly argWords: number;
  /** Row count, validity offsets and literals of this launch. P[0].x is the row count. */
  readonly args: readonly number[];
  /**
   * Declares the column bindings, the WGSL library functions in use, and for each output k:
   * `struct Out_k { v: T, ok: bool }` and `fn out_k(row: u32) -> Out_k`, to be called only for row < P[0].x.
   */
  readonly wgsl: string;
  readonly outputs: readonly RowValue[];
}
