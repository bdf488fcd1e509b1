/** The host side of a `code` column: what its codes mean. The GPU layer carries it by reference and asks a `Dictionaries` service about it. */

import type { DType } from "../ir/dtype.ts";
import type { Column } from "./column.ts";

export interface Dictionary {
  /** Number of entries; every valid code is below it. */
  readonly size: number;
  /** True when no two entries are equal, so that equal values have equal codes. */
  readonly unique: boolean;
  /** True when it is unique and its entries ascend in polars' order, so that codes compare as values do. */
  readonly sorted: boolean;
}

export interface Unified {
  readonly dictionary: Dictionary;
  readonly tables: readonly (Column | null)[];
}

/**
 * Questions about dictionaries, answered by CPU polars on their entries. All columns returned are lookup tables owned by the service
 * (cached for each dictionary, never released by the caller) with `size + 1` rows: row c for code c, the last row for null.
 */
export interface Dictionaries {
  /** A dictionary whose only entry is the value; null for a dtype whose rows are all null. */
  literal(value: string | null, dtype: DType): Dictionary;
  /** One dictionary that covers all, unique or even sorted, and for each input the table of its new codes (null: codes stay as they are). */
  unify(dictionaries: readonly Dictionary[], need: "unique" | "sorted"): Promise<Unified>;
  /** Whether `unify` has the answer for the dictionary alone, so that it takes no time. */
  isUnified(dictionary: Dictionary, need: "unique" | "sorted"): boolean;
  /** The elements of the lists that are the entries, one list after the other; for a dictionary of lists only. As many rows as elements. */
  elements(dictionary: Dictionary, dtype: DType): Promise<Column>;
  /**
   * Lists of consecutive values, one for each length, as the entries of a dictionary; values behind the last list are in none. `slice`: offset
   * and length of what is kept of each list, a negative length meaning the rest.
   */
  lists(values: Column, lengths: Uint32Array, dtype: DType, slice: readonly [number, number] | null): Promise<Dictionary>;
  /** The result of a polars expression (its JSON, over a column called LOOKUP_COLUMN) on every entry and on null. */
  evaluate(dictionary: Dictionary, dsl: string, dtype: DType): Promise<Column>;
}
