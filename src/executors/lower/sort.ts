/** Sort over partitions: rows are shuffled by ranges of their keys; a sort with a limit keeps the first rows of each partition. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { SortKey } from "../../ir/expr.ts";
import type { Plan, Sort } from "../../ir/plan.ts";
import { sampleKeys, sampleSchema, splitByRange, splitPoints } from "../operators/exchange.ts";
import { sort } from "../operators/sort.ts";
import type { ExchangeNode, PhysicalNode, Seen } from "../physical/node.ts";
import type { LowerContext } from "./context.ts";
import { all, choiceNode, each, exchangeNode, mapNode, one, reduceNode } from "./nodes.ts";
import { collapsed, isOne, rowsAtOnce, spreadOf } from "./size.ts";

export function lowerSort(lower: LowerContext, plan: Sort): PhysicalNode {
  const input = lower.of(plan.input);
  if (isOne(lower, input)) return sorted(plan, plan, input);
  if (plan.limit !== null) return top(lower, plan, sorted(plan, plan, input));
  const ranges = sortedRanges(lower, plan, plan.by, input);
  return lower.dynamic ? choiceNode([sorted(plan, plan, collapsed(input)), ranges], [input], needsRanges(lower, input)) : ranges;
}

/** Whether there are more rows than a partition has: 1, else 0. */
const needsRanges =
  (lower: LowerContext, node: PhysicalNode) =>
  ([input]: readonly Seen[]): number | null => {
    if (input === undefined || input.rows > Math.min(lower.options.maxRowsPerPartition, rowsAtOnce(lower, node))) return 1;
    return input.ended ? 0 : null;
  };

const sorted = (logical: Plan, plan: Sort, input: PhysicalNode): PhysicalNode =>
  mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    schema: plan.schema,
    rows: plan.limit ?? input.rows,
    logical,
    inputs: [each(input)],
    run: (context, [table]) => sort(context, plan, one(table)),
  });

/** The rows sorted, over partitions that follow one another; those that agree in the first `together` keys are in one. */
export const sortedRanges = (
  lower: LowerContext,
  logical: Plan,
  by: readonly SortKey[],
  input: PhysicalNode,
  together = by.length,
): PhysicalNode =>
  sorted(
    logical,
    { kind: "sort", input: logical, by, limit: null, schema: input.schema },
    rangeExchange(lower, logical, by.slice(0, together), input),
  );

/** The first rows of the first rows. */
const top = (lower: LowerContext, plan: Sort, firsts: PhysicalNode): PhysicalNode =>
  reduceNode({
    name: `${nameOf(plan)} MERGE`,
    rows: plan.limit,
    input: firsts,
    arity: lower.options.groupbyNAry,
    merge: (context, parts) => sort(context, plan, parts),
  });

/** Rows in ranges of ascending keys, whose bounds a sample of all partitions decides. */
function rangeExchange(lower: LowerContext, logical: Plan, by: readonly SortKey[], input: PhysicalNode): ExchangeNode {
  const partitions = spreadOf(lower, input);
  const samples = mapNode({
    name: "SAMPLE",
    schema: sampleSchema(by),
    logical,
    inputs: [each(input)],
    run: (context, [table]) => sampleKeys(context, one(table), by),
  });
  const points = mapNode({
    name: "SPLIT POINTS",
    schema: sampleSchema(by),
    partitions: 1,
    logical,
    inputs: [all(samples)],
    run: (context, [table]) => splitPoints(context, one(table), by, partitions),
  });
  return exchangeNode({
    detail: () => "BY RANGE",
    input,
    partitions,
    partitionedBy: "ranges",
    logical,
    sides: [points],
    split: (context, table, [bounds]) => splitByRange(context, table, one(bounds), by, partitions),
  });
}
