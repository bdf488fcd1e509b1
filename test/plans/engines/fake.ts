/** Engines without a GPU: a partition is a name that says what it was made of, and operations take a random while. */

import assert from "node:assert/strict";
import type { QueryContext } from "../../../src/executors/context.ts";
import { runCoroutines } from "../../../src/executors/coroutine/run.ts";
import type { Stored } from "../../../src/executors/memory/store.ts";
import type { Operation, Operations } from "../../../src/executors/operation.ts";
import type {
  ChoiceNode,
  CountsNeeded,
  ExchangeNode,
  Input,
  MapNode,
  PhysicalNode,
  ReduceNode,
  SourceNode,
  UnionNode,
} from "../../../src/executors/physical/node.ts";
import type { Table } from "../../../src/executors/table.ts";
import { runTasks } from "../../../src/executors/task-graph/run.ts";
import type { Frame } from "../../../src/ir/plan.ts";
import type { Schema } from "../../../src/ir/schema.ts";
import { Random } from "../../fuzz/random.ts";

/** The schema's only field carries the name. */
const tableOf = (name: string, rows: number): Table => ({
  schema: [{ name, dtype: { kind: "Null" } }],
  batches: [{ rows, columns: new Map() }],
});
const nameOf = ({ schema }: Table): string => schema[0]?.name ?? "";
const rowsOf = ({ batches }: Table): number => batches.reduce((n, b) => n + b.rows, 0);
/** What has no rows is not named. */
const joined = (names: readonly string[]): string => names.filter((name) => name !== "").join("+");
const SCHEMA: Schema = [];
const LOGICAL: Frame = { kind: "frame", source: 1, schema: SCHEMA };
/** Fake nodes never look at it. */
const NO_CONTEXT: QueryContext = JSON.parse("null");

const described = (name: string, partitions: number) => ({
  name,
  detail: () => "",
  schema: SCHEMA,
  partitions,
  partitionedBy: null,
  rows: null,
  atMost: 0,
  kept: 1,
  logical: LOGICAL,
});

/** A source of partitions with so many rows. */
export const source = (name: string, rows: readonly number[]): SourceNode => ({
  kind: "source",
  ...described(name, rows.length),
  load: async (_, { partition }) => tableOf(`${name}${partition}`, rows[partition] ?? 0),
});

export const each = (node: PhysicalNode): Input => ({ node, take: "each" });
export const all = (node: PhysicalNode): Input => ({ node, take: "all" });

/** As many rows as the first input has, none behind a limit. Its partitions also say the rows that they were told of. */
export function map(name: string, inputs: readonly Input[], counts: CountsNeeded = "none", limit: number | null = null): MapNode {
  const partitions = inputs.find((i) => i.take === "each")?.node.partitions ?? 1;
  return {
    kind: "map",
    ...described(name, partitions),
    inputs,
    counts,
    limit,
    run: async (_, tables, info) => {
      const told = info.counts.slice(0, counts === "earlier" ? info.partition : undefined);
      const known = counts === "none" ? "" : counts === "several" ? `[${told.reduce((a, b) => a + b, 0) > 1}]` : `[${told.join(" ")}]`;
      const [first] = tables;
      if (limit !== null && told.reduce((a, b) => a + b, 0) >= limit) return tableOf("", 0);
      return tableOf(`${name}${known}(${tables.map(nameOf).join(", ")})`, first === undefined ? 1 : rowsOf(first));
    },
  };
}

/** Each part has a row. */
export const exchange = (name: string, input: PhysicalNode, partitions: number, sides: readonly PhysicalNode[] = []): ExchangeNode => ({
  kind: "exchange",
  ...described(name, partitions),
  input,
  sides,
  split: async (_, table, others) =>
    Array.from({ length: partitions }, (_p, p) => tableOf(`${name}${p}(${[table, ...others].map(nameOf).join(", ")})`, 1)),
});

/** Says nothing about how it was put together. */
export const reduce = (name: string, input: PhysicalNode, arity: number): ReduceNode => ({
  kind: "reduce",
  ...described(name, 1),
  input,
  arity,
  merge: async (_, parts) => parts,
});

export const union = (name: string, inputs: readonly PhysicalNode[]): UnionNode => ({
  kind: "union",
  ...described(
    name,
    inputs.reduce((n, i) => n + i.partitions, 0),
  ),
  inputs,
});

export const choice = (
  name: string,
  watched: readonly PhysicalNode[],
  options: readonly PhysicalNode[],
  choose: ChoiceNode["choose"],
): ChoiceNode => ({
  kind: "choice",
  ...described(name, Math.max(...options.map((o) => o.partitions))),
  watched,
  options,
  usual: 0,
  choose,
});

/** Fails when it is given back more often than it was taken. */
export class Part implements Stored {
  readonly name: string;
  readonly rows: number;
  readonly bytes = 4;
  references = 1;

  constructor(name: string, rows: number) {
    this.name = name;
    this.rows = rows;
  }

  retain(): void {
    assert.ok(this.references > 0, `${this.name} is retained after its release`);
    this.references += 1;
  }

  release(): void {
    assert.ok(this.references > 0, `${this.name} is released twice`);
    this.references -= 1;
  }
}

const partOf = (stored: Stored): Part => {
  assert.ok(stored instanceof Part && stored.references > 0, "a part that was given back is read");
  return stored;
};

export interface FakeOptions {
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Called before operation number n, from 0; what it throws the operation throws. */
  readonly before?: (n: number) => void;
}

export class FakeOperations implements Operations {
  readonly signal: AbortSignal | null;
  readonly ioThreads = 2;
  readonly lanes = 2;
  readonly made: Part[] = [];
  /** `node/step/partition` of what began, in that order. */
  readonly began: string[] = [];
  running = 0;
  readonly #random: Random;
  readonly #before: (n: number) => void;

  constructor({ seed = 1, signal, before = () => undefined }: FakeOptions) {
    this.#random = new Random(seed);
    this.signal = signal ?? null;
    this.#before = before;
  }

  async perform({ node, step, partition, inputs, work }: Operation): Promise<readonly Stored[]> {
    const n = this.began.push(`${node.name}/${step}/${partition}`) - 1;
    this.running += 1;
    try {
      this.signal?.throwIfAborted();
      for (let turns = this.#random.integer(0, 3); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
      this.#before(n);
      this.signal?.throwIfAborted();
      const tables = inputs.map((parts) => {
        const own = parts.map(partOf);
        return tableOf(
          joined(own.map((p) => p.name)),
          own.reduce((rows, p) => rows + p.rows, 0),
        );
      });
      const results = (await work(NO_CONTEXT, tables)).map((table) => new Part(nameOf(table), rowsOf(table)));
      for (const stored of inputs.flat()) partOf(stored);
      this.made.push(...results);
      return results;
    } finally {
      this.running -= 1;
    }
  }
}

export const ENGINES = { tasks: runTasks, rapidsmpf: runCoroutines } as const;
export type EngineName = keyof typeof ENGINES;

export interface Ran {
  /** The partitions of the result in their order. */
  readonly parts: readonly string[];
  readonly operations: FakeOperations;
}

/** Runs the plan; every partition has been given back as often as it was taken. */
export async function run(engine: EngineName, root: PhysicalNode, options: FakeOptions = {}): Promise<Ran> {
  const operations = new FakeOperations(options);
  const delivered = new Map<number, string>();
  try {
    await ENGINES[engine](root, operations, async (partition, parts) => {
      assert.ok(!delivered.has(partition), `partition ${partition} is delivered twice`);
      const names = joined(parts.map((part) => partOf(part).name));
      await new Promise((resolve) => setImmediate(resolve));
      for (const part of parts) partOf(part);
      delivered.set(partition, names);
    });
  } finally {
    assert.equal(operations.running, 0, "operations go on behind the end");
  }
  for (const part of operations.made) assert.equal(part.references, 0, `${part.name} was not given back`);
  return { parts: [...delivered.keys()].sort((a, b) => a - b).map((p) => delivered.get(p) ?? ""), operations };
}
