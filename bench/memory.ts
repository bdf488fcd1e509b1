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
import { middle, type TimedRun, timedOnce } from "./timing.ts";

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

/** The medians of the runs of new engines, which take turns, behind a first run of each, which compiles the kernels. */
async function run(lf: LazyDataFrame, expected: DataFrame, options: readonly GPUEngineOptions[]): Promise<readonly Run[]> {
  const engines = options.map((of) => new GPUEngine({ warn: () => undefined, placement: "gpu", residentMemoryLimit: 0, ...of }));
  try {
    for (const engine of engines) await lf.collect({ engine });
    const timed = engines.map((): TimedRun<DataFrame>[] => []);
    for (let turn = 0; turn < runs; turn++)
      for (const [i, engine] of engines.entries()) timed[i]?.push(await timedOnce(() => lf.collect({ engine })));
    const results: Run[] = [];
    for (const [i, engine] of engines.entries()) results.push(await resultOf(lf, expected, engine, timed[i] ?? []));
    return results;
  } finally {
    for (const engine of engines) await engine.close();
  }
}

async function resultOf(lf: LazyDataFrame, expected: DataFrame, engine: GPUEngine, timed: readonly TimedRun<DataFrame>[]): Promise<Run> {
  const { ms, value } = middle(timed) ?? { ms: 0, value: expected };
  const fallback = engine.lastQuery?.fallback ?? null;
  const wrong = fallback === null ? difference(expected, value, tolerance) : `CPU polars answered: ${fallback}`;
  const spilledBytes = fallback === null ? (await engine.profile(lf)).spilled.toHost : 0;
  return { ms, peakBytes: (await engine.deviceStats())?.peakBytes ?? 0, spilledBytes, check: wrong ?? "identical" };
}

const ENGINES = ["tasks", "rapidsmpf"] as const;
const executorOptionsOf = (engine: (typeof ENGINES)[number]) => ({ engine, fallbackMode: "silent" }) as const;
const limitOf = (peakBytes: number): number =>
  Math.floor(values.limit === undefined ? Math.max(peakBytes * part, Number(values.least) * 2 ** 20) : Number(values.limit) * 2 ** 20);

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
let failed = 0;
console.log("query  engine      slowdown   unlimited ms  limited ms        peak       limit     spilled  check");
for (const number of parseQueries(values.queries)) {
  const lf = queryOf(number)(tables);
  const expected = await lf.collect();
  const unlimited = await run(
    lf,
    expected,
    ENGINES.map((engine) => ({ executorOptions: executorOptionsOf(engine) })),
  );
  const limits = unlimited.map(({ peakBytes }) => limitOf(peakBytes));
  const bounded = await run(
    lf,
    expected,
    ENGINES.map((engine, i) => ({ executorOptions: executorOptionsOf(engine), deviceMemoryLimit: limits[i] ?? null })),
  );
  for (const [i, engine] of ENGINES.entries()) {
    const [free, limited, limit] = [unlimited[i], bounded[i], limits[i]];
    if (free === undefined || limited === undefined || limit === undefined) continue;
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
