/** Makes the PDS-H tables once for each scale factor and keeps them as Parquet under bench/data/; nothing but one chunk is held in memory. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { customer } from "./tables/customer.ts";
import { nation } from "./tables/nation.ts";
import { orders } from "./tables/orders.ts";
import { part } from "./tables/part.ts";
import { supplier } from "./tables/supplier.ts";

export const tableNames = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"] as const;
export type TableName = (typeof tableNames)[number];

/** The eight tables as lazy frames, and the scale factor, which Q11 needs. */
export type Tables = Readonly<Record<TableName, LazyDataFrame>> & { readonly scale: number };

/** Yields the rows of one or two tables in key order, in chunks of about `rowsPerChunk` rows of the larger table. */
export type TableChunks = (scale: number, seed: number, rowsPerChunk: number) => Generator<Readonly<Partial<Record<TableName, DataFrame>>>>;

/** Chosen so that every query has an answer already at scale 0.01. */
const seed = 11;
const rowsPerChunk = 1_000_000;
/** Raised whenever the generated data changes. */
const version = 1;

const generators: readonly TableChunks[] = [nation, supplier, part, customer, orders];

/** Where the data of a scale factor lies: `<table>/part-NNN.parquet`. */
export const dataDirectory = (scale: number): string => join(import.meta.dirname, "..", "data", `pdsh-sf${scale}`);

const stamp = (scale: number): string => JSON.stringify({ scale, seed, version, rowsPerChunk });

/** Generates the data of a scale factor unless it is there. `say` hears a line for each step. */
export async function ensureData(scale: number, say: (line: string) => void): Promise<void> {
  const directory = dataDirectory(scale);
  if (isMade(scale)) return;
  const building = `${directory}.${process.pid}`;
  rmSync(building, { recursive: true, force: true });
  const start = performance.now();
  say(`making PDS-H data at scale factor ${scale} under ${directory}`);
  const rows = new Map<TableName, number>();
  const parts = new Map<TableName, number>();
  for (const generate of generators) {
    for (const chunk of generate(scale, seed, rowsPerChunk)) {
      for (const name of tableNames) {
        const frame = chunk[name];
        if (frame === undefined) continue;
        const number = parts.get(name) ?? 0;
        mkdirSync(join(building, name), { recursive: true });
        frame.writeParquet(join(building, name, `part-${String(number).padStart(3, "0")}.parquet`), { compression: "zstd" });
        parts.set(name, number + 1);
        rows.set(name, (rows.get(name) ?? 0) + frame.height);
      }
      const sizes = Object.keys(chunk).flatMap((name) =>
        tableNames.filter((known) => known === name).map((known) => `${known} ${rows.get(known)}`),
      );
      say(`${sizes.join(", ")} rows (${((performance.now() - start) / 1000).toFixed(1)} s)`);
      await setImmediate(); // the finalizers that free polars' memory run between turns
    }
  }
  writeFileSync(join(building, "stamp.json"), stamp(scale));
  if (isMade(scale)) rmSync(building, { recursive: true });
  else {
    rmSync(directory, { recursive: true, force: true });
    renameSync(building, directory);
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
