/** Join over partitions: a small side is broadcast, else both sides are shuffled by their keys and the rows brought back into order. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { Join, JoinOutput, Plan } from "../../ir/plan.ts";
import { fusedJoin, NO_PREDICATES } from "../fused-join.ts";
import { join, swapped } from "../operators/join.ts";
import { ORIGIN, originField, RIGHT_ORIGIN } from "../operators/origin.ts";
import type { MapNode, PhysicalNode, Seen } from "../physical/node.ts";
import { inPlaceOf, type LowerContext } from "./context.ts";
import { all, choiceNode, each, mapNode, one } from "./nodes.ts";
import { hashExchange, inOriginalOrder, spreadBy, tagged, taggedExchange } from "./shuffle.ts";
import { collapsed, fitsAtOnce, isOne, rowsAtOnce, spreadOf } from "./size.ts";
import { uniqueSide } from "./unique-side.ts";

export function lowerJoin(lower: LowerContext, plan: Join): PhysicalNode {
  const [left, right] = [lower.of(plan.left), lower.of(plan.right)];
  const isSmall = (side: PhysicalNode): boolean => side.partitions <= lower.options.broadcastJoinLimit && fitsAtOnce(lower, side);
  if (isOne(lower, left) && isOne(lower, right)) return inOne(lower, plan, left, right);
  if (plan.how === "cross") return together(lower, plan, plan, left, right, "right");
  if (plan.how === "right" && isSmall(left)) return together(lower, plan, plan, left, right, "left");
  const other = plan.how === "inner" && isSmall(left) ? leftBroadcast : shuffled;
  if (plan.how !== "full" && plan.how !== "right") {
    const broadcast = together(lower, plan, plan, left, right, "right");
    if (isOne(lower, right)) return broadcast;
    if (lower.dynamic) return choiceNode([broadcast, other(lower, plan, left, right)], [right], isTooLarge(lower, right));
    if (isSmall(right)) return broadcast;
  }
  return other(lower, plan, left, right);
}

/** A join of one partition with one, which takes the predicates of its sides over where these are one partition without them, too. */
function inOne(lower: LowerContext, plan: Join, left: PhysicalNode, right: PhysicalNode): PhysicalNode {
  const fused = fusedJoin(plan, lower.shared);
  const inputOf = plan.how === "cross" ? lower.of : (side: Plan) => inPlaceOf(lower, side);
  const [a, b] = [inputOf(fused.left), inputOf(fused.right)];
  const whole = together(lower, plan, plan, left, right, "plain");
  if (!isOne(lower, a) || !isOne(lower, b)) return whole;
  const running =
    (inPlace: boolean): MapNode["run"] =>
    (context, [x, y]) =>
      join(context, fused.plan, one(x), one(y), { predicates: fused.predicates, unique: uniqueSide(lower, fused.plan), inPlace });
  const node: MapNode = { ...whole, inputs: [each(a), each(b)], run: running(false) };
  lower.inPlace.set(node, { ...node, run: running(true) });
  return node;
}

/** Whether a side has more rows than may be broadcast, or than fit: 1, else 0. */
const isTooLarge =
  (lower: LowerContext, node: PhysicalNode) =>
  ([side]: readonly Seen[]): number | null => {
    const { broadcastJoinLimit, maxRowsPerPartition } = lower.options;
    if (side === undefined || side.rows > Math.min(broadcastJoinLimit * maxRowsPerPartition, rowsAtOnce(lower, node))) return 1;
    return side.ended ? 0 : null;
  };

/** By how many times there may be more rows than expected of a join. */
const MORE_FOUND = 2;

/** As of keys that hardly repeat on the side with fewer rows: a row of the other side finds one, unless a predicate has taken it away. */
function rowsOfJoin({ how }: Join, left: PhysicalNode, right: PhysicalNode): number {
  if (how === "cross") return left.atMost * right.atMost;
  if (how === "anti") return left.atMost;
  const most = how === "semi" ? left.atMost : Math.max(left.atMost, right.atMost);
  if (how === "semi") return Math.min(most, Math.ceil(MORE_FOUND * most * right.kept));
  if (how !== "inner") return most;
  const found = left.atMost < right.atMost ? right.atMost * left.kept : left.atMost * right.kept;
  return Math.min(most, Math.ceil(MORE_FOUND * found));
}

/** One join for each partition of the side that is not broadcast. */
function together(
  lower: LowerContext,
  logical: Join,
  plan: Join,
  left: PhysicalNode,
  right: PhysicalNode,
  broadcast: "left" | "right" | "plain",
  partitionedBy: string | null = null,
): MapNode {
  return mapNode({
    name: nameOf(logical),
    detail: () => `${detailsOf(logical)}${broadcast === "plain" ? "" : ` BROADCAST ${broadcast.toUpperCase()}`}`,
    schema: plan.schema,
    partitionedBy,
    atMost: rowsOfJoin(plan, left, right),
    kept: plan.how === "inner" || plan.how === "semi" ? left.kept * right.kept : left.kept,
    logical,
    inputs: [broadcast === "left" ? all(collapsed(left)) : each(left), broadcast === "right" ? all(collapsed(right)) : each(right)],
    run: (context, [a, b]) =>
      join(context, plan, one(a), one(b), { predicates: NO_PREDICATES, unique: uniqueSide(lower, plan), inPlace: false }),
  });
}

interface Origin {
  readonly side: "left" | "right";
  readonly name: string;
}

/** The join with the origins of its rows in front of the output. */
const withOrigins = (plan: Join, origins: readonly Origin[]): Join => ({
  ...plan,
  output: [
    ...origins.map(
      ({ side, name }): JoinOutput => ({ name, from: side, left: side === "left" ? name : null, right: side === "right" ? name : null }),
    ),
    ...plan.output,
  ],
  schema: [...origins.map(({ name }) => originField(name)), ...plan.schema],
});

const BOTH: readonly Origin[] = [
  { side: "left", name: ORIGIN },
  { side: "right", name: RIGHT_ORIGIN },
];

/** The right rows look for the few left ones; what they find is brought into the order of the left rows, unless any order will do. */
function leftBroadcast(lower: LowerContext, plan: Join, left: PhysicalNode, right: PhysicalNode): PhysicalNode {
  if (!plan.ordered) return together(lower, plan, swapped(plan), right, left, "right");
  const found = together(lower, plan, swapped(withOrigins(plan, BOTH)), tagged(right, RIGHT_ORIGIN), tagged(left), "right");
  return inOriginalOrder(lower, found, left, { schema: plan.schema, by: [ORIGIN, RIGHT_ORIGIN] });
}

/** Partition by partition of equal keys. Right joins are in the order of the right rows; full joins have rows without a left one, which come last. */
function shuffled(lower: LowerContext, plan: Join, left: PhysicalNode, right: PhysicalNode): PhysicalNode {
  const { how, leftOn, rightOn } = plan;
  const needed = spreadOf(lower, left, right);
  const before = [spreadBy(lower, left, leftOn), spreadBy(lower, right, rightOn)].map((spread) => spread?.node.partitions ?? 0);
  const partitions = before.find((count) => count >= needed) ?? needed;
  const ordering = how === "right" ? taggedExchange(lower, right, rightOn, partitions) : taggedExchange(lower, left, leftOn, partitions);
  const [other, otherOn] = how === "right" ? [left, leftOn] : [right, rightOn];
  const spread = how === "full" ? null : spreadBy(lower, other, otherOn);
  const exchanged = hashExchange(how === "full" ? tagged(other, RIGHT_ORIGIN) : other, otherOn, partitions);
  const matched = spread?.node.partitions === partitions ? spread.node : exchanged;
  const [a, b] = how === "right" ? [matched, ordering.node] : [ordering.node, matched];
  const origins: readonly Origin[] = how === "full" ? BOTH : [{ side: how === "right" ? "right" : "left", name: ORIGIN }];
  // in the order of the side that was tagged: who takes the rows as they were spread relies on ascending origins
  const tagging: Join = { ...withOrigins(plan, origins), ordered: true };
  const joined = together(lower, plan, tagging, a, b, "plain", exchanged.partitionedBy);
  return inOriginalOrder(lower, joined, ordering.tags, {
    schema: plan.schema,
    by: origins.map((o) => o.name),
    unmatched: how === "full",
    spread: how === "full" ? null : keysInOutput(plan),
  });
}

/** The output columns that hold the keys of the side that decides the order; null where one of them is not a column of the output. */
function keysInOutput({ how, leftOn, rightOn, output }: Join): readonly string[] | null {
  const side = how === "right" ? "right" : "left";
  const names = (how === "right" ? rightOn : leftOn).map((key) =>
    key.kind === "column" ? output.find((o) => o[side] === key.name && (o.from === side || o.from === "coalesce"))?.name : undefined,
  );
  return names.every((name) => name !== undefined) ? names : null;
}
