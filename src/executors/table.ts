/** Tables as the executors pass them: a schema and batches of device columns, reference-counted as a whole. */

import { InternalError } from "../errors.ts";
import type { DeviceBuffer } from "../gpu/buffers.ts";
import type { Column } from "../gpu/column.ts";
import type { Schema } from "../ir/schema.ts";

/** Rows that are together on the device. Columns are found by name; a batch without columns still has rows. */
export interface Batch {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Column>;
  /** Unfinished aggregates: for each accumulator the entries of the batch's rows, one entry for each row. */
  readonly states?: readonly DeviceBuffer[];
}

/** Batches in row order. Every batch has exactly the columns of the schema. */
export interface Table {
  readonly schema: Schema;
  readonly batches: readonly Batch[];
}

export const rowsOf = (table: Table): number => table.batches.reduce((n, b) => n + b.rows, 0);

export const columnOf = (batch: Batch, name: string): Column => {
  const column = batch.columns.get(name);
  if (column === undefined)
    throw new InternalError(`the batch has no column ${JSON.stringify(name)}, only ${[...batch.columns.keys()].join(", ")}`);
  return column;
};

/** A batch of the named columns, in that order. */
export const batchOf = (rows: number, names: readonly string[], columns: readonly Column[]): Batch => ({
  rows,
  columns: new Map(names.map((name, i) => [name, required(columns[i], name)])),
});

const required = (column: Column | undefined, name: string): Column => {
  if (column === undefined) throw new InternalError(`no column was made for ${JSON.stringify(name)}`);
  return column;
};

/** The batch without one of its columns; no reference changes. */
export const withoutColumn = (batch: Batch, name: string): Batch => ({
  rows: batch.rows,
  columns: new Map([...batch.columns].filter(([n]) => n !== name)),
});

/** Another reference to the whole batch, or to some of its columns. */
export function retainBatch(batch: Batch, names?: Iterable<string>): Batch {
  const columns = names === undefined ? batch.columns : new Map([...names].map((name) => [name, columnOf(batch, name)]));
  for (const column of columns.values()) column.buffer.retain();
  if (names !== undefined || batch.states === undefined) return { rows: batch.rows, columns };
  for (const state of batch.states) state.retain();
  return { rows: batch.rows, columns, states: batch.states };
}

export const releaseBatch = (batch: Batch): void => {
  for (const column of batch.columns.values()) column.buffer.release();
  for (const state of batch.states ?? []) state.release();
};

export const retainTable = (table: Table): Table => ({ ...table, batches: table.batches.map((b) => retainBatch(b)) });

export const releaseTable = (table: Table): void => {
  for (const batch of table.batches) releaseBatch(batch);
};
