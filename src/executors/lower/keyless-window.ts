/** Window functions without partition keys over several partitions, which keep their rows, or get ranges of the order's keys and give them back. */

import { describeExpr } from "../../ir/expr.ts";
import type { Window } from "../../ir/plan.ts";
import type { Schema } from "../../ir/schema.ts";
import { ORIGIN, originField } from "../operators/origin.ts";
import type { PhysicalNode } from "../physical/node.ts";
import type { LowerContext } from "./context.ts";
import { one } from "./nodes.ts";
import { inOriginalOrder, tagged } from "./shuffle.ts";
import { sortedRanges } from "./sort.ts";
import { lowerMirrored, lowerSorted } from "./window-places.ts";
import { type Reach, reachOf } from "./window-reach.ts";
import { lowerNear, lowerPlaces, lowerRanks, lowerRunning, type Reaching, type Stage } from "./window-stages.ts";

/** A window of which every function can be computed partition by partition. */
interface Splittable {
  readonly plan: Window;
  readonly functions: readonly Reaching[];
}

/** The window over partitions; null where it has a function that needs all rows together. */
export function splitWindow(lower: LowerContext, plan: Window): PhysicalNode | null {
  const top = splittable(plan);
  if (top === null) return null;
  if (plan.orderBy.length === 0) return inSequence(lower, top, lower.of(plan.input), []);
  const windows = sharingOrder(lower, top);
  const input = lower.of(one(windows[0]).plan.input);
  const origin = [originField(ORIGIN)];
  const computed = windows.reduce((node, window) => inSequence(lower, window, node, origin), inOrder(lower, windows, input));
  return inOriginalOrder(lower, computed, input, { schema: plan.schema });
}

function splittable(plan: Window): Splittable | null {
  const functions = plan.functions.flatMap((of): readonly Reaching[] => {
    const reach = reachOf(of.call);
    return reach === null ? [] : [{ of, reach }];
  });
  return functions.length === plan.functions.length ? { plan, functions } : null;
}

/** The window and those right below it that have the same order: they share a sort. */
function sharingOrder(lower: LowerContext, top: Splittable): readonly Splittable[] {
  const order = (plan: Window): string => JSON.stringify(plan.orderBy.map((key) => ({ ...key, expr: describeExpr(key.expr) })));
  const windows = [top];
  for (let below = top.plan.input; below.kind === "window" && !lower.shared(below); below = below.input) {
    const window = below.partitionBy.length === 0 && order(below) === order(top.plan) ? splittable(below) : null;
    if (window === null) break;
    windows.unshift(window);
  }
  return windows;
}

/** The rows in the windows' order, those that ranks have to see together in one partition, with their origin in front. */
function inOrder(lower: LowerContext, windows: readonly Splittable[], input: PhysicalNode): PhysicalNode {
  const { plan } = one(windows[0]);
  const ranks = windows.flatMap(({ functions }) => functions.flatMap(({ reach }) => (reach.kind === "rank" ? [reach.keys] : [])));
  return sortedRanges(lower, plan, plan.orderBy, tagged(input), Math.min(plan.orderBy.length, ...ranks));
}

/** The functions over rows that follow one another in the order of the partitions, those of a kind together; `extra`: columns in front. */
function inSequence(lower: LowerContext, { plan, functions }: Splittable, input: PhysicalNode, extra: Schema): PhysicalNode {
  const stages = KINDS.map(({ has, make }) => ({ make, of: functions.filter(({ reach }) => has(reach)) })).filter(
    ({ of }) => of.length > 0,
  );
  return stages.reduce<PhysicalNode>((node, { make, of }, i) => {
    const added = of.map(({ of: { name, call } }) => ({ name, dtype: call.dtype }));
    return make({
      lower,
      plan,
      functions: of,
      input: node,
      schema: i === stages.length - 1 ? [...extra, ...plan.schema] : [...node.schema, ...added],
    });
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
