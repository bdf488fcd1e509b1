/** Runs an optimised plan on a device by the executor of the configuration: the one place that knows both executors. */

import type { Config } from "../config.ts";
import { InternalError, OutOfDeviceMemoryError } from "../errors.ts";
import type { QueryContext } from "../executors/context.ts";
import { runInMemory } from "../executors/in-memory.ts";
import { operationsOf, type PhysicalReport, physicalReport } from "../executors/physical/explain.ts";
import type { PhysicalNode } from "../executors/physical/node.ts";
import { lowered, runStreaming, type StreamingResult, type StreamingRun } from "../executors/streaming.ts";
import { releaseTable } from "../executors/table.ts";
import type { TraceRecord } from "../executors/trace.ts";
import { PolarsDictionaries } from "../fallback/dictionaries.ts";
import { exportFrame } from "../fallback/export.ts";
import { type PartitionSize, rowBytes } from "../fallback/partitions.ts";
import { PolarsSources } from "../fallback/polars-sources.ts";
import type { Residents } from "../fallback/residents.ts";
import type { Device } from "../gpu/device.ts";
import type { Plan } from "../ir/plan.ts";
import type { PolarsModule } from "../polars/module.ts";
import type { NativeDataFrame } from "../polars/native.ts";
import type { ReadPlan } from "../polars/plan-reading.ts";
import { ProgressBar } from "./progress-bar.ts";
import type { Progress, QueryOptions } from "./query-options.ts";
import type { Receive, Receiver } from "./receiver.ts";

/** Rows of a batch are chosen so that this many words for each of them fit one binding. */
const WORDS_FOR_EACH_ROW = 8;
/** Partitions of a source that should fit into the memory limit together with what is made of them. */
const PARTITIONS_IN_MEMORY = 16;
/** By how much partitions are smaller in the first run of a query, and in those after one that ran out of memory. */
const SHRINKING = [1, 4, 16] as const;

export interface ExecutionInput {
  readonly config: Config;
  readonly device: Device;
  readonly module: PolarsModule;
  readonly read: ReadPlan;
  readonly residents: Residents;
  readonly plan: Plan;
  readonly options: QueryOptions;
  readonly receive: Receive;
  /** Whether no other query is on the device: only then may what went wrong on it be forgotten. */
  alone(): boolean;
}

/** What a run came to. */
export interface Execution {
  readonly frame: NativeDataFrame;
  /** Null from the in-memory executor, which has no operations on partitions. */
  readonly streaming: StreamingResult | null;
}

/** Once more with smaller partitions, and groups spread over them, where memory runs out. */
export async function execute(asked: ExecutionInput): Promise<Execution> {
  if (asked.config.executor === "in-memory") return inMemory(asked);
  const input = { ...asked, config: warningOnce(asked.config) };
  const { device, alone } = input;
  for (const shrink of SHRINKING) {
    try {
      return await streaming(input, shrink);
    } catch (error) {
      if (!(error instanceof OutOfDeviceMemoryError) || shrink === SHRINKING.at(-1) || (device.isFaulty && !alone())) throw error;
      if (device.isFaulty) device.recover();
      device.trim();
    }
  }
  throw new InternalError("a query that was not run");
}

/** A query that is run again does not repeat its warnings. */
function warningOnce(config: Config): Config {
  const given = new Set<string>();
  const warn = (message: string): void => {
    if (given.has(message)) return;
    given.add(message);
    config.warn(message);
  };
  return { ...config, warn };
}

/** The physical plan that a run would start with. */
export async function physicalPlan(input: Omit<ExecutionInput, "options" | "receive" | "alone">): Promise<PhysicalReport> {
  const { context, close } = contextOf(input, sourcesOf(input, 1));
  try {
    return physicalReport(await lowered(input, context, input.plan, false));
  } finally {
    await close();
  }
}

async function inMemory(input: ExecutionInput): Promise<Execution> {
  const { context, close } = contextOf(input, sourcesOf(input, 1));
  try {
    const table = await runInMemory(context, input.plan, input.options.signal);
    const frame = await exportFrame(input.module.native, input.device, table.batches, input.plan.schema).finally(() => releaseTable(table));
    return await received(input.receive(1), async (receiver) => {
      await receiver.take(frame, 0);
      return null;
    });
  } finally {
    await close();
  }
}

async function streaming(input: ExecutionInput, shrink: number): Promise<Execution> {
  const { config, device, module, plan, options } = input;
  const sources = sourcesOf(input, shrink);
  const context = () => contextOf(input, sources);
  const { context: planning, close } = context();
  const root = await lowered({ config }, planning, plan, shrink > 1).finally(close);
  const bar = config.progress === "auto" && options.onProgress === null ? new ProgressBar(process.stderr) : null;
  const listen = progressOf(options.onProgress ?? ((progress) => bar?.update(progress)), root);
  const run: StreamingRun = { config, device, context, signal: options.signal, listen };
  return received(input.receive(root.partitions), (receiver) =>
    runStreaming(run, root, async (tables, partition) => {
      const batches = tables.flatMap((t) => t.batches);
      await receiver.take(await exportFrame(module.native, device, batches, plan.schema), partition);
    }),
  ).finally(() => bar?.end());
}

async function received(receiver: Receiver, run: (receiver: Receiver) => Promise<Execution["streaming"]>): Promise<Execution> {
  try {
    const streaming = await run(receiver);
    return { frame: await receiver.end(), streaming };
  } finally {
    receiver.close();
  }
}

type Sourced = Pick<ExecutionInput, "config" | "device" | "module" | "read" | "residents">;

const sourcesOf = ({ config, device, module, read, residents }: Sourced, shrink: number): PolarsSources =>
  new PolarsSources(module, device, read.sources, residents, partitionSize(config, device, shrink));

function contextOf({ device, module }: Sourced, sources: PolarsSources): { readonly context: QueryContext; close(): Promise<void> } {
  const dictionaries = new PolarsDictionaries(module.native, device);
  return { context: { device, dictionaries, sources }, close: () => dictionaries.close() };
}

function progressOf(hear: (progress: Progress) => void, root: PhysicalNode): (done: TraceRecord) => void {
  const total = operationsOf(root);
  let done = 0;
  return ({ name, step }): void => {
    done += 1;
    hear({ done, total: Math.max(done, total), name, step });
  };
}

/** Partitions of a frame have the rows that are asked for, else as many as a binding holds, and a share of the memory limit. */
function partitionSize({ executor, executorOptions, origins, deviceMemoryLimit }: Config, device: Device, shrink: number): PartitionSize {
  const { maxRowsPerPartition, targetPartitionSize } = executorOptions;
  const isStreaming = executor === "streaming";
  const asked = isStreaming && origins["executorOptions.maxRowsPerPartition"] !== "default";
  const byBinding = Math.floor(device.limits.bindingBytes / (4 * WORDS_FOR_EACH_ROW));
  const share = deviceMemoryLimit === null || !isStreaming ? Number.POSITIVE_INFINITY : device.memoryLimit / PARTITIONS_IN_MEMORY;
  return {
    bound: (schema) => Math.max(1, Math.floor(Math.min(byBinding, share / rowBytes(schema)) / shrink)),
    frameRows: asked ? maxRowsPerPartition : null,
    fileBytes: isStreaming && targetPartitionSize > 0 ? targetPartitionSize : null,
  };
}
