/** Window functions over rows in one sequence of which a partition holds a part: the rows around it, or rows that stand for them, come along. */

import type { Column } from "../../gpu/column.ts";
import { constantWords, iota } from "../../gpu/kernels/fill.ts";
import type { DType } from "../../ir/dtype.ts";
import type { NamedExpr, SortKey } from "../../ir/expr.ts";
import { call, column, literal, named } from "../../ir/expr.ts";
import { columnsOfSchema, fieldsOf } from "../../ir/projection.ts";
import type { Schema } from "../../ir/schema.ts";
import type { NamedWindow } from "../../ir/windows.ts";
import { singleBatch } from "../codes.ts";
import type { QueryContext } from "../context.ts";
import { runPipelineOver } from "../pipeline.ts";
import type { Batch, Table } from "../table.ts";
import { columnOf, releaseTable, retainBatch, rowsOf } from "../table.ts";
import { wordColumn } from "./group.ts";
import { slice } from "./slice.ts";
import { window } from "./window.ts";

/** Functions of columns, which hold the arguments. */
export interface OverArguments {
  readonly args: readonly NamedExpr[];
  readonly schema: Schema;
  readonly functions: readonly NamedWindow[];
}

/** Names of columns that only these operators see: no user column starts so. */
const argumentName = (f: number, a: number): string => `\u0001argument ${f} ${a}`;
const runningName = (f: number): string => `\u0001running ${f}`;
const totalName = (f: number): string => `\u0001total ${f}`;

export function overArguments(functions: readonly NamedWindow[]): OverArguments {
  const args = functions.flatMap((of, f) => of.call.args.map((expr, a) => named(argumentName(f, a), expr)));
  return {
    args,
    schema: fieldsOf(args),
    functions: functions.map(({ name, call }, f) => ({
      name,
      call: { ...call, args: call.args.map((expr, a) => column(argumentName(f, a), expr.dtype)) },
    })),
  };
}

const argumentsOf = (context: QueryContext, { args, schema }: OverArguments, table: Table): Promise<Table> =>
  runPipelineOver(context, table, { predicate: null, outputs: args }, schema);

const fieldsOfFunctions = (functions: readonly NamedWindow[]): Schema => functions.map(({ name, call }) => ({ name, dtype: call.dtype }));

/** The functions over all rows of the table, in their order, behind its columns. */
export const over = (context: QueryContext, functions: readonly NamedWindow[], table: Table): Promise<Table> =>
  window(context, { partitionBy: [], orderBy: [], functions, schema: [...table.schema, ...fieldsOfFunctions(functions)] }, table);

/** The arguments at the first rows of the table, or at the last ones; `count` above 0. */
export async function edgeRows(
  context: QueryContext,
  of: OverArguments,
  table: Table,
  edge: "first" | "last",
  count: number,
): Promise<Table> {
  const values = await argumentsOf(context, of, table);
  const rows = slice(
    context,
    { offset: edge === "first" ? 0 : -count, length: edge === "first" ? count : null, schema: of.schema },
    values,
  );
  releaseTable(values);
  return rows;
}

/** One row of arguments for which a running function has the same result as over all rows of the table; none for none. */
export async function totalRow(context: QueryContext, of: OverArguments, table: Table, from: "start" | "end"): Promise<Table> {
  const values = await argumentsOf(context, of, table);
  const running = await over(
    context,
    of.functions.map(({ call }, f) => ({ name: runningName(f), call })),
    values,
  );
  releaseTable(values);
  const filled = await over(
    context,
    of.functions.map(({ call }, f) => lastKnown(f, call.dtype, from)),
    running,
  );
  releaseTable(running);
  const row = slice(context, { offset: from === "start" ? -1 : 0, length: 1, schema: filled.schema }, filled);
  releaseTable(filled);
  const outputs = of.args.map(({ name, expr }, f) => named(name, column(totalName(f), expr.dtype)));
  const total = await runPipelineOver(context, row, { predicate: null, outputs }, of.schema);
  releaseTable(row);
  return total;
}

/** The last result of the function up to each row that is not null. */
const lastKnown = (f: number, dtype: DType, from: "start" | "end"): NamedWindow => ({
  name: totalName(f),
  call: { fn: from === "start" ? "forward_fill" : "backward_fill", args: [column(runningName(f), dtype)], options: [-1], dtype },
});

/** Rows of the partitions around one of them, or what stands for them, as arguments. */
export interface Around {
  readonly before: readonly Table[];
  readonly behind: readonly Table[];
}

/** The table with the functions as columns behind its own; the caller owns it, and what is around stays the caller's. */
export async function windowAround(
  context: QueryContext,
  of: OverArguments,
  table: Table,
  { before, behind }: Around,
  schema: Schema,
): Promise<Table> {
  const values = await argumentsOf(context, of, table);
  const joined = { schema: of.schema, batches: [...before, values, ...behind].flatMap(({ batches }) => batches) };
  const computed = await over(context, of.functions, joined);
  releaseTable(values);
  const fields = fieldsOfFunctions(of.functions);
  const results = {
    schema: fields,
    batches: computed.batches.map((b) =>
      retainBatch(
        b,
        fields.map((f) => f.name),
      ),
    ),
  };
  releaseTable(computed);
  if (rowsOf(results) === rowsOf(table)) return withColumns(context, table, results, schema);
  const own = slice(context, { offset: before.reduce((n, t) => n + rowsOf(t), 0), length: rowsOf(table), schema: fields }, results);
  releaseTable(results);
  return withColumns(context, table, own, schema);
}

/** The table with the columns of another one of as many rows, which is taken over, in the order of the schema. */
export async function withColumns(context: QueryContext, table: Table, added: Table, schema: Schema): Promise<Table> {
  const [own, more] = [await singleBatch(context, table), await singleBatch(context, added)];
  releaseTable(added);
  const both: Batch = { rows: own.rows, columns: new Map([...own.columns, ...more.columns]) };
  return { schema, batches: [{ rows: own.rows, columns: new Map(schema.map(({ name }) => [name, columnOf(both, name)])) }] };
}

/** The table with the places of its rows in the sequence: `before` of all `rows` lie before its own. */
export async function placed(
  context: QueryContext,
  functions: readonly NamedWindow[],
  table: Table,
  { before, rows }: { readonly before: number; readonly rows: number },
  schema: Schema,
): Promise<Table> {
  const { device } = context;
  const own = rowsOf(table);
  const columns = functions.map(({ name, call }): [string, Column] => [
    name,
    wordColumn(call.fn === "row_number" ? iota(device, before, own) : constantWords(device, rows, own), own),
  ]);
  return withColumns(context, table, { schema: fieldsOfFunctions(functions), batches: [{ rows: own, columns: new Map(columns) }] }, schema);
}

/** Ranks of rows that are sorted by the order, of which rows with equal keys are in one table. */
export interface Ranks {
  readonly functions: readonly NamedWindow[];
  readonly orderBy: readonly SortKey[];
}

/** The table with the ranks that its rows have in it alone. */
const localRanks = (context: QueryContext, { functions, orderBy }: Ranks, table: Table): Promise<Table> =>
  window(
    context,
    { partitionBy: [], orderBy, functions, schema: [...table.schema, ...fieldsOfFunctions(functions)], isSorted: true },
    table,
  );

/** The ranks of the last row in the table; none for none. */
export async function lastRanks(context: QueryContext, ranks: Ranks, table: Table): Promise<Table> {
  const ranked = await localRanks(context, ranks, table);
  const schema = fieldsOfFunctions(ranks.functions);
  const last = slice(context, { offset: -1, length: 1, schema: ranked.schema }, ranked);
  releaseTable(ranked);
  const result = await runPipelineOver(context, last, { predicate: null, outputs: columnsOfSchema(schema) }, schema);
  releaseTable(last);
  return result;
}

/** The table with its rows' ranks in the sequence: `before` says by how much each function's are greater than in the table alone. */
export async function ranked(
  context: QueryContext,
  ranks: Ranks,
  table: Table,
  before: (of: NamedWindow) => Promise<number>,
  schema: Schema,
): Promise<Table> {
  const local = await localRanks(context, ranks, table);
  const outputs: NamedExpr[] = [];
  for (const of of ranks.functions) {
    const { name, call: rank } = of;
    outputs.push(named(name, call("add", [column(name, rank.dtype), literal(BigInt(await before(of)), rank.dtype)], rank.dtype)));
  }
  const ahead = await runPipelineOver(context, local, { predicate: null, outputs }, fieldsOf(outputs));
  releaseTable(local);
  return withColumns(context, table, ahead, schema);
}
