/** Runs an optimised plan on a device by the executor of the configuration: the one place that knows both executors. */

import type { Config } from "../config.ts";
import { OutOfDeviceMemoryError } from "../errors.ts";
import type { QueryContext } from "../executors/context.ts";
import { Guesses, WrongGuessError } from "../executors/guesses.ts";
import type { Lowered } from "../executors/lower/lower.ts";
import { operationsOf, type PhysicalReport, physicalReport } from "../executors/physical/explain.ts";
import type { PhysicalNode } from "../executors/physical/node.ts";
import { lowered, runStreaming, type StreamingResult, type StreamingRun } from "../executors/streaming.ts";
import { releaseTable } from "../executors/table.ts";
import type { TraceRecord } from "../executors/trace.ts";
import { PolarsDictionaries } from "../fallback/dictionaries.ts";
import { exportFrame } from "../fallback/export.ts";
import type { Decoding } from "../fallback/parquet/columns.ts";
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

/** How a run of a query differs from the usual one. */
interface Attempt {
  /** By how much partitions are smaller. */
  readonly shrink: number;
  /** Whether groups are spread over partitions rather than put together. */
  readonly manyGroups: boolean;
}

const USUAL: Attempt = { shrink: 1, manyGroups: false };
/** What is tried after a run that ran out of memory, one after the other. */
const FURTHER: readonly Attempt[] = [
  { shrink: 1, manyGroups: true },
  { shrink: 4, manyGroups: true },
  { shrink: 16, manyGroups: true },
];

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

/** Plans of which something was guessed wrong. */
const GUESSED_WRONG = new WeakSet<Plan>();

/** Once more without guesses where one was wrong; and with groups spread over partitions, and with smaller ones, where memory runs out. */
export async function execute(asked: ExecutionInput): Promise<Execution> {
  const { device, residents, alone } = asked;
  if (asked.config.executor === "in-memory") return inMemory(asked).catch((error: unknown) => withoutResidents(asked, error));
  const input = { ...asked, config: warningOnce(asked.config) };
  const further = FURTHER.values();
  let attempt = USUAL;
  for (;;) {
    const sources = sourcesOf(input, attempt.shrink);
    const { root, groupsTogether } = await loweredFor(input, sources, attempt);
    try {
      return await streaming(input, sources, root);
    } catch (error) {
      if (error instanceof WrongGuessError) {
        GUESSED_WRONG.add(input.plan);
        continue;
      }
      let next = further.next().value;
      if (next?.shrink === attempt.shrink && !groupsTogether) next = further.next().value;
      if (!(error instanceof OutOfDeviceMemoryError) || next === undefined || (device.isFaulty && !alone())) throw error;
      if (device.isFaulty) device.recover();
      await residents.free(Number.POSITIVE_INFINITY);
      device.trim();
      attempt = next;
    }
  }
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
export async function physicalPlan(input: Planned): Promise<PhysicalReport> {
  return physicalReport((await loweredFor(input, sourcesOf(input, USUAL.shrink), USUAL)).root);
}

type Planned = Sourced & Pick<ExecutionInput, "plan">;

async function loweredFor(input: Planned, sources: PolarsSources, { shrink, manyGroups }: Attempt): Promise<Lowered> {
  const { context, close } = contextOf(input, sources);
  const { bound } = partitionSize(input.config, input.device, shrink);
  return lowered(input.config, context, input.plan, { manyGroups, rowsOfPartition: bound }).finally(close);
}

/** Once more where memory ran out that residents could have left. */
async function withoutResidents(input: ExecutionInput, error: unknown): Promise<Execution> {
  const { device, residents } = input;
  if (!(error instanceof OutOfDeviceMemoryError) || device.isFaulty || residents.bytes === 0) throw error;
  await residents.free(Number.POSITIVE_INFINITY);
  return inMemory(input);
}

/** In a scope of its own: nothing of a run that fails is left when there is another one. */
const inMemory = (input: ExecutionInput): Promise<Execution> => input.device.scope(() => runInScope(input));

async function runInScope(input: ExecutionInput): Promise<Execution> {
  const { runInMemory } = await import("../executors/in-memory.ts");
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

async function streaming(input: ExecutionInput, sources: PolarsSources, root: PhysicalNode): Promise<Execution> {
  const { config, device, module, plan, options } = input;
  const guesses = GUESSED_WRONG.has(plan) ? null : new Guesses(device);
  const context = () => contextOf(input, sources, guesses);
  const showsBar = config.progress === "auto" && options.onProgress === null && process.stderr.isTTY;
  const bar = showsBar ? new ProgressBar(process.stderr) : null;
  const hear = bar === null ? options.onProgress : (progress: Progress) => bar.update(progress);
  const listen = hear === null ? null : progressOf(hear, root);
  const freeOthers = (bytes: number): Promise<void> => input.residents.free(bytes);
  const run: StreamingRun = { config, device, context, signal: options.signal, listen, freeOthers };
  return received(input.receive(root.partitions), (receiver) =>
    runStreaming(run, root, async (tables, partition) => {
      const batches = tables.flatMap((t) => t.batches);
      const [exported, checked] = await Promise.allSettled([exportFrame(module.native, device, batches, plan.schema), guesses?.check()]);
      if (checked.status === "rejected") throw checked.reason;
      if (exported.status === "rejected") throw exported.reason;
      await receiver.take(exported.value, partition);
    }),
  ).finally(() => {
    guesses?.close();
    bar?.end();
  });
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
  new PolarsSources(module, device, read.sources, residents, partitionSize(config, device, shrink), decodingOf(config, device));

/** A software device would decompress with one thread for a page what threads of the host do with better code. */
const decodingOf = ({ parquetDecoding }: Config, { adapter }: Device): Decoding | "by size" =>
  parquetDecoding !== "auto" ? parquetDecoding : adapter.software ? "threads" : "by size";

function contextOf(
  { device, module }: Sourced,
  sources: PolarsSources,
  guesses: Guesses | null = null,
): { readonly context: QueryContext; close(): Promise<void> } {
  const dictionaries = new PolarsDictionaries(module.native, device);
  return { context: { device, guesses, dictionaries, sources }, close: () => dictionaries.close() };
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
