/** The data over which everything is examined: with nulls and NaN, without nulls, no rows, one row, many partitions. */

import type { DataFrame } from "nodejs-polars";
import { everyDtype } from "./fixture.ts";

export interface Variant {
  readonly name: string;
  readonly frame: DataFrame;
  /** Rows of a partition; null: one partition. */
  readonly partition: number | null;
}

/** Anew at each call: frames are kept by whoever uses them. */
export const VARIANTS: readonly { readonly name: string; readonly make: () => Variant }[] = [
  { name: "nulls and NaN, many partitions", make: () => variant("nulls and NaN, many partitions", 40, "some", 3) },
  { name: "nulls and NaN", make: () => variant("nulls and NaN", 40, "some", null) },
  { name: "no nulls", make: () => variant("no nulls", 40, "none", null) },
  { name: "no rows", make: () => variant("no rows", 0, "some", null) },
  { name: "one row", make: () => variant("one row", 1, "some", null) },
];

const variant = (name: string, rows: number, nulls: "some" | "none", partition: number | null): Variant => ({
  name,
  frame: everyDtype(rows, nulls),
  partition,
});
