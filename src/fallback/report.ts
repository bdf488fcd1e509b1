/** What happened to a query: where each node ran and why, what it cost, and the warning that a user reads. */

/** One node of the plan, inputs first. */
export interface NodeReport {
  readonly name: string;
  readonly where: "GPU" | "CPU";
  /** Why it ran on the CPU; null on the GPU. */
  readonly reason: string | null;
}

/** Which side a query was given to, where the user left that open. */
export interface PlacementReport {
  readonly side: "GPU" | "CPU";
  readonly reason: string;
  /** Milliseconds on either side, measured or estimated; null where that did not matter. */
  readonly cpuMs: number | null;
  readonly gpuMs: number | null;
}

export interface QueryReport {
  readonly nodes: readonly NodeReport[];
  /** Null where the user asked for the GPU. */
  readonly placement: PlacementReport | null;
  /** Why the whole query was answered by CPU polars; null: it was not. */
  readonly fallback: string | null;
  /** Description of the adapter; empty where the device was not used. */
  readonly adapter: string;
  /** Milliseconds from the start of the plan's run to its result on the host, planning excluded. */
  readonly gpuMs: number;
  /** Milliseconds for reading, translating and optimising the plan. */
  readonly planMs: number;
  readonly dispatches: number;
  /** Times that the host waited for the device. */
  readonly roundTrips: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Nanoseconds on the GPU for each kernel; empty unless the engine profiles. */
  readonly kernels: ReadonlyMap<string, { readonly launches: number; readonly nanoseconds: number }>;
}

/** One readable warning for all the reasons of a query. */
export function fallbackWarning(reasons: readonly string[], whole: boolean): string {
  const what = whole ? "the query runs on CPU polars" : "parts of the query run on CPU polars";
  const list = reasons.map((r) => `\n  - ${r}`).join("");
  return `polars-webgpu: ${what}:${list}`;
}
