/** What operators need while a query runs: the device, the dictionaries, and the border to CPU polars. */

import type { Device } from "../gpu/device.ts";
import type { Dictionaries } from "../gpu/dictionary.ts";
import type { Expr } from "../ir/expr.ts";
import type { Cpu, Frame, Lookup, Scan } from "../ir/plan.ts";
import type { Guesses } from "./guesses.ts";
import type { Batch, Table } from "./table.ts";

/** How a source is cut into partitions; at least one. */
export interface SourcePartitions {
  readonly partitions: number;
  /** Rows of all of them, about; null where only reading tells. */
  readonly rows: number | null;
  /** About which share of the rows a predicate left; 1 without one. */
  readonly kept: number;
  /** The table of a partition, owned by the caller. */
  load(partition: number): Promise<Table>;
}

/** Data that comes from CPU polars. Every table is owned by the caller. */
export interface Sources {
  frame(plan: Frame): Promise<Table>;
  scan(plan: Scan): Promise<Table>;
  /** How the source is cut; nothing is on the device yet. */
  partitions(plan: Frame | Scan): Promise<SourcePartitions>;
  /** Whether to read all rows of a scan and drop those without the predicate on the device is faster than to have it dropped while reading. */
  readsWhole(plan: Scan, predicate: Expr): Promise<boolean>;
  /** Runs a CPU subtree over the tables of its inputs, which stay the caller's. */
  cpu(plan: Cpu, inputs: readonly Table[]): Promise<Table>;
  /**
   * The outputs of a lookup for each row of the batches, which hold its arguments and stay the caller's. `several`: the rows stand for more
   * than one, so that polars must not take a single row for a scalar.
   */
  lookup(plan: Lookup, batches: readonly Batch[], several: boolean): Promise<readonly Batch[]>;
}

export interface QueryContext {
  readonly device: Device;
  /** Where operations may guess, and note what; null where they may not. */
  readonly guesses: Guesses | null;
  readonly dictionaries: Dictionaries;
  readonly sources: Sources;
}
