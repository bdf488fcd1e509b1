/** The streaming executor: lowers a plan to operations on partitions and has one of the two engines drive them. */

import { totalmem } from "node:os";
import type { Config } from "../config.ts";
import { UnsupportedError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import { newMeter } from "../gpu/device.ts";
import type { Frame, Plan, Scan } from "../ir/plan.ts";
import { postorder } from "../ir/traversal.ts";
import type { QueryContext, SourcePartitions } from "./context.ts";
import { type Lowered, type Lowering, lowerPlan } from "./lower/lower.ts";
import { PartitionStore, type SpillCounts, type Stored } from "./memory/store.ts";
import { Turns } from "./memory/turns.ts";
import { type Operations, perform, type Run, withRoom } from "./operation.ts";
import { type PhysicalNode, physicalOrder } from "./physical/node.ts";
import type { Table } from "./table.ts";
import { runTasks } from "./task-graph/run.ts";
import { Trace, type TraceRecord } from "./trace.ts";
import { withWholeScans } from "./whole-scans.ts";

export interface StreamingRun {
  readonly config: Config;
  readonly device: Device;
  /** The context of one operation; `close` gives back what only it needed. */
  context(): { readonly context: QueryContext; close(): Promise<void> };
  readonly signal: AbortSignal | null;
  readonly listen: ((done: TraceRecord) => void) | null;
  /** Frees up to so many bytes of the device that no query needs. */
  freeOthers(bytes: number): Promise<void>;
}

export interface StreamingResult {
  readonly physical: PhysicalNode;
  readonly trace: Trace;
  readonly spilled: SpillCounts;
}

/** Asking the system takes as long as several kernels. */
const HALF_OF_HOST = totalmem() / 2;

/** Operations at once beside reads: one waits for the device while another records its commands. */
const LANES = 2;

/** Lowers the plan over the partitions that its sources have. @throws UnsupportedError where one partition is not accepted. */
export async function lowered(
  config: Config,
  { sources }: QueryContext,
  asked: Plan,
  sizes: Pick<Lowering, "manyGroups" | "rowsOfPartition">,
): Promise<Lowered> {
  const plan = await withWholeScans(asked, sources);
  const partitions = new Map<Plan, SourcePartitions>();
  for (const node of postorder(plan)) if (isSource(node)) partitions.set(node, await sources.partitions(node));
  const result = lowerPlan(plan, { options: config.executorOptions, sources: partitions, ...sizes });
  const { onePartition } = result;
  if (onePartition.length > 0) {
    const reasons = onePartition.map((name) => `${name} does not support multiple partitions.`);
    const { fallbackMode } = config.executorOptions;
    if (fallbackMode === "raise") throw new UnsupportedError(reasons);
    if (fallbackMode === "warn") config.warn(`polars-webgpu: ${reasons.join(" ")} They are put together into one.`);
  }
  return result;
}

const isSource = (plan: Plan): plan is Frame | Scan => plan.kind === "frame" || plan.kind === "scan";

/** `take` reads the tables of a partition of the result, by its number, which stay the run's. Nothing is left on the device. */
export async function runStreaming(
  streaming: StreamingRun,
  root: PhysicalNode,
  take: (tables: readonly Table[], partition: number) => Promise<void>,
): Promise<StreamingResult> {
  const { config, device, signal, listen, context, freeOthers } = streaming;
  const hostBytes = config.hostMemoryLimit ?? HALF_OF_HOST;
  const store = new PartitionStore(device, { deviceBytes: device.memoryLimit, hostBytes, freeOthers });
  const trace = new Trace(physicalOrder(root), listen);
  const run: Run = { device, store, turns: new Turns(), trace, signal, context };
  const { engine, maxIoThreads: ioThreads } = config.executorOptions;
  const operations: Operations = { signal, ioThreads, lanes: LANES, perform: (operation) => perform(run, operation) };
  const deliver = async (partition: number, stored: readonly Stored[]): Promise<void> => {
    const start = trace.now();
    const meter = newMeter(trace.labelOf(root, "export", partition));
    const rows = stored.reduce((n, s) => n + s.rows, 0);
    const bytes = stored.reduce((n, s) => n + s.bytes, 0);
    const exported = () => store.use(stored, (tables) => device.scope(() => take(tables, partition), meter));
    await withRoom(run, stored, 0, exported);
    trace.add(root, "export", partition, start, meter, { rowsIn: rows, rowsOut: rows, bytesIn: bytes, bytesOut: 0 });
  };
  try {
    const runEngine = engine === "tasks" ? runTasks : (await import("./coroutine/run.ts")).runCoroutines;
    await runEngine(root, operations, deliver);
  } finally {
    await store.close();
  }
  return { physical: root, trace, spilled: store.spilled };
}
