/** Distinct rows over partitions: those of each partition, put together, or rows shuffled by their keys. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import { column } from "../../ir/expr.ts";
import type { Distinct } from "../../ir/plan.ts";
import { distinct, distinctOf, distinctPipeline } from "../operators/distinct.ts";
import { ORIGIN, originField } from "../operators/origin.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { hasManyGroups, type LowerContext } from "./context.ts";
import { choiceNode, each, mapNode, one, reduceNode } from "./nodes.ts";
import { inOriginalOrder, spreadBy, taggedExchange } from "./shuffle.ts";
import { isOne } from "./size.ts";

export function lowerDistinct(lower: LowerContext, plan: Distinct): PhysicalNode {
  const input = lower.of(plan.input);
  const kept = (of: PhysicalNode, schema = plan.schema) =>
    mapNode({
      name: nameOf(plan),
      detail: () => detailsOf(plan),
      schema,
      logical: plan,
      inputs: [each(of)],
      run: (context, [table]) => distinct(context, { ...plan, schema }, one(table)),
    });
  const pipeline = distinctPipeline(plan, lower.shared);
  const base = pipeline === null ? null : lower.of(pipeline.base);
  if (pipeline !== null && base !== null && isOne(lower, base))
    return { ...kept(base), run: (context, [table]) => distinctOf(context, plan, pipeline, one(table)) };
  if (isOne(lower, input)) return kept(input);
  const keys = plan.schema.filter((f) => plan.subset.includes(f.name)).map((f) => column(f.name, f.dtype));
  const shuffled = (of: PhysicalNode): PhysicalNode => {
    const { node, tags } = taggedExchange(lower, of, keys);
    const spread = keys.map((key) => key.name);
    return inOriginalOrder(lower, kept(node, [originField(ORIGIN), ...plan.schema]), tags, { schema: plan.schema, spread });
  };
  if (plan.keep === "none" || spreadBy(lower, input, keys) !== null) return shuffled(input);
  const first = kept(input);
  if (lower.manyGroups || plan.subset.some((name) => Object.hasOwn(lower.options.uniqueFraction, name))) return shuffled(first);
  lower.groupsTogether();
  const merged = reduceNode({
    name: `${nameOf(plan)} MERGE`,
    input: first,
    arity: lower.options.groupbyNAry,
    merge: (context, parts) => distinct(context, plan, parts),
  });
  if (!lower.dynamic) return merged;
  return choiceNode([merged, shuffled(first)], [input, first], hasManyGroups(lower, input.partitions, plan.schema));
}
