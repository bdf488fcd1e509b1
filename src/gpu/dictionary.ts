/** The host side of a `code` column: what its codes mean. The GPU layer carries it by reference and asks a `Dictionaries` service about it. */

import type { DType } from "../ir/dtype.ts";
import type { Column } from "./column.ts";

export interface Dictionary {
  /** Number of entries; every valid code is below it. */
  readonly size: number;
  /** True when no two entries are equal, so that equal values have equal codes. */
  readonly unique: boolean;
}

/**
 * Questions about dictionaries, answered by CPU polars on their entries. All columns returned are lookup tables owned by the service
 * (cached for each dictionary, never released by the caller) with `size + 1` rows: row c for code c, the last row for null.
 */
export interface Dictionaries {
  /** A dictionary whose only entry is the value; null for a dtype whose rows are all null. */
  literal(value: string | null, dtype: DType): Dictionary;
  /** One unique dictionary that covers all, and for each input the table of its new codes (null: codes stay as they are). */
  unify(dictionaries: readonly Dictionary[]): Promise<{ readonly dictionary: Dictionary; readonly tables: readonly (Column | null)[] }>;
  /** UInt32 order ranks of the entries: equal entries have equal ranks. */
  ranks(dictionary: Dictionary): Promise<Column>;
  /** The result of a polars expression (its JSON, over a column called LOOKUP_COLUMN) on every entry and on null. */
  evaluate(dictionary: Dictionary, dsl: string, dtype: DType): Promise<Column>;
}
