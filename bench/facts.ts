/** What the benchmarks read from the engine's report of a query: what ran on the CPU, and the time of its kernels. */
import type { QueryReport } from "../src/index.ts";

export interface KernelLine {
  readonly name: string;
  readonly launches: number;
  readonly ms: number;
}

/** Nodes of the plan on the CPU, files that it reads left out, or why all of it was. */
export function onCpu(report: QueryReport | null): readonly string[] {
  if (report === null) return [];
  if (report.fallback !== null) return [`the whole query: ${report.fallback}`];
  const nodes = report.nodes.filter(({ where, name }) => where === "CPU" && !name.endsWith(" SCAN"));
  return nodes.map(({ name, reason }) => (reason === null ? name : `${name}: ${reason}`));
}

/** The kernels of a profiled query, slowest first. */
export const kernelsOf = (report: QueryReport | null): readonly KernelLine[] =>
  [...(report?.kernels ?? [])]
    .map(([name, { launches, nanoseconds }]) => ({ name, launches, ms: nanoseconds / 1e6 }))
    .sort((a, b) => b.ms - a.ms);

/** Sum over the kernels; null where none were profiled. */
export const kernelMsOf = (kernels: readonly KernelLine[]): number | null =>
  kernels.length === 0 ? null : kernels.reduce((sum, { ms }) => sum + ms, 0);
