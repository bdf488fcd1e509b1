/** Every option of the engine: its names, its environment variables, what it accepts and what it is when nobody says. */

import { totalmem } from "node:os";
import {
  bool,
  bytes,
  bytesFromZero,
  choice,
  fraction,
  fractionsByColumn,
  int,
  type Kind,
  names,
  optionalInt,
  text,
  validation,
  warnings,
} from "./kinds.ts";

export interface Option<T> {
  readonly kind: Kind<T>;
  /** Two that are both set are an error. */
  readonly environment: readonly string[];
  /** In text, for the documentation. */
  readonly initially: string;
  /** Another name for the same option. */
  readonly alias?: string;
}

const option = <const T>(kind: Kind<T>, initially: string, environment: readonly string[], alias?: string): Option<T> => ({
  kind,
  environment,
  initially,
  ...(alias === undefined ? {} : { alias }),
});
const executorVariable = (name: string): string => `CUDF_POLARS__EXECUTOR__${name}`;
const ownVariable = (name: string): string => `POLARS_WEBGPU__${name}`;

/** Options of `new GPUEngine({ ... })`, beside `executorOptions`. */
export const ENGINE_OPTIONS = {
  executor: option(
    choice(["streaming", "in-memory"], (value) => `Unknown executor '${String(value)}'\nexecutor accepts 'streaming', 'in-memory'`),
    "`streaming`",
    ["CUDF_POLARS__EXECUTOR"],
  ),
  raiseOnFail: option(
    bool((name) => `GPUEngine option '${name}' must be a boolean.`),
    "`false`",
    ["CUDF_POLARS__RAISE_ON_FAIL"],
  ),
  placement: option(choice(["auto", "gpu"]), "`auto`; `gpu` with `raiseOnFail`", [ownVariable("PLACEMENT")]),
  deviceMemoryLimit: option(bytes(totalmem), "`null`", [ownVariable("DEVICE_MEMORY_LIMIT")]),
  hostMemoryLimit: option(bytes(totalmem), "`null`", [ownVariable("HOST_MEMORY_LIMIT")]),
  residentMemoryLimit: option(bytesFromZero(totalmem), "a quarter of `deviceMemoryLimit`, or of the host's memory", [
    ownVariable("RESIDENT_MEMORY_LIMIT"),
  ]),
  adapter: option(text("`any`, `hardware`, `software`, a part of the adapter's name"), "`any`", [ownVariable("ADAPTER")]),
  limits: option(choice(["adapter", "default"]), "`adapter`", [ownVariable("LIMITS")]),
  maxBindingBytes: option(optionalInt(65_536), "`null`", [ownVariable("MAX_BINDING_BYTES")]),
  parquetDecoding: option(choice(["auto", "device", "threads"]), "`auto`", [ownVariable("PARQUET_DECODING")]),
  disableRules: option(names, "`[]`", [ownVariable("DISABLE_RULES")]),
  warn: option(warnings, "`console`", [ownVariable("WARN")]),
  profile: option(bool(), "`false`", [ownVariable("PROFILE")]),
  progress: option(choice(["auto", "none"]), "`auto`", [ownVariable("PROGRESS")]),
  validate: option(validation, "`0`", [ownVariable("VALIDATE")]),
} as const;

/** Options of the streaming executor: `executorOptions`. */
export const EXECUTOR_OPTIONS = {
  engine: option(choice(["tasks", "rapidsmpf"]), "`tasks`", [executorVariable("ENGINE"), executorVariable("RUNTIME")], "runtime"),
  cluster: option(choice(["single", "distributed"]), "`single`", [executorVariable("CLUSTER")]),
  scheduler: option(choice(["synchronous", "distributed"]), "none", [executorVariable("SCHEDULER")]),
  fallbackMode: option(choice(["warn", "raise", "silent"]), "`warn`", [executorVariable("FALLBACK_MODE")]),
  maxRowsPerPartition: option(int(1), "`1_000_000`", [executorVariable("MAX_ROWS_PER_PARTITION")]),
  targetPartitionSize: option(int(0), "`0`", [executorVariable("TARGET_PARTITION_SIZE")]),
  groupbyNAry: option(int(2), "`32`", [executorVariable("GROUPBY_N_ARY")]),
  broadcastJoinLimit: option(int(0), "`32` single, `2` distributed", [executorVariable("BROADCAST_JOIN_LIMIT")]),
  uniqueFraction: option(fractionsByColumn, "`{}`", [executorVariable("UNIQUE_FRACTION")]),
  shuffleMethod: option(
    choice(["tasks", "rapidsmpf"], (value) =>
      value === "rapidsmpf-single"
        ? "rapidsmpf-single is not a supported shuffle method."
        : `'${String(value)}' is not a valid shuffle_method: it accepts 'tasks', 'rapidsmpf'`,
    ),
    "the engine's name",
    [executorVariable("SHUFFLE_METHOD")],
  ),
  rapidsmpfSpill: option(bool(), "`false`", [executorVariable("RAPIDSMPF_SPILL")]),
  clientDeviceThreshold: option(fraction, "`0.5`", [executorVariable("CLIENT_DEVICE_THRESHOLD")]),
  sinkToDirectory: option(bool(), "`false` single, `true` distributed", [executorVariable("SINK_TO_DIRECTORY")]),
  maxIoThreads: option(int(1), "`2`", [executorVariable("MAX_IO_THREADS")]),
} as const;

export type EngineOptionName = keyof typeof ENGINE_OPTIONS;
export type ExecutorOptionName = keyof typeof EXECUTOR_OPTIONS;

/** `targetPartitionSize` -> `target_partition_size`. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
