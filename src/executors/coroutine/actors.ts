/** One coroutine for each physical node: it reads chunks from its inputs and sends chunks, in the order of their partitions. */

import { InternalError } from "../../errors.ts";
import type { Stored } from "../memory/store.ts";
import type { Operation } from "../operation.ts";
import type { ChoiceNode, ExchangeNode, MapNode, PhysicalNode, ReduceNode, Seen, SourceNode } from "../physical/node.ts";
import { type Channel, type Chunk, type Reader, releaseChunk, rowsOfChunk } from "./channel.ts";
import { InOrder } from "./in-order.ts";

/** What an actor works with. */
export interface Actor {
  /** One for each child of the node, in the order of `physicalChildren`. */
  readonly readers: readonly Reader[];
  readonly output: Channel;
  /** Reads that are in flight at once. */
  readonly ioThreads: number;
  /** Other operations that are. */
  readonly lanes: number;
  perform(operation: Omit<Operation, "node">): Promise<readonly Stored[]>;
  /** Ends the run, also while the actor waits for a chunk. */
  failed(error: unknown): void;
  /** Starts one of the ways of a choice, the others are not wanted. */
  chosen(option: PhysicalNode): void;
}

/** Ends behind the last chunk, or when nobody wants more. */
export async function act(node: PhysicalNode, actor: Actor): Promise<void> {
  switch (node.kind) {
    case "source":
      return actSource(node, actor);
    case "map":
      return actMap(node, actor);
    case "exchange":
      return actExchange(node, actor);
    case "reduce":
      return actReduce(node, actor);
    case "union":
      return actUnion(actor);
    case "choice":
      return actChoice(node, actor);
  }
}

/** Reads that are begun beyond those that may be in flight: one that takes long does not keep those behind it from going on. */
const READS_AHEAD = 2;

/** Reads ahead of what is sent. */
async function actSource(node: SourceNode, { output, ioThreads, perform }: Actor): Promise<void> {
  const reading: Promise<readonly Stored[]>[] = [];
  const read = (partition: number): void => {
    const started = perform({
      step: "read",
      partition,
      inputs: [],
      work: async (context) => [await node.load(context, { partition, counts: [] })],
    });
    started.catch(() => undefined);
    reading.push(started);
  };
  let next = 0;
  try {
    for (let partition = 0; partition < node.partitions; partition++) {
      while (next < node.partitions && reading.length < ioThreads + READS_AHEAD) read(next++);
      const parts = await reading.shift();
      if (parts === undefined || !(await output.send({ partition, parts }))) break;
    }
  } finally {
    // Also behind a failure: the run has ended only when nothing of it goes on.
    for (const read of await Promise.allSettled(reading))
      if (read.status === "fulfilled") releaseChunk({ partition: 0, parts: read.value });
  }
}

/** Everything that a reader gives. */
async function everything(reader: Reader): Promise<readonly Chunk[]> {
  const chunks: Chunk[] = [];
  for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) chunks.push(chunk);
  return chunks;
}

/** Inputs that are taken whole come first; the others go partition by partition, several of them under way. */
async function actMap(node: MapNode, actor: Actor): Promise<void> {
  const { readers, output, lanes, failed } = actor;
  const whole = new Map<number, readonly Stored[]>();
  for (const [i, { take }] of node.inputs.entries()) {
    const reader = readers[i];
    if (take === "all" && reader !== undefined)
      whole.set(
        i,
        (await everything(reader)).flatMap((c) => c.parts),
      );
  }
  const each = readers.filter((_, i) => !whole.has(i));
  // Where the first rows are all that is wanted, no partition is begun that may not be.
  const width = node.limit === null ? lanes : 1;
  const results = new InOrder(width, (partition, parts) => output.send({ partition, parts }), failed);
  const compute: Compute = (partition, chunks, counts) =>
    results.add(partition, async () => {
      if (!output.wanted) {
        for (const chunk of chunks) releaseChunk(chunk);
        return [];
      }
      const own = chunks.values();
      const inputs = node.inputs.map((_, i) => whole.get(i) ?? own.next().value?.parts ?? []);
      const parts = await actor.perform({
        step: "compute",
        partition,
        inputs,
        work: async (context, tables) => [await node.run(context, tables, { partition, counts })],
      });
      for (const chunk of chunks) releaseChunk(chunk);
      return parts;
    });
  try {
    if (each.length === 0)
      await compute(
        0,
        [],
        [...whole.values()].slice(0, 1).map((parts) => parts.reduce((n, s) => n + s.rows, 0)),
      );
    else await eachPartition(node, each, results, compute);
  } finally {
    await results.end();
  }
  for (const parts of whole.values()) releaseChunk({ partition: 0, parts });
}

/** Begins a partition, which takes its chunks over. False: nothing more is wanted, and the chunks stay the caller's. */
type Compute = (partition: number, chunks: readonly Chunk[], counts: readonly number[]) => Promise<boolean>;

async function eachPartition(
  { counts: needed, limit }: MapNode,
  readers: readonly Reader[],
  results: InOrder,
  compute: Compute,
): Promise<void> {
  const held: (readonly Chunk[])[] = [];
  const counts: number[] = [];
  let rows = 0;
  /** Rows of partitions by their number, holes being empty. */
  const known = (): readonly number[] => Array.from(counts, (n) => n ?? 0);
  for (;;) {
    if (!(await results.room())) return cancel(readers, held);
    const chunks = await sideBySide(readers);
    if (chunks === null) break;
    const [first] = chunks;
    if (first === undefined) throw new InternalError("a partition without a chunk");
    counts[first.partition] = rowsOfChunk(first);
    rows += rowsOfChunk(first);
    held.push(chunks);
    if (needed === "all" || (needed === "several" && rows < 2)) continue;
    for (let ready = held.shift(); ready !== undefined; ready = held.shift()) {
      const [of] = ready;
      if (of !== undefined && !(await compute(of.partition, ready, known()))) return cancel(readers, [ready, ...held]);
    }
    if (limit !== null && rows >= limit) return cancel(readers, held);
  }
  for (let ready = held.shift(); ready !== undefined; ready = held.shift()) {
    const [of] = ready;
    if (of !== undefined && !(await compute(of.partition, ready, known()))) return cancel(readers, [ready, ...held]);
  }
}

/** The next chunk of every reader; null when they have ended, all at once. */
async function sideBySide(readers: readonly Reader[]): Promise<readonly Chunk[] | null> {
  const chunks: Chunk[] = [];
  for (const reader of readers) {
    const chunk = await reader.next();
    if (chunk !== null) chunks.push(chunk);
  }
  if (chunks.length === 0) return null;
  if (chunks.length !== readers.length) throw new InternalError("inputs of different numbers of partitions");
  return chunks;
}

function cancel(readers: readonly Reader[], held: readonly (readonly Chunk[])[]): void {
  for (const chunk of held.flat()) releaseChunk(chunk);
  for (const reader of readers) reader.cancel();
}

async function actExchange(node: ExchangeNode, { readers, output, lanes, perform, failed }: Actor): Promise<void> {
  const [input, ...others] = readers;
  if (input === undefined) throw new InternalError("an exchange without an input");
  const sides: (readonly Stored[])[] = [];
  for (const side of others) sides.push((await everything(side)).flatMap((c) => c.parts));
  const parts: Stored[][] = Array.from({ length: node.partitions }, () => []);
  const splits = new InOrder(
    lanes,
    async (_, split) => {
      split.forEach((part, p) => void parts[p]?.push(part));
      return true;
    },
    failed,
  );
  const split = async (chunk: Chunk): Promise<readonly Stored[]> => {
    const { partition } = chunk;
    const made = await perform({
      step: "split",
      partition,
      inputs: [chunk.parts, ...sides],
      work: (context, [table, ...tables]) => {
        if (table === undefined) throw new InternalError("a split without rows");
        return node.split(context, table, tables, { partition, counts: [] });
      },
    });
    releaseChunk(chunk);
    return made;
  };
  try {
    for (let chunk = await input.next(); chunk !== null; chunk = await input.next()) {
      const own = chunk;
      await splits.add(own.partition, () => split(own));
    }
  } finally {
    await splits.end();
  }
  for (const side of sides) releaseChunk({ partition: 0, parts: side });
  for (const [partition, own] of parts.entries()) {
    if (await output.send({ partition, parts: own })) continue;
    for (const rest of parts.slice(partition + 1)) releaseChunk({ partition, parts: rest });
    return;
  }
}

/** Merges neighbours as they come: level l holds results of arity^l partitions, earlier ones further up. */
async function actReduce(node: ReduceNode, { readers, output, perform }: Actor): Promise<void> {
  const [input] = readers;
  if (input === undefined) throw new InternalError("a reduction without an input");
  let merges = 0;
  const merge = async (parts: readonly Stored[]): Promise<Stored> => {
    const [merged] = await perform({
      step: "merge",
      partition: merges++,
      inputs: [parts],
      work: async (context, [table]) => {
        if (table === undefined) throw new InternalError("a merge of nothing");
        return [await node.merge(context, table)];
      },
    });
    for (const part of parts) part.release();
    if (merged === undefined) throw new InternalError("a merge without a result");
    return merged;
  };
  const levels: Stored[][] = [];
  const add = async (part: Stored, level: number): Promise<void> => {
    const own = levels[level] ?? [];
    levels[level] = own;
    own.push(part);
    if (own.length >= node.arity) await add(await merge(own.splice(0)), level + 1);
  };
  for (let chunk = await input.next(); chunk !== null; chunk = await input.next()) for (const part of chunk.parts) await add(part, 0);
  let rest = levels.toReversed().flatMap((level) => level ?? []);
  do {
    const merged: Stored[] = [];
    const arity = Math.min(node.arity, Math.max(2, rest.length));
    for (let from = 0; from < rest.length; from += arity) merged.push(await merge(rest.slice(from, from + arity)));
    rest = merged;
  } while (rest.length > 1);
  await output.send({ partition: 0, parts: rest });
}

async function actUnion({ readers, output }: Actor): Promise<void> {
  let partition = 0;
  for (const reader of readers) {
    for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next())
      if (!(await output.send({ partition: partition++, parts: chunk.parts }))) return;
  }
}

/** Watches one partition after the other of every watched node until it can choose, then hands on what the chosen way gives. */
async function actChoice(node: ChoiceNode, { readers, output, chosen }: Actor): Promise<void> {
  const watching = readers.slice(0, node.watched.length);
  const seen: Seen[] = watching.map(() => ({ rows: 0, partitions: 0, ended: false }));
  let choice = node.choose(seen);
  while (choice === null) {
    for (const [i, reader] of watching.entries()) {
      const before = seen[i];
      if (before === undefined || before.ended) continue;
      const chunk = await reader.next();
      if (chunk !== null) releaseChunk(chunk);
      seen[i] =
        chunk === null
          ? { ...before, ended: true }
          : { rows: before.rows + rowsOfChunk(chunk), partitions: before.partitions + 1, ended: false };
    }
    choice = node.choose(seen);
    if (choice === null && seen.every((s) => s.ended)) throw new InternalError(`${node.name} was not chosen`);
  }
  for (const reader of watching) reader.cancel();
  const option = node.options[choice];
  const reader = readers[node.watched.length + choice];
  if (option === undefined || reader === undefined) throw new InternalError(`${node.name} has no option ${choice}`);
  chosen(option);
  for (let chunk = await reader.next(); chunk !== null; chunk = await reader.next()) if (!(await output.send(chunk))) return;
}
