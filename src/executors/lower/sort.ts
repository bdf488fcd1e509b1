/** Sort over partitions: rows are shuffled by ranges of their keys; a sort with a limit keeps the first rows of each partition. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { Sort } from "../../ir/plan.ts";
import { sampleKeys, sampleSchema, splitByRange, splitPoints } from "../operators/exchange.ts";
import { sort } from "../operators/sort.ts";
import type { ExchangeNode, PhysicalNode } from "../physical/node.ts";
import type { LowerContext } from "./context.ts";
import { all, each, exchangeNode, mapNode, one, reduceNode } from "./nodes.ts";
import { isOne, spreadOf } from "./size.ts";

export function lowerSort(lower: LowerContext, plan: Sort): PhysicalNode {
  const input = lower.of(plan.input);
  const sorted = (of: PhysicalNode) =>
    mapNode({
      name: nameOf(plan),
      detail: detailsOf(plan),
      rows: plan.limit ?? of.rows,
      logical: plan,
      inputs: [each(of)],
      run: (context, [table]) => sort(context, plan, one(table)),
    });
  if (isOne(lower, input)) return sorted(input);
  return plan.limit === null ? sorted(rangeExchange(lower, plan, input)) : top(lower, plan, sorted(input));
}

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
function rangeExchange(lower: LowerContext, plan: Sort, input: PhysicalNode): ExchangeNode {
  const partitions = spreadOf(lower, input);
  const samples = mapNode({
    name: "SAMPLE",
    schema: sampleSchema(plan.by),
    logical: plan,
    inputs: [each(input)],
    run: (context, [table]) => sampleKeys(context, one(table), plan.by),
  });
  const points = mapNode({
    name: "SPLIT POINTS",
    schema: sampleSchema(plan.by),
    partitions: 1,
    logical: plan,
    inputs: [all(samples)],
    run: (context, [table]) => splitPoints(context, one(table), plan.by, partitions),
  });
  return exchangeNode({
    detail: "BY RANGE",
    input,
    partitions,
    partitionedBy: "ranges",
    logical: plan,
    sides: [points],
    split: (context, table, [bounds]) => splitByRange(context, table, one(bounds), plan.by, partitions),
  });
}
