/** Aggregate over partitions: partial aggregates and a tree of merges, or rows shuffled by their keys. */

import { nameOf } from "../../ir/explain.ts";
import { aggregate as aggregateExpr, column, columnsOf, named } from "../../ir/expr.ts";
import type { Aggregate } from "../../ir/plan.ts";
import { expressions } from "../../ir/plan.ts";
import { type FusedAggregate, fusedAggregate } from "../fused-aggregate.ts";
import { aggregate } from "../operators/aggregate.ts";
import { thereAnd } from "../operators/join-in-place.ts";
import { ORIGIN, originField } from "../operators/origin.ts";
import { type Decomposition, decompose, finishPartials, mergePartials, partialAggregate } from "../operators/partial-aggregate.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { type Pipeline, runPipelineOver } from "../pipeline.ts";
import type { Table } from "../table.ts";
import { hasManyGroups, inPlaceOf, type LowerContext } from "./context.ts";
import { choiceNode, each, mapNode, one, reduceNode } from "./nodes.ts";
import { hashExchange, inOriginalOrder, tagged } from "./shuffle.ts";
import { forcedToOne, isOne, spreadOf } from "./size.ts";

export function lowerAggregate(lower: LowerContext, plan: Aggregate): PhysicalNode {
  const fused = fusedAggregate(plan, lower.shared);
  const base = lower.of(fused.pipeline.base);
  if (isOne(lower, base))
    return mapNode({
      name: nameOf(plan),
      logical: plan,
      inputs: [each(inPlaceOf(lower, fused.pipeline.base))],
      rows: plan.keys.length === 0 ? 1 : null,
      run: (context, [input]) => {
        const table = one(input);
        return aggregate(context, fused.plan, { ...fused.pipeline, predicate: thereAnd(table, fused.pipeline.predicate) }, table);
      },
    });
  const parts = decompose(fused.plan);
  const spread = plan.keys.length > 0 && (lower.manyGroups || saysUnique(lower, plan));
  if (parts === null || spread) return shuffled(lower, plan, fused, base);
  const partial = partials(plan, fused, parts, base);
  const joined = tree(lower, plan, parts, partial);
  if (plan.keys.length === 0) return joined;
  lower.groupsTogether();
  if (!lower.dynamic) return joined;
  return choiceNode([joined, shuffled(lower, plan, fused, base)], [base, partial], hasManyGroups(lower, base.partitions, parts.schema));
}

/** Whether the options say that a key column has many distinct values. */
const saysUnique = ({ options }: LowerContext, { keys }: Aggregate): boolean =>
  keys.some(({ expr }) => expr.kind === "column" && Object.hasOwn(options.uniqueFraction, expr.name));

const partials = (plan: Aggregate, { pipeline }: FusedAggregate, parts: Decomposition, base: PhysicalNode): PhysicalNode =>
  mapNode({
    name: `${nameOf(plan)} PARTIAL`,
    schema: parts.schema,
    logical: plan,
    inputs: [each(base)],
    rows: plan.keys.length === 0 ? base.partitions : null,
    run: (context, [table]) => partialAggregate(context, parts, pipeline, one(table)),
  });

function tree(lower: LowerContext, plan: Aggregate, parts: Decomposition, partial: PhysicalNode): PhysicalNode {
  const merged = reduceNode({
    name: `${nameOf(plan)} MERGE`,
    rows: plan.keys.length === 0 ? 1 : null,
    atMost: Math.min(partial.atMost, lower.rowsOfPartition(parts.schema)),
    input: partial,
    arity: lower.options.groupbyNAry,
    merge: (context, table) => mergePartials(context, parts, table),
  });
  return mapNode({
    name: `${nameOf(plan)} FINISH`,
    logical: plan,
    inputs: [each(merged)],
    rows: merged.rows,
    run: (context, [table]) => finishPartials(context, parts, one(table)),
  });
}

/** Rows with equal keys come together; groups are sorted by their first row afterwards. */
function shuffled(lower: LowerContext, plan: Aggregate, { plan: fused, pipeline }: FusedAggregate, base: PhysicalNode): PhysicalNode {
  const rows = neededRows(plan, fused, pipeline, base);
  const whole: Pipeline = { ...pipeline, predicate: null };
  const run =
    (of: Aggregate) =>
    (context: Parameters<typeof aggregate>[0], [table]: readonly Table[]) =>
      aggregate(context, of, whole, one(table));
  if (plan.keys.length === 0)
    return mapNode({
      name: nameOf(plan),
      logical: plan,
      inputs: [each(forcedToOne(lower, rows, nameOf(plan)))],
      rows: 1,
      run: run(fused),
    });
  const spread = hashExchange(
    tagged(rows),
    fused.keys.map((k) => k.expr),
    spreadOf(lower, rows),
  );
  const { dtype } = originField(ORIGIN);
  const first: Aggregate = {
    ...fused,
    aggregates: [...fused.aggregates, named(ORIGIN, aggregateExpr("min", column(ORIGIN, dtype), dtype))],
    schema: [...plan.schema, originField(ORIGIN)],
  };
  const grouped = mapNode({ name: nameOf(plan), schema: first.schema, logical: plan, inputs: [each(spread)], run: run(first) });
  return inOriginalOrder(lower, grouped, rows, { schema: plan.schema, spread: plan.keys.map((key) => key.name) });
}

/** The rows and columns that the aggregation looks at. */
function neededRows(plan: Aggregate, fused: Aggregate, pipeline: Pipeline, base: PhysicalNode): PhysicalNode {
  const needed = columnsOf(expressions(fused));
  const schema = base.schema.filter((f) => needed.has(f.name));
  const outputs = schema.map((f) => named(f.name, column(f.name, f.dtype)));
  return mapNode({
    name: pipeline.predicate === null ? "SELECT" : "FILTER",
    schema,
    logical: plan,
    inputs: [each(base)],
    run: (context, [table]) => runPipelineOver(context, one(table), { ...pipeline, outputs }, schema),
  });
}
