/** DuckDB as a peer of the benchmark, over the same Parquet files or over tables in its memory. */
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { tableNames } from "./pdsh/chunks.ts";
import { dataDirectory } from "./pdsh/generate.ts";

/** One in-memory database. Close it to give its memory back. */
export interface DuckDBSession {
  readonly version: string;
  /** Runs a query to its last row. Returns the number of rows. */
  run(sql: string): Promise<number>;
  /** The rows of a query as JavaScript values: 64-bit integers are bigints, dates are Dates. */
  rows(sql: string): Promise<readonly (readonly unknown[])[]>;
  close(): void;
}

/** Opens a database whose eight tables are the Parquet data of a scale factor: as views when `resident` is false, else copied into memory. */
export async function openDuckDB(scale: number, resident: boolean): Promise<DuckDBSession> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (const name of tableNames) {
    const files = join(dataDirectory(scale), name, "*.parquet").replaceAll("'", "''");
    await connection.run(`create ${resident ? "table" : "view"} ${name} as select * from read_parquet('${files}')`);
  }
  const version = await connection.runAndReadAll("select version()");
  return {
    version: String(version.getRows()[0]?.[0]),
    run: async (sql) => (await connection.runAndReadAll(sql)).currentRowCount,
    rows: async (sql) => (await connection.runAndReadAll(sql)).getRowsJS(),
    close: () => {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
