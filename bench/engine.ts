/** The GPU engine as the demo and the benchmark use it: one session, and tables that stay on its device. */
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { type EngineStats, GPUEngine, type PersistedFrame, type QueryReport } from "../src/index.ts";
import type { Tables } from "./pdsh/generate.ts";
import { lazyTables, type MemoryTables } from "./tables.ts";

/** A result and what the engine says about the query that gave it. */
export interface EngineRun {
  readonly frame: DataFrame;
  readonly report: QueryReport | null;
}

/** One engine, open until `close`. */
export interface EngineSession {
  /** `lf.collect({ engine })`. */
  collect(lf: LazyDataFrame): Promise<EngineRun>;
  /** `collect` with every kernel timed. */
  profile(lf: LazyDataFrame): Promise<EngineRun>;
  /** The frame with its columns kept on the device; a column is loaded by the first query that reads it. */
  persist(frame: DataFrame): PersistedFrame;
  /** The tables with their columns kept on the device; a column is loaded by the first query that reads it. */
  resident(tables: MemoryTables): Tables;
  stats(): Promise<EngineStats | null>;
  close(): Promise<void>;
}

interface SessionOptions {
  /** Times every kernel of every query, which slows queries down. */
  readonly profile: boolean;
  /** Throws where anything would run on the CPU; else the reports say what did. */
  readonly raiseOnFail?: boolean;
  /** `gpu` by default: what is measured is the GPU, however small the data is. */
  readonly placement?: "auto" | "gpu";
}

/** Opens an engine. Nothing stays on the device but what is persisted, so that every cold run is one. */
export function openEngine({ profile, raiseOnFail = false, placement = "gpu" }: SessionOptions): EngineSession {
  const engine = new GPUEngine({ profile, raiseOnFail, placement, warn: "silent", residentMemoryLimit: 0 });
  return {
    collect: async (lf) => ({ frame: await lf.collect({ engine }), report: engine.lastQuery }),
    profile: async (lf) => {
      const { frame } = await engine.profile(lf);
      return { frame, report: engine.lastQuery };
    },
    persist: (frame) => engine.persistFrame(frame),
    resident: (tables) => lazyTables(tables, (frame) => engine.persistFrame(frame).lazy()),
    stats: () => engine.deviceStats(),
    close: () => engine.close(),
  };
}
