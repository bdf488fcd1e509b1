/**
 * `npm run bench -- --scale 1 --queries all --runs 5 --mode cold|hot|both --json FILE`: the engine beside CPU polars and DuckDB, on the
 * same data in the same process. Every result of the engine is compared with that of CPU polars; a difference fails the run.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { DataFrame } from "nodejs-polars";
import { measureBandwidth } from "./bandwidth.ts";
import { openEngine, type ResidentSources } from "./engine.ts";
import { type Measurement, type Mode, measure, type Sides } from "./measure.ts";
import type { TableName } from "./pdsh/chunks.ts";
import { ensureData, scanTables } from "./pdsh/generate.ts";
import { parseQueries } from "./pdsh/queries/index.ts";
import { insideHeader, insideLine, kernelLines, summary, timeHeader, timeLine } from "./report.ts";

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "0.1" },
    queries: { type: "string", default: "all" },
    /** Seconds for which each side warms up before its runs count. */
    warmup: { type: "string", default: "1" },
    /** Counted runs of each side. */
    runs: { type: "string", default: "5" },
    /** Seconds after which no further run of a side is started. */
    seconds: { type: "string", default: "10" },
    mode: { type: "string", default: "both" },
    /** How many kernels of each query are printed; 0 does without the engine that profiles. */
    kernels: { type: "string", default: "5" },
    json: { type: "string" },
    duckdb: { type: "boolean", default: true },
    streaming: { type: "boolean", default: false },
  },
  allowNegative: true,
});

function number(name: "scale" | "warmup" | "runs" | "seconds" | "kernels", fits: (value: number) => boolean): number {
  const value = Number(values[name]);
  if (!fits(value)) throw new RangeError(`--${name}: '${values[name]}' is not possible`);
  return value;
}

const scale = number("scale", (value) => value > 0);
const effort = {
  warmup: number("warmup", (v) => v >= 0),
  runs: number("runs", (v) => Number.isInteger(v) && v > 0),
  seconds: number("seconds", (v) => v > 0),
};
const kernels = number("kernels", (value) => Number.isInteger(value) && value >= 0);
const queries = parseQueries(values.queries);
const modes = (["hot", "cold"] as const).filter((mode) => values.mode === "both" || values.mode === mode);
if (modes.length === 0) throw new RangeError(`--mode: '${values.mode}' is not cold, hot or both`);

const say = (text: string): void => console.log(text);

await ensureData(scale, (text) => say(`[data] ${text}`));
const files = scanTables(scale);

/** The tables in memory. */
async function loadTables(): Promise<ResidentSources> {
  const load = (name: TableName): Promise<DataFrame> => files[name].collect();
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

const bandwidth = await measureBandwidth();
if (bandwidth === null) throw new Error("no WebGPU adapter");
say(`${bandwidth.adapter}: copies ${bandwidth.copy.toFixed(0)} GB/s (read + written), a sum reads ${bandwidth.read.toFixed(0)} GB/s`);
say(`${cpus()[0]?.model ?? "?"}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`);

const session = openEngine({ profile: false });
const profiling = kernels > 0 ? openEngine({ profile: true }) : null;
const measurements: Measurement[] = [];
let duckdbVersion: string | null = null;

async function sidesOf(mode: Mode): Promise<Sides> {
  // loaded only when asked for, so that --no-duckdb runs on a host without the package
  const duckdb = values.duckdb ? await (await import("./duckdb.ts")).openDuckDB(scale, mode === "hot") : null;
  duckdbVersion = duckdb?.version ?? null;
  const { streaming } = values;
  if (mode === "cold") {
    const profilingSide = profiling === null ? null : { session: profiling, tables: files };
    return { tables: files, lineitemRows: null, duckdb, engine: { session, tables: files }, profiling: profilingSide, streaming };
  }
  const frames = await loadTables();
  return {
    tables: {
      scale,
      customer: frames.customer.lazy(),
      lineitem: frames.lineitem.lazy(),
      nation: frames.nation.lazy(),
      orders: frames.orders.lazy(),
      part: frames.part.lazy(),
      partsupp: frames.partsupp.lazy(),
      region: frames.region.lazy(),
      supplier: frames.supplier.lazy(),
    },
    lineitemRows: frames.lineitem.height,
    duckdb,
    engine: { session, tables: await session.resident(frames) },
    profiling: profiling === null ? null : { session: profiling, tables: await profiling.resident(frames) },
    streaming,
  };
}

/** Written after each query, so that a run that is cut short leaves what it has measured. */
function writeJson(): void {
  if (values.json === undefined) return;
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), memoryBytes: totalmem(), node: process.version };
  const written = { scale, effort, bandwidth, machine, duckdb: duckdbVersion, streaming: values.streaming, measurements };
  writeFileSync(values.json, `${JSON.stringify(written, null, 1)}\n`);
}

const places = {
  hot: "hot: tables in memory for CPU polars (DataFrames) and DuckDB (its tables), on the device for the engine",
  cold: "cold: Parquet files to a DataFrame on every side, the file cache of the system warm",
} as const;

for (const mode of modes) {
  const start = performance.now();
  const sides = await sidesOf(mode);
  say(`\n${places[mode]} (ready after ${((performance.now() - start) / 1000).toFixed(1)} s)`);
  say(timeHeader);
  for (const query of queries) {
    const measurement = await measure(mode, query, sides, effort);
    measurements.push(measurement);
    say(timeLine(measurement));
    writeJson();
  }
  sides.duckdb?.close();
  const measured = measurements.filter((m) => m.mode === mode);
  say(summary(mode, measured));
  say(`\n${mode}, inside the engine\n${insideHeader}`);
  for (const { query, inside } of measured) {
    if (inside === null) continue;
    say(insideLine(query, inside, bandwidth));
    for (const text of kernelLines(inside, kernels)) say(text);
  }
}
await session.close();
await profiling?.close();
process.exit(measurements.every(({ same }) => same) ? 0 : 1);
