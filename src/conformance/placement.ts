/** Where a query would run, read from its explained plan. */

import type { LazyDataFrame } from "nodejs-polars";
import type { GPUEngine } from "../index.ts";

/** `dictionary`: on the device, with parts that CPU polars evaluates on distinct values only. */
export type Place = "native" | "dictionary" | "fallback";

export interface Placement {
  readonly place: Place;
  /** Why nodes run on the CPU; empty unless `place` is "fallback". */
  readonly reasons: readonly string[];
}

export async function placementOf(engine: GPUEngine, query: LazyDataFrame): Promise<Placement> {
  const lines = (await engine.explain(query)).split("\n");
  const cpu = lines.filter((line) => /^\s*CPU\b/.test(line));
  if (cpu.length > 0) {
    const whole = lines[0]?.startsWith("CPU: the whole query") === true ? lines.slice(1).map((line) => line.trim()) : [];
    const reasons = cpu.flatMap((line) => /\((?<reasons>.*)\)$/.exec(line)?.groups?.reasons?.split("; ") ?? []);
    return { place: "fallback", reasons: [...new Set([...whole, ...reasons])] };
  }
  return { place: lines.some((line) => /\blookup\(|\bLOOKUP\b/.test(line)) ? "dictionary" : "native", reasons: [] };
}
