/** Logical plan -> physical plan: what a node becomes stands in the file of its kind. */

import type { ExecutorConfig } from "../../config.ts";
import { detailsOf, nameOf } from "../../ir/explain.ts";
import type { Frame, Plan, Scan } from "../../ir/plan.ts";
import { countParents, postorder } from "../../ir/traversal.ts";
import type { SourcePartitions } from "../context.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { lowerAggregate } from "./aggregate.ts";
import type { LowerContext } from "./context.ts";
import { lowerDistinct } from "./distinct.ts";
import { lowerJoin } from "./join.ts";
import {
  lowerAsofJoin,
  lowerCpu,
  lowerExplode,
  lowerGather,
  lowerGatherBy,
  lowerHConcat,
  lowerLookup,
  lowerPipeline,
  lowerRangeJoin,
  lowerRequire,
  lowerRowIndex,
  lowerSlice,
  lowerUnion,
} from "./rows.ts";
import { lowerSort } from "./sort.ts";
import { lowerWindow } from "./window.ts";

const lowerSource = (lower: LowerContext, plan: Frame | Scan): PhysicalNode => {
  const { partitions, rows, kept, load } = lower.source(plan);
  const { frames } = lower;
  if (plan.kind === "frame" && !frames.has(plan.source)) frames.set(plan.source, frames.size + 1);
  return {
    kind: "source",
    name: nameOf(plan),
    detail: () => detailsOf(plan, frames),
    schema: plan.schema,
    partitions,
    partitionedBy: null,
    rows,
    atMost: rows ?? 0,
    kept,
    logical: plan,
    load: (_, { partition }) => load(partition),
  };
};

function lowerNode(lower: LowerContext, plan: Plan): PhysicalNode {
  switch (plan.kind) {
    case "scan":
    case "frame":
      return lowerSource(lower, plan);
    case "cpu":
      return lowerCpu(lower, plan);
    case "project":
    case "filter":
      return lowerPipeline(lower, plan);
    case "slice":
      return lowerSlice(lower, plan);
    case "sort":
      return lowerSort(lower, plan);
    case "aggregate":
      return lowerAggregate(lower, plan);
    case "join":
      return lowerJoin(lower, plan);
    case "distinct":
      return lowerDistinct(lower, plan);
    case "union":
      return lowerUnion(lower, plan);
    case "hconcat":
      return lowerHConcat(lower, plan);
    case "row_index":
      return lowerRowIndex(lower, plan);
    case "gather":
      return lowerGather(lower, plan);
    case "gather_by":
      return lowerGatherBy(lower, plan);
    case "explode":
      return lowerExplode(lower, plan);
    case "lookup":
      return lowerLookup(lower, plan);
    case "asof_join":
      return lowerAsofJoin(lower, plan);
    case "range_join":
      return lowerRangeJoin(lower, plan);
    case "window":
      return lowerWindow(lower, plan);
    case "require":
      return lowerRequire(lower, plan);
  }
}

export interface Lowered {
  readonly root: PhysicalNode;
  /** Nodes that take one partition although their input has several. */
  readonly onePartition: readonly string[];
  /** Whether groups are put together in one place, as `manyGroups` would not have it. */
  readonly groupsTogether: boolean;
}

export interface Lowering extends Pick<LowerContext, "manyGroups" | "rowsOfPartition"> {
  readonly options: ExecutorConfig;
  /** The partitions of every frame and scan of the plan. */
  readonly sources: ReadonlyMap<Plan, SourcePartitions>;
}

export function lowerPlan(plan: Plan, { options, sources, manyGroups, rowsOfPartition }: Lowering): Lowered {
  const lowered = new Map<Plan, PhysicalNode>();
  const parents = countParents(plan);
  const single = new Set<string>();
  let together = false;
  const found = <T>(value: T | undefined): T => {
    if (value === undefined) throw new RangeError("a node is lowered after its inputs");
    return value;
  };
  const context: LowerContext = {
    options,
    manyGroups,
    rowsOfPartition,
    dynamic: options.engine === "rapidsmpf",
    of: (node) => found(lowered.get(node)),
    source: (node) => found(sources.get(node)),
    shared: (node) => (parents.get(node) ?? 0) > 1,
    frames: new Map(),
    spreads: new Map(),
    inPlace: new Map(),
    onePartition: (node) => void single.add(node),
    groupsTogether: () => {
      together = true;
    },
  };
  for (const node of postorder(plan)) lowered.set(node, lowerNode(context, node));
  return { root: context.of(plan), onePartition: [...single], groupsTogether: together };
}
