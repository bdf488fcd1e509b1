/** Runs a physical plan as coroutines joined by bounded channels: reading, uploading, computing and reading back overlap. */

import { InternalError } from "../../errors.ts";
import { type Operation, type Operations, WHOLE_READS } from "../operation.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { physicalChildren, physicalOrder } from "../physical/node.ts";
import type { Deliver } from "../task-graph/run.ts";
import { act } from "./actors.ts";
import { Channel, type Reader, releaseChunk } from "./channel.ts";
import { Gate } from "./gate.ts";

/** Chunks that wait between two operators. */
const CAPACITY = 2;

/** Runs the plan. When it rejects, every coroutine has ended and every channel is empty. */
export async function runCoroutines(root: PhysicalNode, operations: Operations, deliver: Deliver): Promise<void> {
  await new Coroutines(root, operations).run(deliver);
}

class Coroutines {
  readonly #root: PhysicalNode;
  readonly #operations: Operations;
  readonly #nodes: readonly PhysicalNode[];
  readonly #channels: ReadonlyMap<PhysicalNode, Channel>;
  /** One for each child. */
  readonly #readers: ReadonlyMap<PhysicalNode, readonly Reader[]>;
  readonly #result: Reader;
  readonly #reads: Gate;
  /** For sources of a single partition. */
  readonly #wholeReads = new Gate(WHOLE_READS);
  readonly #lanes: Gate;
  readonly #started = new Map<PhysicalNode, Promise<void>>();
  /** The option of each choice that is made. */
  readonly #chosen = new Map<PhysicalNode, PhysicalNode>();
  #failure: { readonly error: unknown } | null = null;

  constructor(root: PhysicalNode, operations: Operations) {
    this.#root = root;
    this.#operations = operations;
    this.#nodes = physicalOrder(root);
    this.#channels = new Map(this.#nodes.map((node) => [node, new Channel(node, CAPACITY)]));
    this.#readers = new Map(this.#nodes.map((node) => [node, physicalChildren(node).map((child) => this.#channelOf(child).reader())]));
    this.#result = this.#channelOf(root).reader();
    this.#reads = new Gate(operations.ioThreads);
    this.#lanes = new Gate(operations.lanes);
  }

  async run(deliver: Deliver): Promise<void> {
    const { signal } = this.#operations;
    const aborted = (): void => this.#fail(signal?.reason);
    signal?.addEventListener("abort", aborted);
    try {
      this.#start();
      await this.#deliver(deliver);
      for (let running = this.#started.size, ended = 0; ended < running; running = this.#started.size) {
        await Promise.all(this.#started.values());
        ended = running;
      }
    } finally {
      signal?.removeEventListener("abort", aborted);
      for (const channel of this.#channels.values()) channel.drain();
    }
    if (this.#failure !== null) throw this.#failure.error;
  }

  #channelOf(node: PhysicalNode): Channel {
    const channel = this.#channels.get(node);
    if (channel === undefined) throw new InternalError("a node without a channel");
    return channel;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const channel of this.#channels.values()) channel.close(this.#failure);
  }

  /** Starts what is certain to be wanted; what is certain not to be wanted reads nothing any more. */
  #start(): void {
    const certain = physicalOrder(this.#root, (node) =>
      node.kind === "choice" ? [...node.watched, ...this.#optionsOf(node, [])] : physicalChildren(node),
    );
    const possible = new Set(
      physicalOrder(this.#root, (node) =>
        node.kind === "choice" ? [...node.watched, ...this.#optionsOf(node, node.options)] : physicalChildren(node),
      ),
    );
    for (const node of certain) if (!this.#started.has(node)) this.#started.set(node, this.#act(node));
    for (const node of this.#nodes) {
      if (possible.has(node)) continue;
      for (const reader of this.#readers.get(node) ?? []) reader.cancel();
    }
  }

  #optionsOf(node: PhysicalNode, undecided: readonly PhysicalNode[]): readonly PhysicalNode[] {
    const chosen = this.#chosen.get(node);
    return chosen === undefined ? undecided : [chosen];
  }

  async #act(node: PhysicalNode): Promise<void> {
    const readers = this.#readers.get(node) ?? [];
    const output = this.#channelOf(node);
    const operations = this.#operations;
    try {
      await act(node, {
        readers,
        output,
        ioThreads: operations.ioThreads,
        lanes: operations.lanes,
        failed: (error) => this.#fail(error),
        perform: (operation) =>
          this.#admitted(node, operation.step, () => {
            if (this.#failure !== null) throw this.#failure.error;
            return operations.perform({ ...operation, node });
          }),
        chosen: (option) => {
          this.#chosen.set(node, option);
          this.#start();
        },
      });
      output.close();
    } catch (error) {
      this.#fail(error);
    } finally {
      for (const reader of readers) reader.cancel();
    }
  }

  /** Runs `work` when there is room for it. */
  #admitted<T>(node: PhysicalNode, step: Operation["step"], work: () => Promise<T>): Promise<T> {
    if (step !== "read") return this.#lanes.pass(work);
    return (node.partitions === 1 ? this.#wholeReads : this.#reads).pass(work);
  }

  async #deliver(deliver: Deliver): Promise<void> {
    try {
      for (let chunk = await this.#result.next(); chunk !== null; chunk = await this.#result.next()) {
        await deliver(chunk.partition, chunk.parts);
        releaseChunk(chunk);
      }
    } catch (error) {
      this.#fail(error);
    }
  }
}
