/** Measurements as lines of text: the ratios first, then the times, then what the engine says about itself. */
import type { Bandwidth } from "./bandwidth.ts";
import type { Inside, Measurement, Mode } from "./measure.ts";
import { cells, digits, ms, ratio, spread } from "./table.ts";
import type { Timing } from "./timing.ts";

const timeWidths = [5, 9, 9, 24, 24, 24, 17, 9, 8, 8];

export const timeHeader = cells(
  ["query", "x polars", "x duckdb", "engine ms [min, max]", "polars ms", "duckdb ms", "paused ms x polars", "first ms", "build ms", "rows"],
  timeWidths,
).concat("  check");

/** Ratios above 1: the engine is faster. Medians of the counted runs, and of runs after pauses; `build ms` is in no other number. */
export function timeLine(m: Measurement): string {
  const texts = [
    `Q${m.query}`,
    ratio(m.polars, m.engine),
    ratio(m.duckdb, m.engine),
    spread(m.engine),
    spread(m.polars),
    spread(m.duckdb),
    pausedText(m),
    ms(m.engine?.firstMs),
    ms(m.buildMs),
    String(m.rows),
  ];
  const peer = m.duckdbRows === null || m.duckdbRows === m.rows ? "" : `; DuckDB gave ${m.duckdbRows} rows`;
  const cpu = m.onCpu.length === 0 ? "" : `; on the CPU: ${m.onCpu.join(", ")}`;
  return `${cells(texts, timeWidths)}  ${m.check}${cpu}${peer}`;
}

function pausedText({ engine, polars }: Measurement): string {
  if (engine === null || engine.pausedMs === null || polars.pausedMs === null) return "-";
  return `${ms(engine.pausedMs)} ${digits(polars.pausedMs / engine.pausedMs)}x`;
}

const insideWidths = [5, 8, 8, 9, 8, 10, 6, 8, 8, 8];

export const insideHeader = cells(
  ["query", "plan ms", "run ms", "kernel ms", "rest ms", "dispatches", "trips", "MB up", "MB down", "GB/s"],
  insideWidths,
);

/** `run ms` starts after planning; `rest ms` is `run ms` without the kernels; `trips` are waits of the host for the device. */
export function insideLine(query: number, i: Inside, bandwidth: Bandwidth | null): string {
  const texts = [
    `Q${query}`,
    ms(i.planMs),
    ms(i.gpuMs),
    ms(i.kernelMs),
    ms(i.hostMs),
    String(i.dispatches),
    String(i.roundTrips),
    ms(i.bytesUp / 1e6),
    ms(i.bytesDown / 1e6),
    ms(i.gigabytesPerSecond),
  ];
  const speed = i.gigabytesPerSecond;
  if (speed === null || bandwidth === null) return cells(texts, insideWidths);
  const share = (of: number): string => `${((100 * speed) / of).toFixed(1)}%`;
  return `${cells(texts, insideWidths)}  ${share(bandwidth.read)} of what a sum reads, ${share(bandwidth.copy)} of what a copy moves`;
}

/** The slowest kernels of a query, a line for each. */
export const kernelLines = ({ kernels }: Inside, most: number): readonly string[] =>
  kernels
    .slice(0, most)
    .map(({ name, launches, ms: time }) => `        ${time.toFixed(3).padStart(10)} ms ${String(launches).padStart(5)} x ${name}`);

/** Geometric means of the ratios of the queries that were measured. */
export function summary(mode: Mode, all: readonly Measurement[]): string {
  const mean = (other: (m: Measurement) => Timing | null): string => {
    const logs = all.flatMap((m) => {
      const theirs = other(m);
      return m.engine === null || theirs === null ? [] : [Math.log(theirs.medianMs / m.engine.medianMs)];
    });
    return logs.length === 0 ? "-" : `${digits(Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length))}x`;
  };
  const measured = all.filter((m) => m.engine !== null).length;
  return `${mode}: ${mean((m) => m.polars)} CPU polars, ${mean((m) => m.duckdb)} DuckDB (geometric means of ${measured} queries, above 1 the engine is faster)`;
}
