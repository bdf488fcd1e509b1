/** How physical nodes are made: what most nodes of a kind have in common. */

import type { ChoiceNode, ExchangeNode, Input, MapNode, PhysicalNode, ReduceNode } from "../physical/node.ts";

type Optional = "detail" | "partitionedBy" | "rows" | "atMost" | "kept" | "counts" | "limit" | "schema" | "partitions";
type MapSpec = Omit<MapNode, "kind" | Optional> & Partial<Pick<MapNode, Optional>>;

/** As many rows as the input with the most. */
const mostOf = (inputs: readonly PhysicalNode[]): number => inputs.reduce((most, { atMost }) => Math.max(most, atMost), 0);

/** The smallest share that an input keeps. */
const keptOf = (inputs: readonly PhysicalNode[]): number => inputs.reduce((least, { kept }) => Math.min(least, kept), 1);

/** A map; by default over as many partitions as its first input that is taken one by one, with the schema of its logical node. */
export function mapNode(spec: MapSpec): MapNode {
  const each = spec.inputs.find((i) => i.take === "each");
  return {
    kind: "map",
    detail: () => "",
    schema: spec.logical.schema,
    partitions: each?.node.partitions ?? 1,
    partitionedBy: null,
    rows: null,
    atMost: spec.rows ?? mostOf(spec.inputs.map((i) => i.node)),
    kept: keptOf(spec.inputs.map((i) => i.node)),
    counts: "none",
    limit: null,
    ...spec,
  };
}

type ReduceSpec = Pick<ReduceNode, "name" | "input" | "arity" | "merge"> &
  Partial<Pick<ReduceNode, "detail" | "schema" | "rows" | "atMost" | "logical">>;

/** A reduction; by default with the schema and the logical node of its input, and without an estimate. */
export const reduceNode = (spec: ReduceSpec): ReduceNode => ({
  kind: "reduce",
  detail: () => (Number.isFinite(spec.arity) ? `${spec.arity} AT A TIME` : ""),
  schema: spec.input.schema,
  partitions: 1,
  partitionedBy: null,
  rows: null,
  atMost: spec.rows ?? spec.input.atMost,
  kept: spec.input.kept,
  logical: spec.input.logical,
  ...spec,
});

type ExchangeSpec = Pick<ExchangeNode, "detail" | "input" | "partitions" | "split"> &
  Partial<Pick<ExchangeNode, "partitionedBy" | "sides" | "logical">>;

/** A shuffle of the rows of its input, as they are. */
export const exchangeNode = (spec: ExchangeSpec): ExchangeNode => ({
  kind: "exchange",
  name: "SHUFFLE",
  schema: spec.input.schema,
  partitionedBy: null,
  rows: spec.input.rows,
  atMost: spec.input.atMost,
  kept: spec.input.kept,
  logical: spec.input.logical,
  sides: [],
  ...spec,
});

/** One of two ways, chosen while the query runs. */
export const choiceNode = (
  options: readonly [PhysicalNode, PhysicalNode],
  watched: readonly PhysicalNode[],
  choose: ChoiceNode["choose"],
): ChoiceNode => ({
  kind: "choice",
  name: "CHOICE",
  detail: () => `${options[0].name} OR ${options[1].name}`,
  schema: options[0].schema,
  partitions: Math.max(options[0].partitions, options[1].partitions),
  partitionedBy: null,
  rows: null,
  atMost: mostOf(options),
  kept: keptOf(options),
  logical: options[0].logical,
  watched,
  options,
  usual: 0,
  choose,
});

export const each = (node: PhysicalNode): Input => ({ node, take: "each" });
export const all = (node: PhysicalNode): Input => ({ node, take: "all" });

/** An input that has to be there. */
export function one<T>(value: T | undefined): T {
  if (value === undefined) throw new RangeError("an operation lacks an input");
  return value;
}

export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
