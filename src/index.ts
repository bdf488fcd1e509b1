/** The public API. Importing it makes `collect({ engine })` known to every copy of nodejs-polars that the program can load. */

import { activate } from "./intercept/activate.ts";

export type { Config, GPUEngineOptions, ResultDifference, Validation } from "./config.ts";
export type { Progress } from "./engine/query-options.ts";
export type { EngineStats } from "./engine.ts";
export { ConfigError, DeviceError, InternalError, InvalidPlanError, OutOfDeviceMemoryError, UnsupportedError } from "./errors.ts";
export type { PhysicalNodeReport, PhysicalReport, TaskReport } from "./executors/physical/explain.ts";
export type { NodeProfile, QueryProfile } from "./executors/query-profile.ts";
export type { TraceRecord } from "./executors/trace.ts";
export type { NodeReport, PlacementReport, QueryReport } from "./fallback/report.ts";
export type { ExplainOptions, PersistedFrame, ProfileOptions } from "./intercept/gpu-engine.ts";
export { GPUEngine } from "./intercept/gpu-engine.ts";
export type { GpuCollectOptions, GpuEngineOption } from "./intercept/types.ts";
export type { ValidationCounts } from "./intercept/validation.ts";

activate();
