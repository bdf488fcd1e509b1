/** Window functions that give a row what another place of the sequence has: the values go to the partitions of their places. */

import type { NamedExpr } from "../../ir/expr.ts";
import { column, named } from "../../ir/expr.ts";
import type { Plan } from "../../ir/plan.ts";
import { fieldsOf } from "../../ir/projection.ts";
import type { QueryContext } from "../context.ts";
import { countRows, ROWS_SCHEMA, reversed, splitByPlace, splitInPlace } from "../operators/places.ts";
import { numberedBatches } from "../operators/slice.ts";
import { withColumns } from "../operators/split-window.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { runPipelineOver } from "../pipeline.ts";
import type { Table } from "../table.ts";
import { releaseTable, retainTable } from "../table.ts";
import { each, exchangeNode, mapNode, one, sum } from "./nodes.ts";
import { collapsed } from "./size.ts";
import { sortedRanges } from "./sort.ts";
import type { Reach } from "./window-reach.ts";
import { type Stage, stageNode } from "./window-stages.ts";

/** Names of columns that only these nodes see: no user column starts so. */
const ROW = "\u0001row";
const keyName = (k: number): string => `\u0001sort key ${k}`;
const U32 = { kind: "UInt32" } as const;

/** The node with all of its partitions: of a choice fewer may come. */
function complete(node: PhysicalNode): PhysicalNode {
  if (!mayLackPartitions(node)) return node;
  const { partitions } = node;
  return exchangeNode({
    detail: () => "IN PLACE",
    input: node,
    partitions,
    split: async (context, table, _, { partition }) => splitInPlace(context, table, partition, partitions),
  });
}

function mayLackPartitions(node: PhysicalNode): boolean {
  switch (node.kind) {
    case "choice":
      return true;
    case "map":
      return node.inputs.some((input) => input.take === "each" && mayLackPartitions(input.node));
    case "union":
      return node.inputs.some(mayLackPartitions);
    case "source":
    case "exchange":
    case "reduce":
      return false;
  }
}

/** How many rows each partition has. */
const rowCounts = (node: PhysicalNode): PhysicalNode =>
  collapsed(
    mapNode({
      name: "ROW COUNT",
      schema: ROWS_SCHEMA,
      rows: node.partitions,
      logical: node.logical,
      inputs: [each(node)],
      run: async (context, [table]) => countRows(context, one(table)),
    }),
  );

/** The rows in the partitions of `target` that hold their places in the sequence, or with `mirrored` the same places from the end. */
const atPlaces = (node: PhysicalNode, target: PhysicalNode, mirrored: boolean): PhysicalNode =>
  exchangeNode({
    detail: () => (mirrored ? "BY PLACE FROM THE END" : "BY PLACE"),
    input: node,
    partitions: target.partitions,
    logical: target.logical,
    sides: [rowCounts(node), rowCounts(target)],
    split: (context, table, [now, later], { partition }) =>
      splitByPlace(context, table, { now: one(now), later: one(later) }, { partition, count: target.partitions, mirrored }),
  });

/** The stage's rows with the columns of others, of which there are as many in each partition. */
const beside = (stage: Stage, values: PhysicalNode, take: (context: QueryContext, values: Table) => Promise<Table>): PhysicalNode =>
  stageNode(stage, [each(values)], "none", async (context, [table, others]) =>
    withColumns(context, one(table), await take(context, one(others)), stage.schema),
  );

const selected = (logical: Plan, input: PhysicalNode, outputs: readonly NamedExpr[]): PhysicalNode =>
  mapNode({
    name: "SELECT",
    schema: fieldsOf(outputs),
    rows: input.rows,
    logical,
    inputs: [each(input)],
    run: (context, [table]) => runPipelineOver(context, one(table), { predicate: null, outputs }, fieldsOf(outputs)),
  });

export function lowerMirrored(stage: Stage): PhysicalNode {
  const input = complete(stage.input);
  const outputs = stage.functions.map(({ of: { name, call } }) => named(name, one(call.args[0])));
  return beside({ ...stage, input }, atPlaces(selected(stage.plan, input, outputs), input, true), reversed);
}

/** A column for each function, one after the other. */
export function lowerSorted(stage: Stage): PhysicalNode {
  return stage.functions.reduce<PhysicalNode>((node, { reach, of }, i) => {
    if (reach.kind !== "sorted") return node;
    const isLast = i === stage.functions.length - 1;
    const schema = isLast ? stage.schema : [...node.schema, { name: of.name, dtype: of.call.dtype }];
    const input = complete(node);
    const values = sortedValues({ ...stage, input }, of.name, reach);
    return beside({ ...stage, functions: [{ reach, of }], input, schema }, atPlaces(values, input, false), async (_, table) =>
      retainTable(table),
    );
  }, stage.input);
}

/** The values, or the numbers of the rows, in the order of the keys; the ranges of keys follow one another as partitions. */
function sortedValues({ lower, plan, input }: Stage, name: string, { by, value }: Extract<Reach, { kind: "sorted" }>): PhysicalNode {
  const result = named(name, value ?? column(ROW, U32));
  const outputs = [result, ...by.map(({ expr }, k) => named(keyName(k), expr))];
  const keys = by.map((key, k) => ({ ...key, expr: column(keyName(k), key.expr.dtype) }));
  const schema = fieldsOf(outputs);
  const keyed = mapNode({
    name: "SELECT",
    schema,
    rows: input.rows,
    logical: plan,
    inputs: [each(input)],
    counts: value === null ? "earlier" : "none",
    run: (context, [table], { partition, counts }) =>
      value === null
        ? numberedAnd(context, one(table), sum(counts.slice(0, partition)), outputs)
        : runPipelineOver(context, one(table), { predicate: null, outputs }, schema),
  });
  return selected(plan, sortedRanges(lower, plan, keys, keyed), [named(name, column(name, result.expr.dtype))]);
}

/** The outputs over the table and the numbers of its rows, from `offset` on. */
async function numberedAnd(context: QueryContext, table: Table, offset: number, outputs: readonly NamedExpr[]): Promise<Table> {
  const numbered = { schema: [{ name: ROW, dtype: U32 }, ...table.schema], batches: numberedBatches(context, table, ROW, offset) };
  const result = await runPipelineOver(context, numbered, { predicate: null, outputs }, fieldsOf(outputs));
  releaseTable(numbered);
  return result;
}
