/** Window functions over rows that follow one another in the order of the partitions: each partition with what it has to know of the others. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { Window } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import type { NamedWindow } from "../../ir/windows.ts";
import type { QueryContext } from "../context.ts";
import { numbersOf } from "../operators/places.ts";
import { slice } from "../operators/slice.ts";
import { edgeRows, lastRanks, overArguments, placed, ranked, totalRow, windowAround } from "../operators/split-window.ts";
import type { CountsNeeded, Input, MapNode, PhysicalNode, TaskInfo } from "../physical/node.ts";
import type { Table } from "../table.ts";
import { releaseTable } from "../table.ts";
import type { LowerContext } from "./context.ts";
import { all, each, mapNode, one, sum } from "./nodes.ts";
import { collapsed } from "./size.ts";
import type { Reach } from "./window-reach.ts";

export interface Reaching {
  readonly reach: Reach;
  readonly of: NamedWindow;
}

/** The functions of a window that are computed in the same way, over the rows of a node; the result has the schema. */
export interface Stage {
  readonly lower: LowerContext;
  readonly plan: Window;
  readonly functions: readonly Reaching[];
  readonly input: PhysicalNode;
  readonly schema: Schema;
}

/** A stage as a map over its input and the others. */
export const stageNode = (stage: Stage, others: readonly Input[], counts: CountsNeeded, run: MapNode["run"]): PhysicalNode =>
  mapNode({
    name: nameOf(stage.plan),
    detail: () => detailsOf({ ...stage.plan, functions: stage.functions.map(({ of }) => of) }),
    schema: stage.schema,
    rows: stage.input.rows,
    logical: stage.plan,
    inputs: [each(stage.input), ...others],
    counts,
    run,
  });

export function lowerPlaces(stage: Stage): PhysicalNode {
  const functions = stage.functions.map(({ of }) => of);
  return stageNode(stage, [], "all", (context, [table], { partition, counts }) =>
    placed(context, functions, one(table), { before: sum(counts.slice(0, partition)), rows: sum(counts) }, stage.schema),
  );
}

/** Rows of every partition at one of its ends, behind one another. */
interface Edges {
  readonly node: PhysicalNode;
  /** Most rows of a partition. */
  readonly kept: number;
}

interface EdgesOf {
  readonly stage: Stage;
  readonly schema: Schema;
  readonly name: string;
  readonly kept: number;
  run(context: QueryContext, table: Table): Promise<Table>;
}

const edgesOf = ({ stage: { plan, input }, schema, name, kept, run }: EdgesOf): Edges => ({
  kept,
  node: collapsed(
    mapNode({
      name,
      detail: () => `${kept}`,
      schema,
      atMost: Math.min(input.atMost, kept * input.partitions),
      logical: plan,
      inputs: [each(input)],
      run: (context, [table]) => run(context, one(table)),
    }),
  ),
});

/** Of the rows at the ends of partitions the last `most` before a partition, or the first behind it; the caller owns them. */
function rowsAround(
  context: QueryContext,
  table: Table,
  kept: number,
  { side, most }: { readonly side: "before" | "behind"; readonly most: number },
  { partition, counts }: TaskInfo,
): Table {
  const held = (of: readonly number[]): number => sum(of.map((rows) => Math.min(rows, kept)));
  const from = held(counts.slice(0, side === "before" ? partition : partition + 1));
  const offset = side === "before" ? Math.max(0, from - most) : from;
  return slice(context, { offset, length: side === "before" ? from - offset : most, schema: table.schema }, table);
}

/** Rows near both ends of a partition come along. */
export function lowerNear(stage: Stage): PhysicalNode {
  const functions = stage.functions.map(({ of }) => of);
  const back = Math.max(...stage.functions.map(({ reach }) => (reach.kind === "near" ? reach.back : 0)));
  const ahead = Math.max(...stage.functions.map(({ reach }) => (reach.kind === "near" ? reach.ahead : 0)));
  const of = overArguments(functions);
  const edges = (name: string, edge: "first" | "last", kept: number): readonly Edges[] =>
    kept === 0
      ? []
      : [edgesOf({ stage, schema: of.schema, name, kept, run: (context, table) => edgeRows(context, of, table, edge, kept) })];
  const [tails, heads] = [edges("TAIL", "last", back), edges("HEAD", "first", ahead)];
  return stageNode(
    stage,
    [...tails, ...heads].map(({ node }) => all(node)),
    "all",
    async (context, [table, ...others], info) => {
      const before = tails.map(({ kept }, i) => rowsAround(context, one(others[i]), kept, { side: "before", most: kept }, info));
      const behind = heads.map(({ kept }, i) =>
        rowsAround(context, one(others[tails.length + i]), kept, { side: "behind", most: kept }, info),
      );
      const result = await windowAround(context, of, one(table), { before, behind }, stage.schema);
      for (const around of [...before, ...behind]) releaseTable(around);
      return result;
    },
  );
}

/** A row for each partition before, or behind, stands for its rows. */
export function lowerRunning(stage: Stage, from: "start" | "end"): PhysicalNode {
  const of = overArguments(
    stage.functions.flatMap(({ of: { name }, reach }) => (reach.kind === "running" ? [{ name, call: reach.call }] : [])),
  );
  const totals = edgesOf({ stage, schema: of.schema, name: "TOTAL", kept: 1, run: (context, table) => totalRow(context, of, table, from) });
  return stageNode(stage, [all(totals.node)], "all", async (context, [table, others], info) => {
    const side = from === "start" ? "before" : "behind";
    const around = rowsAround(context, one(others), totals.kept, { side, most: Number.POSITIVE_INFINITY }, info);
    const result = await windowAround(context, of, one(table), { before: [], behind: [], [side]: [around] }, stage.schema);
    releaseTable(around);
    return result;
  });
}

/** Rows with equal keys being in one partition, only how many rows, or distinct keys, come before it has to be known. */
export function lowerRanks(stage: Stage): PhysicalNode {
  const { orderBy } = stage.plan;
  const functions = stage.functions.map(({ of }) => of);
  const dense = { functions: functions.filter(({ call }) => call.fn === "rank_dense"), orderBy };
  const schema = dense.functions.map(({ name, call }) => ({ name, dtype: call.dtype }));
  const edges =
    dense.functions.length === 0
      ? []
      : [edgesOf({ stage, schema, name: "TOTAL", kept: 1, run: (context, table) => lastRanks(context, dense, table) })];
  return stageNode(
    stage,
    edges.map(({ node }) => all(node)),
    "earlier",
    async (context, [table, ...others], info) => {
      const rows = sum(info.counts.slice(0, info.partition));
      const last = edges.map(({ kept }, i) =>
        rowsAround(context, one(others[i]), kept, { side: "before", most: Number.POSITIVE_INFINITY }, info),
      );
      const before = async ({ name, call }: NamedWindow): Promise<number> =>
        call.fn === "rank_dense" ? sum((await numbersOf(context, one(last[0]), name)).map((rank) => rank + 1)) : rows;
      const result = await ranked(context, { functions, orderBy }, one(table), before, stage.schema);
      for (const ranks of last) releaseTable(ranks);
      return result;
    },
  );
}
