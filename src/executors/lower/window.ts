/** Window functions over partitions: with partition keys rows are shuffled by them and brought back into order; without, see `splitWindow`. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import { describeExpr } from "../../ir/expr.ts";
import type { Window } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import { ORIGIN, originField } from "../operators/origin.ts";
import { window as computeWindow } from "../operators/window.ts";
import type { PhysicalNode } from "../physical/node.ts";
import type { LowerContext } from "./context.ts";
import { splitWindow } from "./keyless-window.ts";
import { each, mapNode, one } from "./nodes.ts";
import { inOriginalOrder, taggedExchange } from "./shuffle.ts";
import { forcedToOne, isOne } from "./size.ts";

export const lowerWindow = (lower: LowerContext, plan: Window): PhysicalNode =>
  plan.partitionBy.length === 0 ? keyless(lower, plan) : keyed(lower, plan);

const computed = (of: PhysicalNode, plan: Window, extra: Schema = []): PhysicalNode =>
  mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    schema: [...extra, ...plan.schema],
    rows: of.rows,
    logical: plan,
    inputs: [each(of)],
    run: (context, [table]) => computeWindow(context, { ...plan, schema: [...extra, ...plan.schema] }, one(table)),
  });

function keyless(lower: LowerContext, plan: Window): PhysicalNode {
  const input = lower.of(plan.input);
  const split = input.partitions === 1 ? null : splitWindow(lower, plan);
  return split ?? computed(forcedToOne(lower, input, nameOf(plan)), plan);
}

/** Windows over one another with the same partition keys share a shuffle. */
function keyed(lower: LowerContext, plan: Window): PhysicalNode {
  const windows = [plan];
  for (let below = plan.input; below.kind === "window" && !lower.shared(below) && samePartitions(below, plan); below = below.input)
    windows.unshift(below);
  const input = lower.of(one(windows[0]).input);
  const chain = (of: PhysicalNode, extra: Schema = []): PhysicalNode => windows.reduce((node, window) => computed(node, window, extra), of);
  if (isOne(lower, input)) return chain(input);
  const keys = plan.partitionBy;
  const { node, tags } = taggedExchange(lower, input, keys);
  const names = keys.flatMap((key) => (key.kind === "column" ? [key.name] : []));
  const spread = names.length === keys.length ? names : null;
  return inOriginalOrder(lower, chain(node, [originField(ORIGIN)]), tags, { schema: plan.schema, spread });
}

const samePartitions = (a: Window, b: Window): boolean =>
  a.partitionBy.map(describeExpr).join(", ") === b.partitionBy.map(describeExpr).join(", ");
