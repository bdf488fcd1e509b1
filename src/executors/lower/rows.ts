/** Nodes whose rows stay where they are: partition by partition, some with the number of rows before, some only with all rows together. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { Expr } from "../../ir/expr.ts";
import { column, named } from "../../ir/expr.ts";
import type {
  AsofJoin,
  Cpu,
  Explode,
  Filter,
  Gather,
  GatherBy,
  HConcat,
  Lookup,
  Plan,
  Project,
  RangeJoin,
  Require,
  RowIndex,
  Slice,
  Union,
} from "../../ir/plan.ts";
import { fieldsOf } from "../../ir/projection.ts";
import { asofJoin } from "../operators/asof-join.ts";
import { explode } from "../operators/explode.ts";
import { gatherBy, gatherRows } from "../operators/gather.ts";
import { lookup } from "../operators/lookup.ts";
import { rangeJoin } from "../operators/range-join.ts";
import { requireRows } from "../operators/require.ts";
import { hconcat, rowIndex, slice } from "../operators/slice.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { pipelineOf, runPipelineOver } from "../pipeline.ts";
import { batchOf, releaseTable, retainTable } from "../table.ts";
import type { LowerContext } from "./context.ts";
import { all, each, mapNode, one, sum } from "./nodes.ts";
import { collapsed, forcedToOne } from "./size.ts";

export function lowerPipeline(lower: LowerContext, plan: Project | Filter): PhysicalNode {
  const pipeline = pipelineOf(plan, lower.shared);
  const base = lower.of(pipeline.base);
  return mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    rows: pipeline.predicate === null ? base.rows : null,
    logical: plan,
    inputs: [each(base)],
    run: (context, [table]) => runPipelineOver(context, one(table), pipeline, plan.schema),
  });
}

/** Rows of a slice that are taken together, so that partitions behind them need not be computed. */
const FIRST_ROWS = 1_000_000;

export function lowerSlice(lower: LowerContext, plan: Slice): PhysicalNode {
  const input = lower.of(plan.input);
  const fromEnd = plan.offset < 0;
  const end = fromEnd || plan.length === null ? Number.POSITIVE_INFINITY : plan.offset + plan.length;
  const sliced = mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    logical: plan,
    inputs: [each(input)],
    counts: fromEnd ? "all" : "earlier",
    limit: end > FIRST_ROWS ? null : Math.max(1, end),
    run: async (context, [table], { partition, counts }) => {
      const wanted = fromEnd ? sum(counts) + plan.offset : plan.offset;
      const before = sum(counts.slice(0, partition));
      const from = Math.max(0, Math.max(0, wanted) - before);
      const length = plan.length === null ? null : Math.max(0, wanted + plan.length - before - from);
      return slice(context, { offset: from, length, schema: plan.schema }, one(table));
    },
  });
  return sliced.limit === null ? sliced : collapsed(sliced);
}

export function lowerRowIndex(lower: LowerContext, plan: RowIndex): PhysicalNode {
  const input = lower.of(plan.input);
  return mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    rows: input.rows,
    logical: plan,
    inputs: [each(input)],
    counts: "earlier",
    run: async (context, [table], { partition, counts }) =>
      rowIndex(context, { ...plan, offset: plan.offset + sum(counts.slice(0, partition)) }, one(table)),
  });
}

export function lowerLookup(lower: LowerContext, plan: Lookup): PhysicalNode {
  const input = lower.of(plan.input);
  return mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    rows: input.rows,
    logical: plan,
    inputs: [each(input)],
    counts: "several",
    run: (context, [table], { counts }) => lookup(context, plan, one(table), sum(counts) > 1),
  });
}

export const lowerExplode = (lower: LowerContext, plan: Explode): PhysicalNode =>
  mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    logical: plan,
    inputs: [each(lower.of(plan.input))],
    run: (context, [table]) => explode(context, plan, one(table)),
  });

export const lowerGather = (lower: LowerContext, plan: Gather): PhysicalNode =>
  mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    rows: plan.rows.length,
    logical: plan,
    inputs: [each(forcedToOne(lower, lower.of(plan.input), nameOf(plan)))],
    run: (context, [table]) => gatherRows(context, plan, one(table)),
  });

/** Row numbers are looked up partition by partition, among all rows. */
export function lowerGatherBy(lower: LowerContext, plan: GatherBy): PhysicalNode {
  const by = lower.of(plan.by);
  return mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    rows: by.rows,
    logical: plan,
    inputs: [all(collapsed(lower.of(plan.input))), each(by)],
    run: (context, [table, numbers]) => gatherBy(context, plan, one(table), one(numbers)),
  });
}

export const lowerCpu = (lower: LowerContext, plan: Cpu): PhysicalNode =>
  mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    logical: plan,
    inputs: plan.inputs.map((input) => all(collapsed(lower.of(input)))),
    run: (context, tables) => context.sources.cpu(plan, tables),
  });

export const lowerUnion = (lower: LowerContext, plan: Union): PhysicalNode => {
  const inputs = plan.inputs.map((input) => lower.of(input));
  return {
    kind: "union",
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    schema: plan.schema,
    partitions: sum(inputs.map((i) => i.partitions)),
    partitionedBy: null,
    rows: inputs.reduce<number | null>((n, i) => (n === null || i.rows === null ? null : n + i.rows), 0),
    atMost: sum(inputs.map((i) => i.atMost)),
    kept: Math.max(...inputs.map((i) => i.kept)),
    logical: plan,
    inputs,
  };
};

export const lowerHConcat = (lower: LowerContext, plan: HConcat): PhysicalNode =>
  mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    logical: plan,
    inputs: plan.inputs.map((input) => each(forcedToOne(lower, lower.of(input), nameOf(plan)))),
    run: (context, tables) => hconcat(context, plan, tables),
  });

/** A condition on all rows of a few expressions: nothing, or an error. */
function check(
  logical: Plan,
  input: PhysicalNode,
  exprs: readonly Expr[],
  condition: (columns: readonly Expr[]) => Require["condition"],
): PhysicalNode {
  const keys = exprs.map((expr, i) => named(`${i}`, expr));
  const schema = fieldsOf(keys);
  const projected = mapNode({
    name: "SELECT",
    schema,
    logical,
    inputs: [each(input)],
    run: (context, [table]) => runPipelineOver(context, one(table), { predicate: null, outputs: keys }, schema),
  });
  const required = { condition: condition(schema.map((f) => column(f.name, f.dtype))) };
  return mapNode({
    name: "CHECK",
    schema: [],
    logical,
    inputs: [all(projected)],
    partitions: 1,
    run: async (context, [table]) => {
      releaseTable(await requireRows(context, required, one(table)));
      return { schema: [], batches: [batchOf(0, [], [])] };
    },
  });
}

export function lowerRequire(lower: LowerContext, plan: Require): PhysicalNode {
  const input = lower.of(plan.input);
  const { condition } = plan;
  const checked =
    condition.kind === "unique"
      ? check(plan, input, condition.by, (by) => ({ kind: "unique", by }))
      : check(plan, input, [condition.key, ...condition.by], ([key, ...by]) => ({ kind: "ascending", key: one(key), by }));
  return mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    rows: input.rows,
    partitionedBy: input.partitionedBy,
    logical: plan,
    inputs: [each(input), all(checked)],
    run: async (_, [table]) => retainTable(one(table)),
  });
}

/** Left rows look for their right row partition by partition; that the left keys ascend is a matter of all of them. */
export function lowerAsofJoin(lower: LowerContext, plan: AsofJoin): PhysicalNode {
  const [left, right] = [lower.of(plan.left), lower.of(plan.right)];
  const ordered =
    left.partitions === 1
      ? []
      : [all(check(plan, left, [plan.leftOn, ...plan.leftBy], ([key, ...by]) => ({ kind: "ascending", key: one(key), by })))];
  return mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    rows: left.rows,
    logical: plan,
    inputs: [each(left), all(collapsed(right)), ...ordered],
    run: (context, [a, b]) => asofJoin(context, plan, one(a), one(b)),
  });
}

/** Left rows find their right rows partition by partition. */
export function lowerRangeJoin(lower: LowerContext, plan: RangeJoin): PhysicalNode {
  const [left, right] = [lower.of(plan.left), lower.of(plan.right)];
  return mapNode({
    name: nameOf(plan),
    detail: () => detailsOf(plan),
    logical: plan,
    inputs: [each(left), all(collapsed(right))],
    run: (context, [a, b]) => rangeJoin(context, plan, one(a), one(b)),
  });
}
