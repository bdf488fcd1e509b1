/** Runs a physical plan as coroutines joined by bounded channels: reading, uploading, computing and reading back overlap. */

import { perform, type Run } from "../operation.ts";
import type { PhysicalNode } from "../physical/node.ts";
import { physicalChildren, physicalOrder } from "../physical/node.ts";
import type { Deliver } from "../task-graph/run.ts";
import { act } from "./actors.ts";
import { Channel, type Reader, releaseChunk } from "./channel.ts";
import { Gate } from "./gate.ts";

/** Chunks that wait between two operators. */
const CAPACITY = 2;

/** Runs the plan. When it rejects, every coroutine has ended and every channel is empty. */
export async function runCoroutines(root: PhysicalNode, run: Run, deliver: Deliver): Promise<void> {
  const nodes = physicalOrder(root);
  const channels = new Map<PhysicalNode, Channel>();
  for (const node of nodes) channels.set(node, new Channel(node, CAPACITY));
  const channelOf = (node: PhysicalNode): Channel => {
    const channel = channels.get(node);
    if (channel === undefined) throw new RangeError("a node without a channel");
    return channel;
  };
  const readers = new Map<PhysicalNode, readonly Reader[]>();
  for (const node of nodes)
    readers.set(
      node,
      physicalChildren(node).map((child) => channelOf(child).reader()),
    );
  const result = channelOf(root).reader();
  const reads = new Gate(run.ioThreads);
  const lanes = new Gate(run.lanes);
  let failure: { readonly error: unknown } | null = null;
  const fail = (error: unknown): void => {
    failure ??= { error };
    for (const channel of channels.values()) channel.close(failure);
  };
  const aborted = (): void => fail(run.signal?.reason);
  run.signal?.addEventListener("abort", aborted);
  const actors = nodes.map(async (node) => {
    const own = readers.get(node) ?? [];
    const output = channelOf(node);
    try {
      await act(node, {
        readers: own,
        output,
        ioThreads: run.ioThreads,
        perform: (operation) => (operation.step === "read" ? reads : lanes).pass(() => perform(run, { ...operation, node })),
      });
      output.close();
    } catch (error) {
      fail(error);
    } finally {
      for (const reader of own) reader.cancel();
    }
  });
  const delivered = async (): Promise<void> => {
    try {
      for (let chunk = await result.next(); chunk !== null; chunk = await result.next()) {
        await deliver(chunk.partition, chunk.parts);
        releaseChunk(chunk);
      }
    } catch (error) {
      fail(error);
    }
  };
  try {
    await Promise.all([...actors, delivered()]);
  } finally {
    run.signal?.removeEventListener("abort", aborted);
    for (const channel of channels.values()) channel.drain();
  }
  raise(failure);
}

/** Assigned in a callback, which narrowing does not see. */
function raise(failure: { readonly error: unknown } | null): void {
  if (failure !== null) throw failure.error;
}
