/** One query over ten partitions that shuffles, joins, groups and sorts, on either streaming engine, and what has to hold after it failed or not. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { after } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import type { ExecutorOptions } from "../../../src/config.ts";
import { frameDifference } from "../../../src/fallback/frame-difference.ts";
import { GPUEngine, type GPUEngineOptions } from "../../../src/index.ts";
import { bytesOfQueries } from "../harness.ts";

const c = pl.col;
const PARTITIONS = 10;

export const ENGINES = ["tasks", "rapidsmpf"] as const;
export type EngineName = (typeof ENGINES)[number];

/** Shuffles everything, or broadcasts and reduces by trees. */
export const SHUFFLED: ExecutorOptions = { broadcastJoinLimit: 2, uniqueFraction: { k: 0.5 } };
export const TREES: ExecutorOptions = { broadcastJoinLimit: 32, groupbyNAry: 3 };

/** A query, the answer of CPU polars, and rows of a partition. */
export interface Case {
  readonly query: () => LazyDataFrame;
  readonly expected: pl.DataFrame;
  readonly partition: number;
}

export function caseOf(rows: number): Case {
  const numbers = (name: string, of: (row: number) => number) =>
    pl.Series(
      name,
      Array.from({ length: rows }, (_, row) => of(row)),
      pl.Int32,
    );
  const left = pl.DataFrame([numbers("k", (row) => (row * 7) % (rows >> 2)), numbers("v", (row) => row % 11)]);
  const right = pl.DataFrame([numbers("k", (row) => row % (rows >> 1)), numbers("w", (row) => row)]);
  const query = (): LazyDataFrame =>
    left.lazy().join(right.lazy(), { on: "k" }).groupBy("k", true).agg(c("w").max().as("m"), pl.len().as("n")).sort("m", true);
  return { query, expected: query().collectSync(), partition: rows / PARTITIONS };
}

export interface Opened extends Case {
  readonly gpu: GPUEngine;
  readonly warnings: string[];
}

export function open(of: Case, engine: EngineName, executorOptions: ExecutorOptions, options: GPUEngineOptions = {}): Opened {
  const warnings: string[] = [];
  const gpu = new GPUEngine({
    warn: (message) => void warnings.push(message),
    executorOptions: { engine, maxRowsPerPartition: of.partition, ...executorOptions },
    ...options,
  });
  return { ...of, gpu, warnings };
}

const rejections: unknown[] = [];
process.on("unhandledRejection", (reason) => void rejections.push(reason));
after(() => assert.deepEqual(rejections, []));

/** Folders for temporary files that this process has. */
export const folders = (): readonly string[] =>
  [tmpdir(), "/dev/shm"].flatMap((root) => {
    try {
      return readdirSync(root).filter((name) => name.startsWith("polars-webgpu-") && name.includes(`-${process.pid}-`));
    } catch {
      return [];
    }
  });

/** Neither device memory, nor files, nor rejected promises. */
export async function assertNothingLeft({ gpu }: Opened, what: string): Promise<void> {
  assert.equal(bytesOfQueries(await gpu.deviceStats()), 0, `${what}: device memory stays in use`);
  assert.deepEqual(folders(), [], `${what}: temporary files`);
  assert.deepEqual(rejections, [], `${what}: unhandled rejections`);
}

/** The query gives the right answer, with one warning where the CPU gave it; whether the GPU did. */
export async function answers({ gpu, warnings, query, expected }: Opened, what: string): Promise<boolean> {
  warnings.length = 0;
  const actual = await query().collect({ engine: gpu });
  assert.equal(frameDifference(expected, actual, {}), null, what);
  const onGpu = gpu.lastQuery?.fallback === null;
  assert.equal(warnings.length, onGpu ? 0 : 1, `${what}: warnings ${JSON.stringify(warnings)}`);
  return onGpu;
}

/** The GPU gives the right answer, and nothing is left. */
export async function undisturbed(of: Opened, what: string): Promise<void> {
  assert.ok(await answers(of, what), `${what}: runs on the GPU`);
  await assertNothingLeft(of, what);
}
