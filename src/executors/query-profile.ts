/** What a profiled query did, node by node and partition by partition: as data, as a table for a terminal, as a trace for Perfetto. */

import { LABEL_END } from "../gpu/device.ts";
import type { KernelTime } from "../gpu/profile.ts";
import type { SpillCounts } from "./memory/store.ts";
import type { Trace, TraceRecord } from "./trace.ts";

/** GPU time of the operations of one node. */
export interface NodeProfile {
  readonly node: number;
  readonly name: string;
  readonly operations: number;
  /** Milliseconds that its operations took, waits included; operations of several nodes overlap. */
  readonly ms: number;
  /** Milliseconds on the GPU; null where the adapter measures none. */
  readonly gpuMs: number | null;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly roundTrips: number;
}

export interface QueryProfile {
  /** The physical plan as `explain({ physical: true })` prints it. */
  readonly plan: string;
  readonly engine: string;
  /** Milliseconds of the run, planning excluded. */
  readonly ms: number;
  readonly records: readonly TraceRecord[];
  readonly nodes: readonly NodeProfile[];
  readonly spilled: Readonly<SpillCounts>;
  /** The nodes as a table of fixed width. */
  readonly table: string;
  /** JSON that chrome://tracing and ui.perfetto.dev open. */
  readonly chromeTrace: string;
}

/** Kernel times by kernel, whatever ran them. */
export function timesByKernel(times: ReadonlyMap<string, KernelTime>): ReadonlyMap<string, KernelTime> {
  const sums = new Map<string, KernelTime>();
  for (const [name, { launches, nanoseconds }] of times) {
    const kernel = name.slice(name.indexOf(LABEL_END) + 1);
    const known = sums.get(kernel) ?? { launches: 0, nanoseconds: 0 };
    sums.set(kernel, { launches: known.launches + launches, nanoseconds: known.nanoseconds + nanoseconds });
  }
  return sums;
}

function timesByLabel(times: ReadonlyMap<string, KernelTime>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [name, { nanoseconds }] of times) {
    const end = name.indexOf(LABEL_END);
    if (end >= 0) sums.set(name.slice(0, end), (sums.get(name.slice(0, end)) ?? 0) + nanoseconds);
  }
  return sums;
}

export function queryProfile(
  engine: string,
  plan: string,
  ms: number,
  trace: Trace,
  spilled: SpillCounts,
  times: ReadonlyMap<string, KernelTime> | null,
): QueryProfile {
  const gpu = times === null ? null : timesByLabel(times);
  const records = trace.records.map(
    ({ label, ...record }): TraceRecord => ({
      ...record,
      gpuNanoseconds: gpu === null ? null : (gpu.get(label) ?? 0),
    }),
  );
  const nodes = byNode(records);
  return { plan, engine, ms, records, nodes, spilled: { ...spilled }, table: tableOf(nodes), chromeTrace: chromeTraceOf(records) };
}

function byNode(records: readonly TraceRecord[]): readonly NodeProfile[] {
  const groups = Map.groupBy(records, ({ node, step }) => `${node}${step === "export" ? " export" : ""}`);
  const profiles = [...groups.values()].map((own): NodeProfile => {
    const sum = (of: (record: TraceRecord) => number): number => own.reduce((n, r) => n + of(r), 0);
    const [first] = own;
    return {
      node: first?.node ?? -1,
      name: first?.step === "export" ? "EXPORT" : (first?.name ?? ""),
      operations: own.length,
      ms: sum((r) => r.end - r.start),
      gpuMs: first?.gpuNanoseconds === null ? null : sum((r) => r.gpuNanoseconds ?? 0) / 1e6,
      rowsIn: sum((r) => r.rowsIn),
      rowsOut: sum((r) => r.rowsOut),
      bytesIn: sum((r) => r.bytesIn),
      bytesOut: sum((r) => r.bytesOut),
      roundTrips: sum((r) => r.roundTrips),
    };
  });
  return profiles.sort((a, b) => a.node - b.node);
}

const HEADER = ["node", "name", "operations", "ms", "gpu ms", "rows in", "rows out", "bytes in", "bytes out", "round trips"] as const;

function tableOf(nodes: readonly NodeProfile[]): string {
  const rows = nodes.map((n) => [
    `#${n.node}`,
    n.name,
    `${n.operations}`,
    n.ms.toFixed(1),
    n.gpuMs === null ? "-" : n.gpuMs.toFixed(3),
    `${n.rowsIn}`,
    `${n.rowsOut}`,
    `${n.bytesIn}`,
    `${n.bytesOut}`,
    `${n.roundTrips}`,
  ]);
  const widths = HEADER.map((title, c) => Math.max(title.length, ...rows.map((row) => row[c]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, c) => (c === 1 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0))).join("  ");
  return [line(HEADER), ...rows.map(line)].join("\n");
}

/** Complete events, microseconds; operations that overlap are on lanes of their own. */
function chromeTraceOf(records: readonly TraceRecord[]): string {
  const lanes: number[] = [];
  const events = records
    .toSorted((a, b) => a.start - b.start)
    .map(({ node, name, step, partition, start, end, ...args }) => {
      const free = lanes.findIndex((until) => until <= start);
      const lane = free < 0 ? lanes.length : free;
      lanes[lane] = end;
      return {
        name: `#${node} ${name} ${step} ${partition}`,
        cat: step,
        ph: "X",
        ts: start * 1000,
        dur: (end - start) * 1000,
        pid: 1,
        tid: lane + 1,
        args,
      };
    });
  return JSON.stringify({ traceEvents: events, displayTimeUnit: "ms" });
}
