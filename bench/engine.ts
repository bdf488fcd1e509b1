/** The GPU engine as the demo and the benchmark use it: one session, and tables that stay on its device. */
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { GPUEngine, type QueryReport } from "../src/index.ts";
import type { Tables } from "./pdsh/generate.ts";

/** A result and what the engine says about the query that gave it. */
export interface EngineRun {
  readonly frame: DataFrame;
  readonly report: QueryReport | null;
}

/** One engine, open until `close`. */
export interface EngineSession {
  /** `lf.collect({ engine })`. */
  collect(lf: LazyDataFrame): Promise<EngineRun>;
  /** The tables with their columns kept on the device; a column is loaded by the first query that reads it. */
  resident(tables: ResidentSources): Promise<Tables>;
  close(): Promise<void>;
}

/** The eight tables as frames in memory. */
export type ResidentSources = { readonly [K in keyof Tables]: Tables[K] extends LazyDataFrame ? DataFrame : Tables[K] };

/** Opens an engine that says in its reports what it leaves to the CPU. With `profile` it times every kernel, which slows queries down. */
export function openEngine(options: { readonly profile: boolean }): EngineSession {
  const engine = new GPUEngine({ profile: options.profile, warn: "silent", placement: "gpu", residentMemoryLimit: 0 });
  const persist = async (frame: DataFrame): Promise<LazyDataFrame> => {
    const collected: LazyDataFrame = { ...frame.lazy(), collect: async () => frame };
    return (await engine.persist(collected)).lazy();
  };
  return {
    collect: async (lf) => ({ frame: await lf.collect({ engine }), report: engine.lastQuery }),
    resident: async ({ scale, customer, lineitem, nation, orders, part, partsupp, region, supplier }) => ({
      scale,
      customer: await persist(customer),
      lineitem: await persist(lineitem),
      nation: await persist(nation),
      orders: await persist(orders),
      part: await persist(part),
      partsupp: await persist(partsupp),
      region: await persist(region),
      supplier: await persist(supplier),
    }),
    close: () => engine.close(),
  };
}
