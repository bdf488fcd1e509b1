/** The engine object that users hold: options, explain, reports, resident frames. */

import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import type { Config, GPUEngineOptions } from "../config.ts";
import { resolveConfig } from "../config.ts";
import { Engine, type EngineStats, type Query } from "../engine.ts";
import { ConfigError, InvalidPlanError, UnsupportedError } from "../errors.ts";
import type { PhysicalReport } from "../executors/physical/explain.ts";
import type { QueryProfile } from "../executors/query-profile.ts";
import type { QueryReport } from "../fallback/report.ts";
import { dataFrameOf } from "../polars/frames.ts";
import { findPolarsModules } from "../polars/module.ts";
import { readPlan } from "../polars/plan-reading.ts";
import { queryOf as queryOfNative, trackingOf } from "./install.ts";
import { type GpuCollectOptions, gpuEngineMark } from "./types.ts";
import { type ValidationCounts, Validator } from "./validation.ts";

export interface ExplainOptions {
  readonly physical?: boolean;
}

export type ProfileOptions = Pick<GpuCollectOptions, "signal" | "onProgress">;

/** A frame whose columns stay on the device, as long as there is room for them. */
export interface PersistedFrame {
  /** Reads the resident columns, any number of times; those that had to make room are loaded again from host memory. */
  lazy(): LazyDataFrame;
  /** Frees the columns on the device; `lazy()` frames go on working from host memory. */
  release(): Promise<void>;
}

/**
 * Runs LazyFrames on the GPU: `await lf.collect({ engine })`. What has no GPU form runs on CPU polars, per subtree; the result is what CPU
 * polars returns: same names, dtypes, values. The device is opened by the first query.
 *
 * @throws ConfigError for unknown options and wrong values.
 */
export class GPUEngine {
  readonly [gpuEngineMark] = true as const;
  readonly #engine: Engine;
  readonly #validator: Validator;

  constructor(options: GPUEngineOptions = {}) {
    const config = resolveConfig(options);
    this.#engine = new Engine(config);
    this.#validator = new Validator(config.validate, config.warn);
  }

  /** The resolved options, and where each value came from. */
  get config(): Config {
    return this.#engine.config;
  }

  /** Where the nodes of the last query ran and why, its times and transfers; null before the first query. */
  get lastQuery(): QueryReport | null {
    return this.#engine.lastQuery;
  }

  /** How many results were compared with CPU polars', and how many differed: see the option `validate`. */
  get validated(): ValidationCounts {
    return this.#validator.counts;
  }

  /** Memory in use on the device and counts since it was opened; null while none is open. */
  deviceStats(): Promise<EngineStats | null> {
    return this.#engine.deviceStats();
  }

  /**
   * The optimised plan as text, each node marked GPU or CPU with its reasons. Runs nothing, needs no GPU. `physical`: the operations on
   * partitions of the streaming executor instead, with partition counts, exchanges and estimated rows; opens the device, whose limits decide
   * them, and reads the footers of Parquet files and all of other files.
   */
  async explain(lf: LazyDataFrame, { physical = false }: ExplainOptions = {}): Promise<string> {
    return physical ? (await this.#engine.physicalPlan(queryOf(lf))).text : this.#engine.explain(queryOf(lf));
  }

  /** What `explain({ physical: true })` shows, as data, with the tasks of the task graph. */
  physicalPlan(lf: LazyDataFrame): Promise<PhysicalReport> {
    return this.#engine.physicalPlan(queryOf(lf));
  }

  /**
   * Runs the query and tells what it did: for each node and partition its time, GPU time, rows, bytes, round trips and spills.
   * @throws ConfigError for the in-memory executor, UnsupportedError where CPU polars answers the whole query.
   */
  async profile(lf: LazyDataFrame, options: ProfileOptions = {}): Promise<QueryProfile & { readonly frame: DataFrame }> {
    if (this.config.executor === "in-memory")
      throw new ConfigError("profile is about the streaming executor: the executor is 'in-memory'.");
    const query = queryOf(lf);
    const { signal = null, onProgress = null } = options;
    const result = await this.#engine.collect(query, { signal, onProgress, profile: true });
    const { lastProfile } = this.#engine;
    if (result === null || lastProfile === null) throw new UnsupportedError([this.lastQuery?.fallback ?? "the query ran on CPU polars"]);
    return { ...lastProfile, frame: dataFrameOf(query.module, result) };
  }

  /** Collects the frame once and keeps the columns that later queries read on the device. */
  async persist(lf: LazyDataFrame): Promise<PersistedFrame> {
    const frame = await lf.collect({ engine: this });
    return this.persistFrame(frame);
  }

  /** As `persist`, of a frame that is in memory already. */
  persistFrame(frame: DataFrame): PersistedFrame {
    const lazy = () => frame.lazy();
    const { tracked } = queryOf(lazy());
    const read = "untracked" in tracked ? null : readPlan(tracked);
    const [source] = read === null || "unreadable" in read ? [] : [...read.sources.keys()];
    if (source === undefined) throw new InvalidPlanError("a frame that is not tracked cannot be persisted");
    this.#engine.residents.persist(source);
    return { lazy, release: () => this.#engine.residents.release(source) };
  }

  /** Frees the device and all that it holds. */
  close(): Promise<void> {
    return this.#engine.close();
  }

  /** The engine behind this object; for interception. */
  static engineOf(engine: GPUEngine): Engine {
    return engine.#engine;
  }

  /** For interception. */
  static validatorOf(engine: GPUEngine): Validator {
    return engine.#validator;
  }
}

/** The tracked plan of a user's lazy frame. */
function queryOf(lf: LazyDataFrame): Query {
  const native = lf._ldf;
  for (const module of findPolarsModules()) {
    if (!(native instanceof module.native.JsLazyFrame)) continue;
    const tracking = trackingOf(module);
    return tracking === undefined ? { module, ...NOT_INSTALLED } : queryOfNative(module, tracking, native);
  }
  throw new InvalidPlanError("not a LazyDataFrame of a known copy of nodejs-polars");
}

const NOT_INSTALLED = {
  tracked: { untracked: "polars-webgpu is not installed in this copy of nodejs-polars" },
  sink: null,
  sketch: null,
} as const;
