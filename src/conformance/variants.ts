/** The data over which everything is examined, and how: with nulls and NaN, without nulls, no rows, one row, many partitions by both engines. */

import type { DataFrame } from "nodejs-polars";
import type { GPUEngineOptions } from "../index.ts";
import { everyDtype } from "./fixture.ts";

export interface Variant {
  readonly name: string;
  readonly frame: DataFrame;
  /** How queries over it are executed. */
  readonly execution: Pick<GPUEngineOptions, "executor" | "executorOptions">;
}

interface Description extends Pick<Variant, "name" | "execution"> {
  readonly rows: number;
  readonly nulls: "some" | "none";
}

const DESCRIPTIONS: readonly Description[] = [
  {
    name: "nulls and NaN, many partitions",
    rows: 40,
    nulls: "some",
    execution: { executorOptions: { engine: "tasks", maxRowsPerPartition: 7 } },
  },
  { name: "nulls and NaN", rows: 40, nulls: "some", execution: { executor: "in-memory" } },
  { name: "no nulls", rows: 40, nulls: "none", execution: { executorOptions: { engine: "rapidsmpf", maxRowsPerPartition: 15 } } },
  { name: "no rows", rows: 0, nulls: "some", execution: {} },
  { name: "one row", rows: 1, nulls: "some", execution: {} },
];

/** Anew at each call: frames are kept by whoever uses them. */
export const VARIANTS: readonly { readonly name: string; readonly make: () => Variant }[] = DESCRIPTIONS.map(
  ({ name, rows, nulls, execution }) => ({ name, make: () => ({ name, frame: everyDtype(rows, nulls), execution }) }),
);
