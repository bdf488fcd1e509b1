/** Options and environment -> one frozen Config; the only reader of the environment. */

import { totalmem } from "node:os";
import { type ResultDifference, SINKS, type Validation, type WarnFunction } from "./config/kinds.ts";
import { ENGINE_OPTIONS, type EngineOptionName, EXECUTOR_OPTIONS, type ExecutorOptionName, type Option } from "./config/options.ts";
import {
  canonical,
  type Environment,
  explicitly,
  type Found,
  fromEnvironment,
  type Origin,
  optionEntries,
  spellings,
} from "./config/source.ts";
import { ConfigError } from "./errors.ts";

export type { ResultDifference, Validation, WarnFunction } from "./config/kinds.ts";
export type { Environment, Origin } from "./config/source.ts";

export type ExecutorName = "streaming" | "in-memory";
export type StreamingEngine = "tasks" | "rapidsmpf";
export type Cluster = "single" | "distributed";
export type FallbackMode = "warn" | "raise" | "silent";
export type PlacementOption = "auto" | "gpu";
export type ShuffleMethod = "tasks" | "rapidsmpf";

interface ExecutorOptionsByName {
  /** Execution model: a graph of tasks (default), or coroutines joined by channels. */
  readonly engine?: StreamingEngine;
  /** Another name of `engine`. */
  readonly runtime?: StreamingEngine;
  /** One GPU in this process (default), or workers with a GPU each. */
  readonly cluster?: Cluster;
  /** @deprecated `synchronous` is cluster `single`, `distributed` is cluster `distributed`. */
  readonly scheduler?: "synchronous" | "distributed";
  /** What happens where an operator cannot honour a partition count and takes one partition: `warn` is the default. */
  readonly fallbackMode?: FallbackMode;
  /** Rows of one partition of an in-memory frame, at least 1; 1_000_000 by default. */
  readonly maxRowsPerPartition?: number;
  /** Bytes of one partition of a file; 0 (default) takes it from the device's limits. */
  readonly targetPartitionSize?: number;
  /** Partitions that one step of a group-by's reduction joins, at least 2; 32 by default. */
  readonly groupbyNAry?: number;
  /** Most partitions of the smaller side of a broadcast join; 0 chooses the default: 32, distributed 2. */
  readonly broadcastJoinLimit?: number;
  /** Estimated part of distinct values by column name, above 0 and up to 1. */
  readonly uniqueFraction?: Readonly<Record<string, number>>;
  /** How rows change partitions; by default what the engine is called. */
  readonly shuffleMethod?: ShuffleMethod;
  /** Whether data moves out of device memory when it runs short; only on a distributed cluster. */
  readonly rapidsmpfSpill?: boolean;
  /** Part of device memory, 0 to 1, from which on results leave the device; 0.5 by default. */
  readonly clientDeviceThreshold?: number;
  /** Whether sinks of several partitions write a directory: always on a distributed cluster, not by default on one GPU. */
  readonly sinkToDirectory?: boolean;
  /** Reads that are in flight at once, at least 1; 2 by default. */
  readonly maxIoThreads?: number;
}

interface EngineOptionsByName {
  /** `streaming` (default): partition by partition. `in-memory`: whole tables. */
  readonly executor?: ExecutorName;
  /** Options of the streaming executor. */
  readonly executorOptions?: ExecutorOptions;
  /** Throw instead of running anything on CPU polars; false by default. */
  readonly raiseOnFail?: boolean;
  /**
   * `auto` (default): a query runs on the side that answers it sooner, by what earlier runs took and by estimates. `gpu` (default with
   * `raiseOnFail`): on the GPU wherever it can.
   */
  readonly placement?: PlacementOption;
  /** Device memory that may be used: bytes, a percentage of the host's memory like `"70%"`, or null (default) for all there is. */
  readonly deviceMemoryLimit?: number | `${number}%` | null;
  /** Host memory that partitions moved off the device may take: bytes, a percentage like `"50%"`, or null (default) for half of it; more goes to files. */
  readonly hostMemoryLimit?: number | `${number}%` | null;
  /**
   * Device memory that columns of frames and Parquet files keep between queries, so that the next query does not move them again: bytes, a
   * percentage of the host's memory, or 0 for none. By default a quarter of the device memory limit, without one of the host's memory.
   */
  readonly residentMemoryLimit?: number | `${number}%`;
  /** The GPU: `any` (default: hardware before software), `hardware`, `software`, or a part of its name. */
  readonly adapter?: "any" | "hardware" | "software" | (string & {});
  /** WebGPU limits to ask for: all that the adapter has (default), or only those that every device has. */
  readonly limits?: "adapter" | "default";
  /** Largest storage binding to use, in bytes, at least 65536; null (default): what the limits allow. Larger data is worked on in parts. */
  readonly maxBindingBytes?: number | null;
  /**
   * Where pages of Parquet files are decompressed and decoded: on the `device` as far as it knows how, on `threads` of the host, or `auto` (default):
   * on the device, if it is not software, where a partition's columns decode to 48 MiB or more.
   */
  readonly parquetDecoding?: "auto" | "device" | "threads";
  /** Names of optimizer rules that are left out. */
  readonly disableRules?: readonly string[];
  /** Who hears warnings: `console` (default), `silent`, or a function of the message. */
  readonly warn?: "console" | "silent" | WarnFunction;
  /** Measure the kernels of every query; false by default. */
  readonly profile?: boolean;
  /** `auto` (default): queries of the streaming executor that take longer than two seconds have a bar on stderr, if that is a terminal. */
  readonly progress?: "auto" | "none";
  /**
   * Part of the queries, 0 (default) to 1, that CPU polars runs as well. Where the results differ, by more than floats may or in an order
   * that polars fixes, CPU polars' is returned, and `onDifference` is told, or there is a warning.
   */
  readonly validate?: number | { readonly share: number; readonly onDifference?: (found: ResultDifference) => void };
}

type SnakeCase<S extends string> = S extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : "";
type BothSpellings<T> = T & { readonly [K in keyof T & string as SnakeCase<K>]?: T[K] };

/** Options of the streaming executor; every name may also be written in snake_case. */
export type ExecutorOptions = BothSpellings<ExecutorOptionsByName>;

/** Options of `new GPUEngine(...)`; every name may also be written in snake_case. What is left out is read from the environment. */
export type GPUEngineOptions = BothSpellings<EngineOptionsByName>;

/** The resolved options of the streaming executor. */
export interface ExecutorConfig {
  readonly engine: StreamingEngine;
  readonly cluster: Cluster;
  readonly fallbackMode: FallbackMode;
  readonly maxRowsPerPartition: number;
  readonly targetPartitionSize: number;
  readonly groupbyNAry: number;
  readonly broadcastJoinLimit: number;
  readonly uniqueFraction: Readonly<Record<string, number>>;
  readonly shuffleMethod: ShuffleMethod;
  readonly rapidsmpfSpill: boolean;
  readonly clientDeviceThreshold: number;
  readonly sinkToDirectory: boolean;
  readonly maxIoThreads: number;
}

export type ConfigPath = EngineOptionName | `executorOptions.${keyof ExecutorConfig}`;

/** The resolved options: complete, valid, frozen. `executorOptions` means something to the streaming executor only. */
export interface Config {
  readonly executor: ExecutorName;
  readonly executorOptions: ExecutorConfig;
  readonly raiseOnFail: boolean;
  readonly placement: PlacementOption;
  /** Bytes; null for no limit. */
  readonly deviceMemoryLimit: number | null;
  /** Bytes; null for half of the host's memory. */
  readonly hostMemoryLimit: number | null;
  /** Bytes. */
  readonly residentMemoryLimit: number;
  readonly adapter: string;
  readonly limits: "adapter" | "default";
  /** Bytes; null for what the limits allow. */
  readonly maxBindingBytes: number | null;
  readonly parquetDecoding: "auto" | "device" | "threads";
  readonly disableRules: readonly string[];
  readonly warn: WarnFunction;
  readonly profile: boolean;
  readonly progress: "auto" | "none";
  readonly validate: Validation;
  /** Where each value came from. A value that follows from another one (`shuffleMethod` from the engine) is a `default`. */
  readonly origins: Readonly<Record<ConfigPath, Origin>>;
}

const ENGINE_SPELLINGS = spellings({ ...ENGINE_OPTIONS, executorOptions: {} });
const EXECUTOR_SPELLINGS = spellings(EXECUTOR_OPTIONS);

const ALL_DEFAULT = {
  executor: "default",
  raiseOnFail: "default",
  placement: "default",
  deviceMemoryLimit: "default",
  hostMemoryLimit: "default",
  residentMemoryLimit: "default",
  adapter: "default",
  limits: "default",
  maxBindingBytes: "default",
  parquetDecoding: "default",
  disableRules: "default",
  warn: "default",
  profile: "default",
  progress: "default",
  validate: "default",
  "executorOptions.engine": "default",
  "executorOptions.cluster": "default",
  "executorOptions.fallbackMode": "default",
  "executorOptions.maxRowsPerPartition": "default",
  "executorOptions.targetPartitionSize": "default",
  "executorOptions.groupbyNAry": "default",
  "executorOptions.broadcastJoinLimit": "default",
  "executorOptions.uniqueFraction": "default",
  "executorOptions.shuffleMethod": "default",
  "executorOptions.rapidsmpfSpill": "default",
  "executorOptions.clientDeviceThreshold": "default",
  "executorOptions.sinkToDirectory": "default",
  "executorOptions.maxIoThreads": "default",
} as const satisfies Record<ConfigPath, Origin>;

/**
 * Options before the environment before defaults.
 * @throws ConfigError for unknown names, values of the wrong type or range, and values that contradict each other.
 */
export function resolveConfig(options: GPUEngineOptions = {}, env: Environment = process.env): Config {
  const given = canonical(optionEntries(options, "The options of GPUEngine"), ENGINE_SPELLINGS, "");
  const origins: Record<ConfigPath, Origin> = { ...ALL_DEFAULT };
  const read = <T>(name: EngineOptionName, option: Option<T>, fallback: T): T => {
    const found = explicitly(given, name, option) ?? fromEnvironment(env, name, option);
    origins[name] = found?.origin ?? "default";
    return found === null ? fallback : found.value;
  };
  const executor = read("executor", ENGINE_OPTIONS.executor, "streaming");
  const raiseOnFail = read("raiseOnFail", ENGINE_OPTIONS.raiseOnFail, false);
  const deviceMemoryLimit = read("deviceMemoryLimit", ENGINE_OPTIONS.deviceMemoryLimit, null);
  return Object.freeze({
    executor,
    executorOptions: executorConfig(given.has("executorOptions") ? given.get("executorOptions") : {}, executor, env, origins),
    raiseOnFail,
    placement: read("placement", ENGINE_OPTIONS.placement, raiseOnFail ? "gpu" : "auto"),
    deviceMemoryLimit,
    hostMemoryLimit: read("hostMemoryLimit", ENGINE_OPTIONS.hostMemoryLimit, null),
    residentMemoryLimit: read("residentMemoryLimit", ENGINE_OPTIONS.residentMemoryLimit, Math.floor((deviceMemoryLimit ?? totalmem()) / 4)),
    adapter: read("adapter", ENGINE_OPTIONS.adapter, "any"),
    limits: read("limits", ENGINE_OPTIONS.limits, "adapter"),
    maxBindingBytes: read("maxBindingBytes", ENGINE_OPTIONS.maxBindingBytes, null),
    parquetDecoding: read("parquetDecoding", ENGINE_OPTIONS.parquetDecoding, "auto"),
    disableRules: read("disableRules", ENGINE_OPTIONS.disableRules, Object.freeze([])),
    warn: read("warn", ENGINE_OPTIONS.warn, SINKS.console),
    profile: read("profile", ENGINE_OPTIONS.profile, false),
    progress: read("progress", ENGINE_OPTIONS.progress, "auto"),
    validate: read("validate", ENGINE_OPTIONS.validate, Object.freeze({ share: 0, onDifference: null })),
    origins: Object.freeze(origins),
  });
}

/** Resolves `executorOptions` and notes the origins of its values. */
function executorConfig(options: unknown, executor: ExecutorName, env: Environment, origins: Record<ConfigPath, Origin>): ExecutorConfig {
  const given = canonical(optionEntries(options, "executor_options"), EXECUTOR_SPELLINGS, "executorOptions.");
  const [unwanted] = given.keys();
  if (executor === "in-memory" && unwanted !== undefined)
    throw new ConfigError(`executorOptions.${unwanted} is an option of the streaming executor: the executor is 'in-memory'.`);
  const note = <T>(name: keyof ExecutorConfig, found: Found<T> | null, fallback: T): T => {
    origins[`executorOptions.${name}`] = found?.origin ?? "default";
    return found === null ? fallback : found.value;
  };
  const find = <T>(name: ExecutorOptionName, option: Option<T>) => explicitly(given, name, option) ?? fromEnvironment(env, name, option);
  const read = <T>(name: keyof ExecutorConfig, option: Option<T>, fallback: T): T => note(name, find(name, option), fallback);

  const engine = read("engine", EXECUTOR_OPTIONS.engine, "tasks");
  const cluster = note("cluster", givenCluster(given) ?? environmentCluster(env), "single");
  const broadcastJoinLimit = find("broadcastJoinLimit", EXECUTOR_OPTIONS.broadcastJoinLimit);
  const config: ExecutorConfig = {
    engine,
    cluster,
    fallbackMode: read("fallbackMode", EXECUTOR_OPTIONS.fallbackMode, "warn"),
    maxRowsPerPartition: read("maxRowsPerPartition", EXECUTOR_OPTIONS.maxRowsPerPartition, 1_000_000),
    targetPartitionSize: read("targetPartitionSize", EXECUTOR_OPTIONS.targetPartitionSize, 0),
    groupbyNAry: read("groupbyNAry", EXECUTOR_OPTIONS.groupbyNAry, 32),
    broadcastJoinLimit: note(
      "broadcastJoinLimit",
      broadcastJoinLimit?.value === 0 ? null : broadcastJoinLimit,
      cluster === "single" ? 32 : 2,
    ),
    uniqueFraction: read("uniqueFraction", EXECUTOR_OPTIONS.uniqueFraction, Object.freeze({})),
    shuffleMethod: read("shuffleMethod", EXECUTOR_OPTIONS.shuffleMethod, engine),
    rapidsmpfSpill: read("rapidsmpfSpill", EXECUTOR_OPTIONS.rapidsmpfSpill, false),
    clientDeviceThreshold: read("clientDeviceThreshold", EXECUTOR_OPTIONS.clientDeviceThreshold, 0.5),
    sinkToDirectory: read("sinkToDirectory", EXECUTOR_OPTIONS.sinkToDirectory, cluster === "distributed"),
    maxIoThreads: read("maxIoThreads", EXECUTOR_OPTIONS.maxIoThreads, 2),
  };
  refuseContradictions(config);
  return Object.freeze(config);
}

function refuseContradictions({ engine, cluster, shuffleMethod, rapidsmpfSpill, sinkToDirectory }: ExecutorConfig): void {
  if (engine === "rapidsmpf" && shuffleMethod === "tasks")
    throw new ConfigError("The rapidsmpf streaming engine does not support task-based shuffling.");
  if (cluster === "single" && rapidsmpfSpill) throw new ConfigError("rapidsmpf_spill is not supported for single-GPU execution.");
  if (cluster === "distributed" && !sinkToDirectory) throw new ConfigError("The distributed cluster requires sink_to_directory=True");
}

const givenCluster = (given: ReadonlyMap<string, unknown>): Found<Cluster> | null =>
  withoutScheduler(explicitly(given, "cluster", EXECUTOR_OPTIONS.cluster), explicitly(given, "scheduler", EXECUTOR_OPTIONS.scheduler));

const environmentCluster = (env: Environment): Found<Cluster> | null =>
  withoutScheduler(
    fromEnvironment(env, "cluster", EXECUTOR_OPTIONS.cluster),
    fromEnvironment(env, "scheduler", EXECUTOR_OPTIONS.scheduler),
  );

let schedulerWarned = false;

/** The cluster that a cluster or a deprecated scheduler stands for. */
function withoutScheduler(cluster: Found<Cluster> | null, scheduler: Found<"synchronous" | "distributed"> | null): Found<Cluster> | null {
  if (scheduler === null) return cluster;
  if (cluster !== null)
    throw new ConfigError(
      "Cannot specify both 'scheduler' and 'cluster'. The 'scheduler' parameter is deprecated. Please use only 'cluster' instead.",
    );
  if (!schedulerWarned) process.emitWarning("The 'scheduler' parameter is deprecated. Please use 'cluster' instead.", "DeprecationWarning");
  schedulerWarned = true;
  return { value: scheduler.value === "synchronous" ? "single" : "distributed", origin: scheduler.origin };
}
