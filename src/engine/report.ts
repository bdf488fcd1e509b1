/** What the last query was, as users read it. */

import { timesByKernel } from "../executors/query-profile.ts";
import type { PlacementReport, QueryReport } from "../fallback/report.ts";
import type { Device, DeviceStats } from "../gpu/device.ts";
import type { KernelTime } from "../gpu/profile.ts";
import { nodeReports } from "../ir/explain.ts";
import type { Plan } from "../ir/plan.ts";
import { type Sink, sinkReport } from "./sink.ts";

export function deviceReport(
  plan: Plan,
  sink: Sink | null,
  device: Device,
  before: DeviceStats,
  planMs: number,
  gpuMs: number,
  times: ReadonlyMap<string, KernelTime> | null,
  placement: PlacementReport | null,
): QueryReport {
  const after = device.stats;
  let nodes: QueryReport["nodes"] | null = null;
  return {
    // Made when it is read: most reports are not, and to name the nodes of a plan takes as long as to run some of them.
    get nodes() {
      nodes ??= [...(sink === null ? [] : [sinkReport(sink)]), ...nodeReports(plan)];
      return nodes;
    },
    placement,
    fallback: null,
    adapter: device.adapter.description,
    gpuMs,
    planMs,
    dispatches: after.dispatches - before.dispatches,
    roundTrips: after.roundTrips - before.roundTrips,
    bytesUp: after.bytesUp - before.bytesUp,
    bytesDown: after.bytesDown - before.bytesDown,
    kernels: times === null ? new Map() : timesByKernel(times),
  };
}

/** Of a query that CPU polars answers as a whole. */
export const cpuReport = (reasons: readonly string[], placement: PlacementReport | null): QueryReport => ({
  placement,
  nodes: [{ name: "query", where: "CPU", reason: reasons.join("; ") }],
  fallback: reasons.join("; "),
  adapter: "",
  gpuMs: 0,
  planMs: 0,
  dispatches: 0,
  roundTrips: 0,
  bytesUp: 0,
  bytesDown: 0,
  kernels: new Map(),
});
