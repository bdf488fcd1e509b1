/** Join over partitions: a small side is broadcast, else both sides are shuffled by their keys and the rows brought back into order. */

import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { Join, JoinOutput } from "../../ir/plan.ts";
import { join } from "../operators/join.ts";
import { ORIGIN, originField, RIGHT_ORIGIN } from "../operators/origin.ts";
import type { PhysicalNode, Seen } from "../physical/node.ts";
import { all, choice, collapsed, each, hashExchange, inOriginalOrder, type LowerContext, mapNode, one, tagged } from "./context.ts";

export function lowerJoin(lower: LowerContext, plan: Join): PhysicalNode {
  const [left, right] = [lower.of(plan.left), lower.of(plan.right)];
  const limit = lower.options.broadcastJoinLimit;
  if (left.partitions === 1 && right.partitions === 1) return together(plan, plan, left, right, "plain");
  if (plan.how === "cross") return together(plan, plan, left, right, "right");
  if (plan.how === "right" && left.partitions <= limit) return together(plan, plan, left, right, "left");
  if (plan.how !== "full" && plan.how !== "right") {
    const broadcast = together(plan, plan, left, right, "right");
    if (right.partitions === 1) return broadcast;
    if (lower.dynamic) return choice(lower, [broadcast, shuffled(plan, left, right)], [right], isTooLarge(lower));
    if (right.partitions <= limit) return broadcast;
  }
  if (plan.how === "inner" && left.partitions <= limit) return leftBroadcast(plan, left, right);
  return shuffled(plan, left, right);
}

/** Whether a side has more rows than as many partitions as may be broadcast: 1, else 0. */
const isTooLarge =
  ({ options }: LowerContext) =>
  ([side]: readonly Seen[]): number | null => {
    if (side === undefined || side.rows > options.broadcastJoinLimit * options.maxRowsPerPartition) return 1;
    return side.ended ? 0 : null;
  };

/** One join for each partition of the side that is not broadcast. */
function together(
  logical: Join,
  plan: Join,
  left: PhysicalNode,
  right: PhysicalNode,
  broadcast: "left" | "right" | "plain",
  partitionedBy: string | null = null,
): PhysicalNode {
  return mapNode({
    name: nameOf(logical),
    detail: `${detailsOf(logical)}${broadcast === "plain" ? "" : ` BROADCAST ${broadcast.toUpperCase()}`}`,
    schema: plan.schema,
    partitionedBy,
    logical,
    inputs: [broadcast === "left" ? all(collapsed(left)) : each(left), broadcast === "right" ? all(collapsed(right)) : each(right)],
    run: (context, [a, b]) => join(context, plan, one(a), one(b)),
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

const SWAPPED = { left: "right", right: "left" } as const;

/** The same rows of an inner join with the sides exchanged. */
const swapped = (plan: Join): Join => ({
  ...plan,
  left: plan.right,
  right: plan.left,
  leftOn: plan.rightOn,
  rightOn: plan.leftOn,
  output: plan.output.map(({ name, from, left, right }) => ({
    name,
    from: from === "coalesce" ? "right" : SWAPPED[from],
    left: from === "coalesce" ? null : right,
    right: left,
  })),
});

const BOTH: readonly Origin[] = [
  { side: "left", name: ORIGIN },
  { side: "right", name: RIGHT_ORIGIN },
];

/** The right rows look for the few left ones; what they find is brought into the order of the left rows. */
function leftBroadcast(plan: Join, left: PhysicalNode, right: PhysicalNode): PhysicalNode {
  const found = together(plan, swapped(withOrigins(plan, BOTH)), tagged(right, RIGHT_ORIGIN), tagged(left), "right");
  return inOriginalOrder(found, left.partitions, plan.schema, [ORIGIN, RIGHT_ORIGIN]);
}

/** Partition by partition of equal keys. Right joins are in the order of the right rows; full joins have rows without a left one, which come last. */
function shuffled(plan: Join, left: PhysicalNode, right: PhysicalNode): PhysicalNode {
  const partitions = Math.max(left.partitions, right.partitions);
  const origins: readonly Origin[] = plan.how === "full" ? BOTH : [{ side: plan.how === "right" ? "right" : "left", name: ORIGIN }];
  const side = (which: "left" | "right", node: PhysicalNode, keys: Join["leftOn"]) => {
    const origin = origins.find((o) => o.side === which);
    return hashExchange(origin === undefined ? node : tagged(node, origin.name), keys, partitions);
  };
  const [a, b] = [side("left", left, plan.leftOn), side("right", right, plan.rightOn)];
  const joined = together(plan, withOrigins(plan, origins), a, b, "plain", a.partitionedBy);
  const ordering = plan.how === "right" ? right : left;
  return inOriginalOrder(
    joined,
    ordering.partitions,
    plan.schema,
    origins.map((o) => o.name),
    plan.how === "full",
  );
}
