/** Nodes that compare rows of different partitions: sorts, distinct rows, window functions. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import { column, describeExpr } from "../../ir/expr.ts";
import type { Distinct, Sort, Window } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import { distinct } from "../operators/distinct.ts";
import { sampleKeys, sampleSchema, splitByRange, splitPoints } from "../operators/exchange.ts";
import { ORIGIN, originField } from "../operators/origin.ts";
import { sort } from "../operators/sort.ts";
import { window as computeWindow } from "../operators/window.ts";
import type { ExchangeNode, PhysicalNode } from "../physical/node.ts";
import {
  all,
  choice,
  each,
  exchangeNode,
  forcedToOne,
  hashExchange,
  hasManyGroups,
  inOriginalOrder,
  type LowerContext,
  mapNode,
  one,
  reduceNode,
  tagged,
} from "./context.ts";

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
  if (input.partitions === 1) return sorted(input);
  return plan.limit === null ? sorted(rangeExchange(plan, input)) : top(lower, plan, sorted(input));
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
function rangeExchange(plan: Sort, input: PhysicalNode): ExchangeNode {
  const { partitions } = input;
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

export function lowerDistinct(lower: LowerContext, plan: Distinct): PhysicalNode {
  const input = lower.of(plan.input);
  const kept = (of: PhysicalNode, schema = plan.schema) =>
    mapNode({
      name: nameOf(plan),
      detail: detailsOf(plan),
      schema,
      logical: plan,
      inputs: [each(of)],
      run: (context, [table]) => distinct(context, { ...plan, schema }, one(table)),
    });
  if (input.partitions === 1) return kept(input);
  const keys = plan.schema.filter((f) => plan.subset.includes(f.name)).map((f) => column(f.name, f.dtype));
  const shuffled = (of: PhysicalNode): PhysicalNode => {
    const spread = hashExchange(tagged(of), keys, input.partitions);
    return inOriginalOrder(kept(spread, [originField(ORIGIN), ...plan.schema]), input.partitions, plan.schema);
  };
  if (plan.keep === "none") return shuffled(input);
  const first = kept(input);
  if (lower.manyGroups || plan.subset.some((name) => Object.hasOwn(lower.options.uniqueFraction, name))) return shuffled(first);
  const merged = reduceNode({
    name: `${nameOf(plan)} MERGE`,
    input: first,
    arity: lower.options.groupbyNAry,
    merge: (context, parts) => distinct(context, plan, parts),
  });
  return lower.dynamic ? choice(lower, [merged, shuffled(first)], [input, first], hasManyGroups(lower, input.partitions)) : merged;
}

/** Windows over one another with the same partition keys share a shuffle. */
export function lowerWindow(lower: LowerContext, plan: Window): PhysicalNode {
  const windows = [plan];
  for (let below = plan.input; below.kind === "window" && !lower.shared(below) && samePartitions(below, plan); below = below.input)
    windows.unshift(below);
  const input = lower.of(one(windows[0]).input);
  const computed = (of: PhysicalNode, window: Window, extra: Schema): PhysicalNode =>
    mapNode({
      name: nameOf(window),
      detail: detailsOf(window),
      schema: [...extra, ...window.schema],
      rows: of.rows,
      logical: window,
      inputs: [each(of)],
      run: (context, [table]) => computeWindow(context, { ...window, schema: [...extra, ...window.schema] }, one(table)),
    });
  const chain = (of: PhysicalNode, extra: Schema): PhysicalNode => windows.reduce((node, window) => computed(node, window, extra), of);
  if (input.partitions === 1) return chain(input, []);
  if (plan.partitionBy.length === 0) return chain(forcedToOne(lower, input, nameOf(plan)), []);
  const spread = hashExchange(tagged(input), plan.partitionBy, input.partitions);
  return inOriginalOrder(chain(spread, [originField(ORIGIN)]), input.partitions, plan.schema);
}

const samePartitions = (a: Window, b: Window): boolean =>
  a.partitionBy.map(describeExpr).join(", ") === b.partitionBy.map(describeExpr).join(", ");
