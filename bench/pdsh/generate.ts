/** Makes the PDS-H tables once for each scale factor, on all cores, and keeps them as Parquet under bench/data/. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { chunksOf, type TableName, tableNames } from "./chunks.ts";
import { generators } from "./tables/index.ts";
import { Workers } from "./workers.ts";
import { type ChunkJob, type WrittenRows, writeChunk } from "./write-chunk.ts";

/** The eight tables as lazy frames, and the scale factor, which Q11 needs. */
export type Tables = Readonly<Record<TableName, LazyDataFrame>> & { readonly scale: number };

/** Chosen so that every query has an answer already at scale 0.01. */
const seed = 11;
const rowsPerChunk = 1_000_000;
/** Raised whenever the generated data changes. */
const version = 1;
/** Below this scale factor every table is one chunk, and starting processes would cost more than they save. */
const smallScale = 0.1;
const progressMs = 5_000;

/** Where the data of a scale factor lies: `<table>/part-NNN.parquet`. */
export const dataDirectory = (scale: number): string => join(import.meta.dirname, "..", "data", `pdsh-sf${scale}`);

const stamp = (scale: number): string => JSON.stringify({ scale, seed, version, rowsPerChunk });

/** Generates the data of a scale factor unless it is there: the same rows whatever the machine. `say` hears a line every few seconds. */
export async function ensureData(scale: number, say: (line: string) => void): Promise<void> {
  const directory = dataDirectory(scale);
  if (isMade(scale)) return;
  const building = `${directory}.${process.pid}`;
  rmSync(building, { recursive: true, force: true });
  for (const name of tableNames) mkdirSync(join(building, name), { recursive: true });
  const start = performance.now();
  const seconds = (): string => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  say(`making PDS-H data at scale factor ${scale} under ${directory}`);
  const rows = new Map<TableName, number>();
  const count = (written: WrittenRows): void => {
    for (const name of tableNames) rows.set(name, (rows.get(name) ?? 0) + (written[name] ?? 0));
  };
  const told = (): string => `${tableNames.map((name) => `${name} ${rows.get(name) ?? 0}`).join(", ")} rows (${seconds()})`;
  const progress = setInterval(() => say(told()), progressMs);
  try {
    if (scale < smallScale) for (const job of jobs(scale, building)) count(writeChunk(job));
    else await onWorkers(jobs(scale, building), count);
  } finally {
    clearInterval(progress);
  }
  say(told());
  writeFileSync(join(building, "stamp.json"), stamp(scale));
  publish(building, scale);
}

/** Puts finished data in its place, where other processes may be reading what they made themselves meanwhile. */
function publish(building: string, scale: number): void {
  const directory = dataDirectory(scale);
  try {
    renameSync(building, directory);
  } catch {
    if (isMade(scale)) rmSync(building, { recursive: true });
    else {
      rmSync(directory, { recursive: true, force: true });
      renameSync(building, directory);
    }
  }
}

function* jobs(scale: number, directory: string): Generator<ChunkJob> {
  for (const [stream, generator] of generators)
    for (const chunk of chunksOf(generator, scale, seed, rowsPerChunk)) yield { stream, scale, directory, chunk };
}

/** Finds the chunks here while other processes make them. */
async function onWorkers(work: Iterable<ChunkJob>, count: (written: WrittenRows) => void): Promise<void> {
  const workers = new Workers(availableParallelism());
  try {
    const running: Promise<void>[] = [];
    for (const job of work) {
      running.push(workers.run(job).then(count));
      await setImmediate();
    }
    await Promise.all(running);
  } finally {
    workers.close();
  }
}

/** Whether the data of a scale factor is there as this version makes it; another process may have made it meanwhile. */
function isMade(scale: number): boolean {
  const file = join(dataDirectory(scale), "stamp.json");
  return existsSync(file) && readFileSync(file, "utf8") === stamp(scale);
}

/** Lazy scans of the data of a scale factor, which `ensureData` must have made. */
export function scanTables(scale: number): Tables {
  const scan = (name: TableName): LazyDataFrame => {
    const directory = join(dataDirectory(scale), name);
    const single = !existsSync(join(directory, "part-001.parquet"));
    return pl.scanParquet(join(directory, single ? "part-000.parquet" : "*.parquet"));
  };
  return {
    scale,
    customer: scan("customer"),
    lineitem: scan("lineitem"),
    nation: scan("nation"),
    orders: scan("orders"),
    part: scan("part"),
    partsupp: scan("partsupp"),
    region: scan("region"),
    supplier: scan("supplier"),
  };
}
