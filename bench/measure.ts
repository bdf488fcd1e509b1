/** One query on three sides: CPU polars, DuckDB and the engine, timed in turn and compared. */
import type { DataFrame } from "nodejs-polars";
import type { QueryReport } from "../src/index.ts";
import { difference, largestDeviation, summingTolerance } from "./compare.ts";
import type { DuckDBSession } from "./duckdb.ts";
import type { EngineRun, EngineSession } from "./engine.ts";
import { type KernelLine, kernelMsOf, kernelsOf, onCpu } from "./facts.ts";
import type { Tables } from "./pdsh/generate.ts";
import type { Query } from "./pdsh/queries/expressions.ts";
import { queryOf } from "./pdsh/queries/index.ts";
import { sqlOf } from "./pdsh/sql.ts";
import { lineitemRows } from "./pdsh/tables/orders.ts";
import { type Effort, type Timing, timed } from "./timing.ts";

/**
 * Bytes of LINEITEM that the row kernels of a query must read for each row, each column once: 8 for a number, 4 for a date or the code
 * of a string. Only for queries that are one pass over that table.
 */
const bytesForEachRow: ReadonlyMap<number, number> = new Map([
  [1, 4 + 4 + 4 + 4 * 8], // shipdate, returnflag, linestatus; quantity, extendedprice, discount, tax
  [6, 4 + 3 * 8], // shipdate; quantity, extendedprice, discount
]);

/** Cold: Parquet to DataFrame. Hot: tables in memory, for the engine on the device. */
export type Mode = "cold" | "hot";

/** What the engine says of its run with the median time; kernel times come from one more run of an engine that profiles. */
export interface Inside {
  readonly planMs: number;
  readonly gpuMs: number;
  readonly dispatches: number;
  readonly roundTrips: number;
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Sum over the kernels; null where they were not profiled. */
  readonly kernelMs: number | null;
  /** `gpuMs` without the kernels: reading, uploading, waiting, reading back. */
  readonly hostMs: number | null;
  /** Slowest first. */
  readonly kernels: readonly KernelLine[];
  /** GB/s of the query over all its kernels, for the bytes that it cannot avoid to read; null where that is not defined. */
  readonly gigabytesPerSecond: number | null;
}

export interface Measurement {
  readonly mode: Mode;
  readonly query: number;
  readonly rows: number;
  /** Building the lazy frame in JavaScript, which no other number contains. */
  readonly buildMs: number;
  readonly polars: Timing;
  readonly duckdb: Timing | null;
  readonly duckdbRows: number | null;
  readonly engine: Timing | null;
  readonly inside: Inside | null;
  /** Nodes of the plan on the CPU, files that it reads left out, or why all of it was. */
  readonly onCpu: readonly string[];
  /** Whether every run of the engine gave what CPU polars gives. */
  readonly same: boolean;
  /** `identical`, how far floats are apart, or the first difference or error. */
  readonly check: string;
}

/** An engine and the tables that it reads. */
export interface EngineSide {
  readonly session: EngineSession;
  readonly tables: Tables;
}

/** The sides of one mode. `tables` are for CPU polars; `lineitemRows` is null where a query does not read the whole table from the device. */
export interface Sides {
  readonly tables: Tables;
  readonly lineitemRows: number | null;
  readonly duckdb: DuckDBSession | null;
  readonly engine: EngineSide;
  readonly profiling: EngineSide | null;
  readonly streaming: boolean;
}

/** Measures one query. Errors of the engine are a result; those of the other sides are thrown. */
export async function measure(mode: Mode, query: number, sides: Sides, effort: Effort): Promise<Measurement> {
  const build = queryOf(query);
  const start = performance.now();
  const plan = build(sides.engine.tables);
  const buildMs = performance.now() - start;
  const cpu = build(sides.tables);
  const polars = await timed(effort, () => (sides.streaming ? cpu.collect({ streaming: true }) : cpu.collect()));
  const { duckdb } = sides;
  const peer = duckdb === null ? null : await timed(effort, () => duckdb.run(sqlOf(query, sides.tables.scale)));
  const expected = polars.median.value;
  const base = {
    mode,
    query,
    rows: expected.height,
    buildMs,
    polars: polars.timing,
    duckdb: peer?.timing ?? null,
    duckdbRows: peer?.median.value ?? null,
  };
  try {
    const engine = await timed(effort, () => sides.engine.session.collect(plan));
    const profile = sides.profiling === null ? null : await profiled(sides.profiling, build, effort);
    const { report } = engine.median.value;
    const bytes = (bytesForEachRow.get(query) ?? 0) * (sides.lineitemRows ?? 0);
    const all = [...engine.all.map(({ value }) => value), ...(profile === null ? [] : [profile])];
    return {
      ...base,
      engine: engine.timing,
      inside: report === null ? null : inside(report, profile?.report ?? null, bytes),
      onCpu: onCpu(report),
      ...check(expected, all, sides.tables.scale),
    };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...base, engine: null, inside: null, onCpu: [], same: false, check: `error: ${message}` };
  }
}

/** The last of the runs of the profiling engine that warm up. */
async function profiled({ session, tables }: EngineSide, build: Query, { warmup }: Effort): Promise<EngineRun> {
  const plan = build(tables);
  const start = performance.now();
  let last = await session.collect(plan);
  do last = await session.collect(plan);
  while (performance.now() - start < warmup * 1000);
  return last;
}

function inside(report: QueryReport, profile: QueryReport | null, bytes: number): Inside {
  const { planMs, gpuMs, dispatches, roundTrips, bytesUp, bytesDown } = report;
  const kernels = kernelsOf(profile);
  const kernelMs = kernelMsOf(kernels);
  return {
    planMs,
    gpuMs,
    dispatches,
    roundTrips,
    bytesUp,
    bytesDown,
    kernelMs,
    hostMs: kernelMs === null ? null : gpuMs - kernelMs,
    kernels,
    gigabytesPerSecond: kernelMs === null || bytes === 0 ? null : bytes / kernelMs / 1e6,
  };
}

/** Compares every run with CPU polars, whose own sums are inexact by more the more rows it adds up. */
function check(expected: DataFrame, runs: readonly EngineRun[], scale: number): Pick<Measurement, "same" | "check"> {
  const tolerance = summingTolerance(lineitemRows(scale));
  let largest = 0;
  for (const { frame } of runs) {
    const wrong = difference(expected, frame, tolerance);
    if (wrong !== null) return { same: false, check: wrong };
    largest = Math.max(largest, largestDeviation(expected, frame));
  }
  return { same: true, check: largest === 0 ? "identical" : `same, floats within ${largest.toExponential(1)}` };
}
