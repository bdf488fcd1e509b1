/** The GPU engine as the demo and the benchmark see it: opened when the package's entry is there, with what it says about a query. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { DataFrame, LazyDataFrame } from "nodejs-polars";

/** One node of a plan: where it ran and, on the CPU, why. */
export interface NodeReport {
  readonly name: string;
  readonly where: "GPU" | "CPU";
  readonly reason: string | null;
}

/** What the engine reports about the query that it ran last. `fallback` says why the whole query went to the CPU, or is null. */
export interface QueryReport {
  readonly nodes: readonly NodeReport[];
  readonly gpuMs: number;
  readonly adapter: string;
  readonly fallback: string | null;
}

interface Engine {
  readonly lastQuery: QueryReport | null;
  close(): Promise<void> | void;
}

/** One engine, open until `close`. */
export interface EngineSession {
  /** `lf.collect({ engine })`. */
  collect(lf: LazyDataFrame): Promise<DataFrame>;
  /** The report of the last `collect`. */
  report(): QueryReport | null;
  close(): Promise<void>;
}

/** A frame whose `collect` takes an engine, as it does once the package is imported. */
interface Collectable {
  collect(options: object): Promise<DataFrame>;
}

/** Opens an engine that says in its report what it leaves to the CPU. Null where src/index.ts does not exist. */
export async function openEngine(): Promise<EngineSession | null> {
  const index = join(import.meta.dirname, "..", "src", "index.ts");
  if (!existsSync(index)) return null;
  const { GPUEngine }: { GPUEngine: new () => Engine } = await import(pathToFileURL(index).href);
  const engine = new GPUEngine();
  return {
    collect: (lf) => {
      const frame: Collectable = lf;
      return frame.collect({ engine });
    },
    report: () => engine.lastQuery,
    close: async () => {
      await engine.close();
    },
  };
}
