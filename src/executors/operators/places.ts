/** Rows that go to the places which they have in one sequence over all partitions. */

import { constantWords } from "../../gpu/kernels/fill.ts";
import type { DType } from "../../ir/dtype.ts";
import { column, named } from "../../ir/expr.ts";
import type { Schema } from "../../ir/schema.ts";
import type { NamedWindow } from "../../ir/windows.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { runPipelineOver } from "../pipeline.ts";
import type { Table } from "../table.ts";
import { columnOf, releaseBatch, releaseTable, retainTable, rowsOf } from "../table.ts";
import { wordBatch } from "./group.ts";
import { slice } from "./slice.ts";
import { over } from "./split-window.ts";

const U32: DType = { kind: "UInt32" };
const ROWS = "rows";

/** Schema of a number of rows. */
export const ROWS_SCHEMA: Schema = [{ name: ROWS, dtype: U32 }];

/** The number of rows of a table, as one row. */
export const countRows = ({ device }: QueryContext, table: Table): Table => ({
  schema: ROWS_SCHEMA,
  batches: [wordBatch(ROWS, constantWords(device, rowsOf(table), 1), 1)],
});

/** The numbers in the u32 column of a table of few rows. */
export async function numbersOf(context: QueryContext, table: Table, name: string): Promise<readonly number[]> {
  const batch = await singleBatch(context, table);
  const words = batch.rows === 0 ? [] : [...(await context.device.read(columnOf(batch, name).buffer, 0, batch.rows))];
  releaseBatch(batch);
  return words;
}

/** Where partitions of so many rows start, and where the last one of them ends. */
const startsOf = (rows: readonly number[], count: number): readonly number[] => {
  const starts = [0];
  for (let p = 0; p < count; p++) starts.push((starts[p] ?? 0) + (rows[p] ?? 0));
  return starts;
};

/** Rows that lie in one sequence, and the partitions that they go to. */
export interface Moving {
  /** The number of the partition that the rows are in now. */
  readonly partition: number;
  /** Partitions that they go to. */
  readonly count: number;
  /** Whether they go to the places that they have from the end; they stay in their own order then. */
  readonly mirrored: boolean;
}

/** The rows in parts, by place: `sizes` are numbers of rows of the partitions that they are in now, and of those that they go to. */
export async function splitByPlace(
  context: QueryContext,
  table: Table,
  sizes: { readonly now: Table; readonly later: Table },
  { partition, count, mirrored }: Moving,
): Promise<readonly Table[]> {
  const now = await numbersOf(context, sizes.now, ROWS);
  const starts = startsOf(await numbersOf(context, sizes.later, ROWS), count);
  const all = starts[count] ?? 0;
  const first = startsOf(now, partition)[partition] ?? 0;
  const end = first + rowsOf(table);
  return Array.from({ length: count }, (_, p) => {
    const [from = 0, to = 0] = starts.slice(p, p + 2);
    const [lowest, highest] = mirrored ? [all - to, all - from] : [from, to];
    const offset = Math.max(lowest, first);
    return slice(context, { offset: offset - first, length: Math.max(0, Math.min(highest, end) - offset), schema: table.schema }, table);
  });
}

/** The table in the part of its own number, all others being empty. */
export const splitInPlace = (context: QueryContext, table: Table, partition: number, count: number): readonly Table[] =>
  Array.from({ length: count }, (_, p) =>
    p === partition ? retainTable(table) : slice(context, { offset: 0, length: 0, schema: table.schema }, table),
  );

const reversedName = (c: number): string => `\u0001reversed ${c}`;

/** The rows in opposite order. */
export async function reversed(context: QueryContext, table: Table): Promise<Table> {
  const { schema } = table;
  const functions = schema.map(
    ({ name, dtype }, c): NamedWindow => ({
      name: reversedName(c),
      call: { fn: "reverse", args: [column(name, dtype)], options: [], dtype },
    }),
  );
  const both = await over(context, functions, table);
  const outputs = schema.map(({ name, dtype }, c) => named(name, column(reversedName(c), dtype)));
  const result = await runPipelineOver(context, both, { predicate: null, outputs }, schema);
  releaseTable(both);
  return result;
}
