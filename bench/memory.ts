/**
 * `npm run bench:memory -- --scale 1 --queries all --part 0.1 --runs 1`: PDS-H from Parquet under a device memory limit, by both streaming engines. The
 * limit is a part of what the query takes at its highest without one. Every result is compared with that of CPU polars.
 */
import { parseArgs } from "node:util";
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { GPUEngine, type GPUEngineOptions } from "../src/index.ts";
import { difference, summingTolerance } from "./compare.ts";
import { ensureData, scanTables } from "./pdsh/generate.ts";
import { parseQueries, queryOf } from "./pdsh/queries/index.ts";
import { lineitemRows } from "./pdsh/tables/orders.ts";
import { middle, type TimedRun } from "./timing.ts";

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "1" },
    queries: { type: "string", default: "all" },
    /** The limit, as a part of the highest use without one. */
    part: { type: "string", default: "0.1" },
    /** No limit is below so many MiB: a few buffers of fixed size are always there. */
    least: { type: "string", default: "16" },
    /** The limit in MiB, in place of a part. */
    limit: { type: "string" },
    /** Timed runs, of which the median is printed. */
    runs: { type: "string", default: "1" },
  },
});
const scale = Number(values.scale);
const part = Number(values.part);
const runs = Math.max(1, Number(values.runs));
const tolerance = summingTolerance(lineitemRows(scale));
await ensureData(scale, (line) => console.log(`[data] ${line}`));
const tables = scanTables(scale);

interface Run {
  readonly ms: number;
  readonly peakBytes: number;
  readonly spilledBytes: number;
  /** `identical`, or what is wrong. */
  readonly check: string;
}

/** The median of the runs of a new engine behind the first one, which compiles the kernels. */
async function run(lf: LazyDataFrame, expected: DataFrame, options: GPUEngineOptions): Promise<Run> {
  const warnings: string[] = [];
  const engine = new GPUEngine({ warn: (message) => void warnings.push(message), ...options });
  try {
    await lf.collect({ engine });
    const timed: TimedRun<DataFrame>[] = [];
    while (timed.length < runs) {
      const start = performance.now();
      const value = await lf.collect({ engine });
      timed.push({ ms: performance.now() - start, value });
    }
    const { ms, value: frame } = middle(timed) ?? { ms: 0, value: expected };
    const fallback = engine.lastQuery?.fallback ?? null;
    const wrong = fallback === null ? difference(expected, frame, tolerance) : `CPU polars answered: ${fallback}`;
    const spilledBytes = fallback === null ? (await engine.profile(lf)).spilled.toHost : 0;
    return { ms, peakBytes: (await engine.deviceStats())?.peakBytes ?? 0, spilledBytes, check: wrong ?? "identical" };
  } finally {
    await engine.close();
  }
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
let failed = 0;
console.log("query  engine      slowdown   unlimited ms  limited ms        peak       limit     spilled  check");
for (const number of parseQueries(values.queries)) {
  const lf = queryOf(number)(tables);
  const expected = await lf.collect();
  for (const engine of ["tasks", "rapidsmpf"] as const) {
    const executorOptions = { engine, fallbackMode: "silent" } as const;
    const free = await run(lf, expected, { executorOptions });
    const limit = Math.floor(
      values.limit === undefined ? Math.max(free.peakBytes * part, Number(values.least) * 2 ** 20) : Number(values.limit) * 2 ** 20,
    );
    const limited = await run(lf, expected, { executorOptions, deviceMemoryLimit: limit });
    if (free.check !== "identical" || limited.check !== "identical") failed += 1;
    console.log(
      [
        `Q${number}`.padEnd(5),
        engine.padEnd(10),
        `${(limited.ms / free.ms).toFixed(2)}x`.padStart(9),
        free.ms.toFixed(1).padStart(13),
        limited.ms.toFixed(1).padStart(11),
        mib(free.peakBytes).padStart(11),
        mib(limit).padStart(11),
        mib(limited.spilledBytes).padStart(11),
        free.check === "identical" ? limited.check : free.check,
      ].join("  "),
    );
  }
}
process.exit(failed === 0 ? 0 : 1);
