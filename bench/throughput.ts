/**
 * `npm run bench -- throughput --scale 1 --queries 1,3,5,6,12,14 --concurrency 2,4,8,16 --json FILE`: queries per second of one process that has several
 * PDS-H queries on their way at once, against one after the other, tables on the device; beside CPU polars, tables in memory, in the same two ways.
 * LazyFrames are built beforehand. Nothing runs on the CPU but what exports a result (`raiseOnFail`), and the last result of each query is compared
 * with that of CPU polars.
 */
import { parseArgs } from "node:util";
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import { difference, summingTolerance } from "./compare.ts";
import { openEngine } from "./engine.ts";
import { hostOf } from "./machine.ts";
import { count, notNegative, numberOption, positive } from "./options.ts";
import { ensureData, scanTables } from "./pdsh/generate.ts";
import { parseQueries, queryOf } from "./pdsh/queries/index.ts";
import { lineitemRows } from "./pdsh/tables/orders.ts";
import { writeResults } from "./results.ts";
import { cells, digits } from "./table.ts";
import { lazyTables, loadTables } from "./tables.ts";

const { values } = parseArgs({
  options: {
    scale: { type: "string", default: "1" },
    queries: { type: "string", default: "1,3,5,6,12,14" },
    /** Queries at once, separated by commas. */
    concurrency: { type: "string", default: "2,4,8,16" },
    /** Seconds that do not count, of each side at each concurrency. */
    warmup: { type: "string", default: "1" },
    /** Seconds after which no further round of the queries is begun. */
    seconds: { type: "string", default: "5" },
    json: { type: "string" },
  },
});
const scale = numberOption("scale", values.scale, positive);
const numbers = parseQueries(values.queries);
const levels = [...new Set([1, ...values.concurrency.split(",").map((text) => numberOption("concurrency", text, count))])];
const warmup = numberOption("warmup", values.warmup, notNegative);
const seconds = numberOption("seconds", values.seconds, positive);

/** A query as one side runs it. */
interface Job {
  readonly number: number;
  run(): Promise<DataFrame>;
}

interface Throughput {
  readonly concurrency: number;
  readonly queries: number;
  readonly perSecond: number;
}

/** Keeps `concurrency` jobs on their way, in turn, until `limit` seconds have gone by and the round is complete; `take` gets the results. */
async function throughput(
  jobs: readonly Job[],
  concurrency: number,
  limit: number,
  take: (number: number, frame: DataFrame) => void,
): Promise<Throughput> {
  const begin = performance.now();
  let started = 0;
  const worker = async (): Promise<void> => {
    while (started % jobs.length > 0 || performance.now() - begin < limit * 1000) {
      const job = jobs[started++ % jobs.length];
      if (job !== undefined) take(job.number, await job.run());
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { concurrency, queries: started, perSecond: started / ((performance.now() - begin) / 1000) };
}

interface Level {
  readonly concurrency: number;
  readonly engine: Throughput;
  readonly polars: Throughput;
  /** `agrees`, or what is wrong. */
  readonly check: string;
}

await ensureData(scale, (text) => console.log(`[data] ${text}`));
const tables = await loadTables(scanTables(scale));
const session = openEngine({ profile: false, raiseOnFail: true });
const memory = lazyTables(tables, (frame) => frame.lazy());
const resident = session.resident(tables);
const tolerance = summingTolerance(lineitemRows(scale));

const jobsOf = (of: typeof memory, collect: (lf: LazyDataFrame) => Promise<DataFrame>): readonly Job[] =>
  numbers.map((number) => {
    const lf = queryOf(number)(of);
    return { number, run: () => collect(lf) };
  });
let adapter = "";
const engineJobs = jobsOf(resident, async (lf) => {
  const { frame, report } = await session.collect(lf);
  adapter = report?.adapter ?? adapter;
  return frame;
});
const polarsJobs = jobsOf(memory, (lf) => lf.collect());

const expected = new Map<number, DataFrame>();
for (const { number, run } of polarsJobs) expected.set(number, await run());

function check(results: ReadonlyMap<number, DataFrame>): string {
  for (const [number, frame] of results) {
    const right = expected.get(number);
    const wrong = right === undefined ? null : difference(right, frame, tolerance);
    if (wrong !== null) return `Q${number}: ${wrong}`;
  }
  return "agrees";
}

async function measure(concurrency: number): Promise<Level> {
  const results = new Map<number, DataFrame>();
  const keep = (number: number, frame: DataFrame): void => void results.set(number, frame);
  const drop = (): void => undefined;
  await throughput(engineJobs, concurrency, warmup, drop);
  const engine = await throughput(engineJobs, concurrency, seconds, keep);
  await throughput(polarsJobs, concurrency, warmup, drop);
  const polars = await throughput(polarsJobs, concurrency, seconds, drop);
  return { concurrency, engine, polars, check: check(results) };
}

const widths = [8, 9, 12, 15, 12, 15];
const measured: Level[] = [];
console.log(`scale factor ${scale}, queries ${numbers.join(", ")}`);
console.log(cells(["at once", "x polars", "engine q/s", "x one by one", "polars q/s", "x one by one"], widths));
for (const concurrency of levels) {
  const level = await measure(concurrency);
  measured.push(level);
  const [first = level] = measured;
  const { engine, polars } = level;
  const texts = [
    `${concurrency}`,
    `${digits(engine.perSecond / polars.perSecond)}x`,
    digits(engine.perSecond),
    `${digits(engine.perSecond / first.engine.perSecond)}x`,
    digits(polars.perSecond),
    `${digits(polars.perSecond / first.polars.perSecond)}x`,
  ];
  console.log(`${cells(texts, widths)}  ${level.check}`);
  writeResults(values.json, { scale, queries: numbers, seconds, host: hostOf(), adapter, measured });
}
await session.close();
process.exit(measured.every((level) => level.check === "agrees") ? 0 : 1);
