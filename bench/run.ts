/**
 * `npm run bench -- --scale 1 --queries all --runs 3 --mode cold|hot|both --json FILE`: the engine beside CPU polars and DuckDB, on the same
 * data in the same process. Cold is Parquet to DataFrame; hot has the tables in memory, for the engine resident on the device.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { copyBandwidth } from "./bandwidth.ts";
import { difference } from "./compare.ts";
import { openDuckDB } from "./duckdb.ts";
import { type EngineSession, openEngine } from "./engine.ts";
import { ensureData, scanTables, type TableName, type Tables } from "./pdsh/generate.ts";
import { parseQueries, queryOf } from "./pdsh/queries/index.ts";
import { sqlOf } from "./pdsh/sql.ts";

type Mode = "cold" | "hot";

/** Milliseconds are the best of the runs after one to warm up. `check` is `identical`, the first difference or error, or null without an engine. */
interface Measurement {
  readonly mode: Mode;
  readonly query: number;
  readonly rows: number;
  /** Building the lazy frame in JavaScript, which no other number contains. */
  readonly buildMs: number;
  readonly polarsMs: number;
  readonly duckdbMs: number;
  readonly engineMs: number | null;
  /** The engine's first run, which compiles kernels and, when hot, uploads the columns. */
  readonly firstMs: number | null;
  readonly kernelMs: number | null;
  readonly onCpu: readonly string[];
  readonly check: string | null;
}

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "0.1" },
    queries: { type: "string", default: "all" },
    runs: { type: "string", default: "3" },
    mode: { type: "string", default: "both" },
    json: { type: "string" },
    streaming: { type: "boolean", default: false },
  },
});
const scale = Number(values.scale);
if (!(scale > 0)) throw new RangeError(`--scale: '${values.scale}' is not a positive number`);
const runs = Number(values.runs);
if (!Number.isInteger(runs) || runs < 1) throw new RangeError(`--runs: '${values.runs}' is not a whole number above 0`);
const numbers = parseQueries(values.queries);
const modes = (["cold", "hot"] as const).filter((mode) => values.mode === "both" || values.mode === mode);
if (modes.length === 0) throw new RangeError(`--mode: '${values.mode}' is not cold, hot or both`);

/** Runs `work` once to warm up, then `times` times. Resolves with the last result, the shortest of the later runs and the first run's time. */
async function best<T>(
  times: number,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly ms: number; readonly firstMs: number }> {
  const begin = performance.now();
  let result = await work();
  const firstMs = performance.now() - begin;
  let ms = times === 0 ? firstMs : Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    result = await work();
    ms = Math.min(ms, performance.now() - start);
  }
  return { result, ms, firstMs };
}

/** The same for the engine: null without one, and what it threw in place of a result, so that one query cannot end the benchmark. */
async function bestOfEngine(session: EngineSession | null, lf: LazyDataFrame) {
  if (session === null) return null;
  try {
    return { ...(await best(runs, () => session.collect(lf))), error: null };
  } catch (error) {
    return { result: null, ms: null, firstMs: null, error: error instanceof Error ? error.message : String(error) };
  }
}

/** The tables as frames in memory, whose columns the engine keeps on the device from their first use on. */
async function residentTables(tables: Tables): Promise<Tables> {
  const load = async (name: TableName): Promise<LazyDataFrame> => (await tables[name].collect()).lazy();
  return {
    scale,
    customer: await load("customer"),
    lineitem: await load("lineitem"),
    nation: await load("nation"),
    orders: await load("orders"),
    part: await load("part"),
    partsupp: await load("partsupp"),
    region: await load("region"),
    supplier: await load("supplier"),
  };
}

async function measure(mode: Mode, tables: Tables, session: EngineSession | null): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  const duckdb = await openDuckDB(scale, mode === "hot");
  console.log(`\n${mode}: scale ${scale}, best of ${runs} after a warm-up, DuckDB ${duckdb.version}`);
  console.log(row("query", "x polars", "x duckdb", "engine ms", "kernels", "polars ms", "duckdb ms", "build ms", "rows", "check"));
  for (const query of numbers) {
    const built = await best(0, async () => queryOf(query)(tables));
    const lf = built.result;
    const polars = await best<DataFrame>(runs, () => lf.collect({ streaming: values.streaming }));
    const peer = await best(runs, () => duckdb.run(sqlOf(query, scale)));
    const engine = await bestOfEngine(session, lf);
    const report = session?.report() ?? null;
    const measurement: Measurement = {
      mode,
      query,
      rows: polars.result.height,
      buildMs: built.ms,
      polarsMs: polars.ms,
      duckdbMs: peer.ms,
      engineMs: engine?.ms ?? null,
      firstMs: engine?.firstMs ?? null,
      kernelMs: report?.gpuMs ?? null,
      onCpu: (report?.nodes ?? []).filter(({ where }) => where === "CPU").map(({ name, reason }) => `${name}: ${reason ?? ""}`),
      check:
        engine === null
          ? null
          : engine.result === null
            ? `error: ${engine.error}`
            : (difference(polars.result, engine.result) ?? "identical"),
    };
    measurements.push(measurement);
    console.log(line(measurement, peer.result));
  }
  duckdb.close();
  return measurements;
}

const row = (...cells: readonly string[]): string => cells.map((cell) => cell.padStart(10)).join(" ");
const fixed = (value: number | null): string => (value === null ? "-" : value.toFixed(1));
const ratio = (other: number, own: number | null): string => (own === null ? "-" : (other / own).toFixed(2));

function line(m: Measurement, peerRows: number): string {
  const peer = peerRows === m.rows ? "" : ` (DuckDB gave ${peerRows} rows)`;
  const times = [fixed(m.engineMs), fixed(m.kernelMs), fixed(m.polarsMs), fixed(m.duckdbMs), fixed(m.buildMs)];
  return `${row(`Q${m.query}`, ratio(m.polarsMs, m.engineMs), ratio(m.duckdbMs, m.engineMs), ...times, String(m.rows), m.check ?? "-")}${peer}`;
}

/** Geometric means of the two ratios, the summary of a mode. */
function summary(mode: Mode, all: readonly Measurement[]): string {
  const measured = all.filter((m) => m.mode === mode && m.engineMs !== null);
  if (measured.length === 0) return `${mode}: no engine to compare`;
  const mean = (other: (m: Measurement) => number): string =>
    Math.exp(measured.reduce((sum, m) => sum + Math.log(other(m) / (m.engineMs ?? 1)), 0) / measured.length).toFixed(2);
  return `${mode}: ${mean((m) => m.polarsMs)} x CPU polars, ${mean((m) => m.duckdbMs)} x DuckDB (geometric mean of ${measured.length} queries, above 1 the engine is faster)`;
}

await ensureData(scale, (text) => console.log(`[data] ${text}`));
const bandwidth = await copyBandwidth();
console.log(bandwidth === null ? "no WebGPU adapter" : `${bandwidth.adapter}: copies ${bandwidth.gigabytesPerSecond.toFixed(0)} GB/s`);
const session = await openEngine();
const tables = scanTables(scale);
const measurements: Measurement[] = [];
for (const mode of modes) measurements.push(...(await measure(mode, mode === "cold" ? tables : await residentTables(tables), session)));
await session?.close();
console.log("");
for (const mode of modes) console.log(summary(mode, measurements));
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ scale, runs, bandwidth, node: process.version, measurements }, null, 2)}\n`);
  console.log(`written to ${values.json}`);
}
process.exit(measurements.some(({ check }) => check !== null && check !== "identical") ? 1 : 0);
