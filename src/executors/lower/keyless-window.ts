/** Window functions without partition keys over several partitions: each partition by itself, with what it has to know of the others. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { Window } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import type { NamedWindow } from "../../ir/windows.ts";
import type { QueryContext } from "../context.ts";
import { slice } from "../operators/slice.ts";
import { edgeRows, type OverArguments, overArguments, placed, totalRow, windowAround } from "../operators/split-window.ts";
import type { MapNode, PhysicalNode, TaskInfo } from "../physical/node.ts";
import type { Table } from "../table.ts";
import { releaseTable } from "../table.ts";
import { all, each, mapNode, one } from "./nodes.ts";
import { collapsed } from "./size.ts";
import { type Reach, reachOf } from "./window-reach.ts";

interface Reaching {
  readonly name: string;
  readonly reach: Reach;
  readonly of: NamedWindow;
}

/** The functions of a window that are computed in the same way, over the rows of a node; the result has the schema. */
interface Stage {
  readonly plan: Window;
  readonly functions: readonly Reaching[];
  readonly input: PhysicalNode;
  readonly schema: Schema;
}

/** The window over the rows as they are spread; null where it has a function that needs all rows together. */
export function splitWindow(plan: Window, input: PhysicalNode): PhysicalNode | null {
  if (plan.orderBy.length > 0) return null;
  const reaching = plan.functions.flatMap((of): readonly Reaching[] => {
    const reach = reachOf(of.call);
    return reach === null ? [] : [{ name: of.name, reach, of }];
  });
  if (reaching.length < plan.functions.length) return null;
  const stages = KINDS.map(({ has, lower }) => ({ lower, functions: reaching.filter(({ reach }) => has(reach)) })).filter(
    ({ functions }) => functions.length > 0,
  );
  return stages.reduce<PhysicalNode>((node, { lower, functions }, i) => {
    const added = functions.map(({ name, of }) => ({ name, dtype: of.call.dtype }));
    return lower({ plan, functions, input: node, schema: i === stages.length - 1 ? plan.schema : [...node.schema, ...added] });
  }, input);
}

const KINDS: readonly { readonly has: (reach: Reach) => boolean; readonly lower: (stage: Stage) => PhysicalNode }[] = [
  { has: ({ kind }) => kind === "place", lower: lowerPlaces },
  { has: ({ kind }) => kind === "near", lower: lowerNear },
  { has: (reach) => reach.kind === "running" && reach.from === "start", lower: (stage) => lowerRunning(stage, "start") },
  { has: (reach) => reach.kind === "running" && reach.from === "end", lower: (stage) => lowerRunning(stage, "end") },
];

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** A stage as a map, which knows how many rows each partition has. */
const stageNode = ({ plan, functions, input, schema }: Stage, others: readonly PhysicalNode[], run: MapNode["run"]): PhysicalNode =>
  mapNode({
    name: nameOf(plan),
    detail: detailsOf({ ...plan, functions: functions.map(({ of }) => of) }),
    schema,
    rows: input.rows,
    logical: plan,
    inputs: [each(input), ...others.map((node) => all(node))],
    counts: "all",
    run,
  });

function lowerPlaces(stage: Stage): PhysicalNode {
  const functions = stage.functions.map(({ of }) => of);
  return stageNode(stage, [], (context, [table], { partition, counts }) =>
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
  readonly of: OverArguments;
  readonly name: string;
  readonly kept: number;
  run(context: QueryContext, table: Table): Promise<Table>;
}

const edgesOf = ({ stage: { plan, input }, of, name, kept, run }: EdgesOf): Edges => ({
  kept,
  node: collapsed(
    mapNode({
      name,
      detail: `${kept}`,
      schema: of.schema,
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
function lowerNear(stage: Stage): PhysicalNode {
  const functions = stage.functions.map(({ of }) => of);
  const reach = (of: (reach: Extract<Reach, { kind: "near" }>) => number): number =>
    Math.max(...stage.functions.map(({ reach }) => (reach.kind === "near" ? of(reach) : 0)));
  const of = overArguments(functions);
  const edges = (name: string, edge: "first" | "last", kept: number): readonly Edges[] =>
    kept === 0 ? [] : [edgesOf({ stage, of, name, kept, run: (context, table) => edgeRows(context, of, table, edge, kept) })];
  const [tails, heads] = [
    edges(
      "TAIL",
      "last",
      reach(({ back }) => back),
    ),
    edges(
      "HEAD",
      "first",
      reach(({ ahead }) => ahead),
    ),
  ];
  return stageNode(
    stage,
    [...tails, ...heads].map(({ node }) => node),
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
function lowerRunning(stage: Stage, from: "start" | "end"): PhysicalNode {
  const of = overArguments(stage.functions.flatMap(({ name, reach }) => (reach.kind === "running" ? [{ name, call: reach.call }] : [])));
  const totals = edgesOf({ stage, of, name: "TOTAL", kept: 1, run: (context, table) => totalRow(context, of, table, from) });
  return stageNode(stage, [totals.node], async (context, [table, others], info) => {
    const side = from === "start" ? "before" : "behind";
    const around = rowsAround(context, one(others), totals.kept, { side, most: Number.POSITIVE_INFINITY }, info);
    const result = await windowAround(context, of, one(table), { before: [], behind: [], [side]: [around] }, stage.schema);
    releaseTable(around);
    return result;
  });
}
