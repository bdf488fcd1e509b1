/**
 * `npm run bench -- pdsh --scale 1 --queries all --runs 5 --mode cold|hot|both --json FILE`: the engine beside CPU polars and DuckDB, on the
 * same data in the same process. Every result of the engine is compared with that of CPU polars; a difference fails the run.
 */
import { parseArgs } from "node:util";
import { openEngine } from "./engine.ts";
import { machineLines, machineOf } from "./machine.ts";
import { type Measurement, type Mode, measure, type Sides } from "./measure.ts";
import { countOrNone, effortOf, effortOptions, numberOption, positive } from "./options.ts";
import { ensureData, scanTables } from "./pdsh/generate.ts";
import { parseQueries } from "./pdsh/queries/index.ts";
import { insideHeader, insideLine, kernelLines, summary, timeHeader, timeLine } from "./report.ts";
import { writeResults } from "./results.ts";
import { lazyTables, loadTables } from "./tables.ts";

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "0.1" },
    queries: { type: "string", default: "all" },
    ...effortOptions({ warmup: "1", runs: "5", seconds: "10", paused: "3" }),
    mode: { type: "string", default: "both" },
    /** How many kernels of each query are printed; 0 does without the engine that profiles. */
    kernels: { type: "string", default: "5" },
    /** MiB of the buffers over which bandwidth is measured. */
    bandwidth: { type: "string", default: "1024" },
    json: { type: "string" },
    duckdb: { type: "boolean", default: true },
    streaming: { type: "boolean", default: false },
    /** `gpu`: every query on the GPU. `auto`: on the side that the engine takes by itself. */
    placement: { type: "string", default: "gpu" },
  },
  allowNegative: true,
});

const scale = numberOption("scale", values.scale, positive);
const effort = effortOf(values);
const kernels = numberOption("kernels", values.kernels, countOrNone);
const queries = parseQueries(values.queries);
const modes = (["hot", "cold"] as const).filter((mode) => values.mode === "both" || values.mode === mode);
if (modes.length === 0) throw new RangeError(`--mode: '${values.mode}' is not cold, hot or both`);

const say = (text: string): void => console.log(text);

await ensureData(scale, (text) => say(`[data] ${text}`));
const files = scanTables(scale);

const machine = await machineOf(numberOption("bandwidth", values.bandwidth, positive) * 2 ** 20);
for (const line of machineLines(machine)) say(line);

if (values.placement !== "gpu" && values.placement !== "auto")
  throw new RangeError(`--placement: '${values.placement}' is not gpu or auto`);
const session = openEngine({ profile: false, placement: values.placement });
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
  const frames = await loadTables(files);
  return {
    tables: lazyTables(frames, (frame) => frame.lazy()),
    lineitemRows: frames.lineitem.height,
    duckdb,
    engine: { session, tables: session.resident(frames) },
    profiling: profiling === null ? null : { session: profiling, tables: profiling.resident(frames) },
    streaming,
  };
}

const writeJson = (): void =>
  writeResults(values.json, { scale, effort, machine, duckdb: duckdbVersion, streaming: values.streaming, measurements });

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
    say(insideLine(query, inside, machine.bandwidth));
    for (const text of kernelLines(inside, kernels)) say(text);
  }
}
await session.close();
await profiling?.close();
process.exit(measurements.every(({ same }) => same) ? 0 : 1);
