/** The GPU engine as the demo and the benchmark use it: one session, and tables that stay on its device. */
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { type DeviceStats, GPUEngine, type PersistedFrame, type QueryReport } from "../src/index.ts";
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
  stats(): Promise<DeviceStats | null>;
  close(): Promise<void>;
}

interface SessionOptions {
  /** Times every kernel of every query, which slows queries down. */
  readonly profile: boolean;
  /** Throws where anything would run on the CPU; else the reports say what did. */
  readonly raiseOnFail?: boolean;
}

/** Opens an engine. */
export function openEngine({ profile, raiseOnFail = false }: SessionOptions): EngineSession {
  const engine = new GPUEngine({ profile, raiseOnFail, warn: "silent" });
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
