/** Window functions without partition keys over several partitions, which keep their rows, or get ranges of the order's keys and give them back. */

import type { Window } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import { ORIGIN, originField } from "../operators/origin.ts";
import type { PhysicalNode } from "../physical/node.ts";
import type { LowerContext } from "./context.ts";
import { inOriginalOrder, tagged } from "./shuffle.ts";
import { sortedRanges } from "./sort.ts";
import { lowerMirrored, lowerSorted } from "./window-places.ts";
import { type Reach, reachOf } from "./window-reach.ts";
import { lowerNear, lowerPlaces, lowerRanks, lowerRunning, type Reaching, type Stage } from "./window-stages.ts";

/** The window over partitions; null where it has a function that needs all rows together. */
export function splitWindow(lower: LowerContext, plan: Window, input: PhysicalNode): PhysicalNode | null {
  const functions = plan.functions.flatMap((of): readonly Reaching[] => {
    const reach = reachOf(of.call);
    return reach === null ? [] : [{ of, reach }];
  });
  if (functions.length < plan.functions.length) return null;
  if (plan.orderBy.length === 0) return inSequence(lower, plan, functions, input, plan.schema);
  const schema = [originField(ORIGIN), ...plan.schema];
  return inOriginalOrder(lower, inSequence(lower, plan, functions, inOrder(lower, plan, functions, input), schema), input, {
    schema: plan.schema,
  });
}

/** The rows in the window's order, those that ranks have to see together in one partition, with their origin in front. */
function inOrder(lower: LowerContext, plan: Window, functions: readonly Reaching[], input: PhysicalNode): PhysicalNode {
  const together = Math.min(...functions.map(({ reach }) => (reach.kind === "rank" ? reach.keys : plan.orderBy.length)));
  return sortedRanges(lower, plan, plan.orderBy, tagged(input), together);
}

/** The functions over rows that follow one another in the order of the partitions, those of a kind together. */
function inSequence(lower: LowerContext, plan: Window, functions: readonly Reaching[], input: PhysicalNode, schema: Schema): PhysicalNode {
  const stages = KINDS.map(({ has, make }) => ({ make, of: functions.filter(({ reach }) => has(reach)) })).filter(
    ({ of }) => of.length > 0,
  );
  return stages.reduce<PhysicalNode>((node, { make, of }, i) => {
    const added = of.map(({ of: { name, call } }) => ({ name, dtype: call.dtype }));
    return make({ lower, plan, functions: of, input: node, schema: i === stages.length - 1 ? schema : [...node.schema, ...added] });
  }, input);
}

const KINDS: readonly { readonly has: (reach: Reach) => boolean; readonly make: (stage: Stage) => PhysicalNode }[] = [
  { has: ({ kind }) => kind === "place", make: lowerPlaces },
  { has: ({ kind }) => kind === "rank", make: lowerRanks },
  { has: ({ kind }) => kind === "near", make: lowerNear },
  { has: (reach) => reach.kind === "running" && reach.from === "start", make: (stage) => lowerRunning(stage, "start") },
  { has: (reach) => reach.kind === "running" && reach.from === "end", make: (stage) => lowerRunning(stage, "end") },
  { has: ({ kind }) => kind === "mirrored", make: lowerMirrored },
  { has: ({ kind }) => kind === "sorted", make: lowerSorted },
];
