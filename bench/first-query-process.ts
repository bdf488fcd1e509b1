/**
 * What bench/first-query.ts measures in a process of its own: `node first-query-process.ts URL` imports nodejs-polars and the package at URL, runs a
 * query on the GPU, runs it again with other constants, and prints a FirstQuery as JSON.
 */
import { difference } from "./compare.ts";

/** Milliseconds of the first query of a process, and what the second one of its shape cost. */
export interface FirstQuery {
  readonly adapter: string;
  /** Node itself, until the first line of the program. */
  readonly nodeMs: number;
  readonly importPolarsMs: number;
  readonly importMs: number;
  /** Making the frame and the lazy frame. */
  readonly buildMs: number;
  /** Reading, translating and optimising the plan. */
  readonly translateMs: number;
  /** Finding the adapter and opening the device. */
  readonly openMs: number;
  /** Above what the second query takes: compiling the kernels, and the first use of everything else. */
  readonly compileMs: number;
  /** The run of the second query, planning excluded. */
  readonly runMs: number;
  /** From the import of nodejs-polars, which is not in it, to the result. */
  readonly totalMs: number;
  /** The second query as the caller sees it. */
  readonly secondMs: number;
  readonly pipelines: number;
  /** Pipelines that the second query compiled. */
  readonly pipelinesOfSecond: number;
  /** `agrees`, or what is wrong. */
  readonly check: string;
}

const ROWS = 1_000;

const nodeMs = performance.now();
const { default: pl } = await import("nodejs-polars");
const polarsMs = performance.now();
const api: typeof import("../src/index.ts") = await import(process.argv[2] ?? "../src/index.ts");
const importedMs = performance.now();

const keys = Array.from({ length: ROWS }, (_, i) => i % 7);
const values = Array.from({ length: ROWS }, (_, i) => i * 0.25);
const frame = pl.DataFrame({ key: keys, value: values });
const query = (least: number, factor: number) =>
  frame
    .lazy()
    .filter(pl.col("value").gt(least))
    .groupBy("key")
    .agg(pl.col("value").mul(factor).sum().alias("total"), pl.len().alias("number"))
    .sort("key");
const engine = new api.GPUEngine({ raiseOnFail: true, progress: "none" });
const first = query(10, 2);
const builtMs = performance.now();
const firstResult = await first.collect({ engine });
const firstEndMs = performance.now();
const report = engine.lastQuery;
const pipelines = (await engine.deviceStats())?.pipelines ?? 0;

const second = query(20, 3);
const secondStartMs = performance.now();
const secondResult = await second.collect({ engine });
const secondMs = performance.now() - secondStartMs;
const again = engine.lastQuery;
const pipelinesOfSecond = ((await engine.deviceStats())?.pipelines ?? 0) - pipelines;

const wrong = difference(await first.collect(), firstResult) ?? difference(await second.collect(), secondResult);
const [translateMs, runMs] = [report?.planMs ?? 0, report?.gpuMs ?? 0];
const result: FirstQuery = {
  adapter: report?.adapter ?? "",
  nodeMs,
  importPolarsMs: polarsMs - nodeMs,
  importMs: importedMs - polarsMs,
  buildMs: builtMs - importedMs,
  translateMs,
  openMs: firstEndMs - builtMs - translateMs - runMs,
  compileMs: runMs - (again?.gpuMs ?? 0),
  runMs: again?.gpuMs ?? 0,
  totalMs: firstEndMs - polarsMs,
  secondMs,
  pipelines,
  pipelinesOfSecond,
  check: wrong ?? "agrees",
};
await engine.close();
process.stdout.write(JSON.stringify(result), () => process.exit(0));
