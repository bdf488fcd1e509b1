/** Scans of Parquet, IPC, CSV and NDJSON files: what is pushed into them, several files, row index, errors. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-scan-"));
const file = (name: string): string => join(folder, name);

after(async () => {
  await closeEngines();
  rmSync(folder, { recursive: true, force: true });
});

const plain = everyDtype(40).select("row", "i64", "u8", "f64", "bool", "date", "us", "str", "k");
plain.writeParquet(file("a.parquet"));
plain.head(7).writeParquet(file("b.parquet"));
plain.head(0).writeParquet(file("empty.parquet"));
plain.writeIPC(file("a.ipc"));
plain.select("row", "i64", "bool", "str", "k").writeCSV(file("a.csv"));
plain.select("row", "i64", "bool", "str", "k").writeJSON(file("a.ndjson"), { format: "lines" });

const FORMATS: readonly { readonly name: string; readonly scan: () => LazyDataFrame }[] = [
  { name: "Parquet", scan: () => pl.scanParquet(file("a.parquet")) },
  { name: "IPC", scan: () => pl.scanIPC(file("a.ipc")) },
  { name: "CSV", scan: () => pl.scanCSV(file("a.csv")) },
  { name: "NDJSON", scan: () => pl.scanJson(file("a.ndjson")) },
];
const c = pl.col;
const PARTITIONS = { partitions: [null, 17] } as const;

for (const { name, scan } of FORMATS) {
  test(`${name}: whole, columns, predicates, slices, aggregates`, async () => {
    await assertGpuEqualsCpu(() => scan(), PARTITIONS);
    await assertGpuEqualsCpu(() => scan().select("str", "row"), PARTITIONS);
    await assertGpuEqualsCpu(
      () =>
        scan()
          .filter(c("k").eq(1).and(c("row").gt(3)))
          .select("row", "bool"),
      PARTITIONS,
    );
    await assertGpuEqualsCpu(() => scan().filter(c("str").str.contains("a")).head(4), PARTITIONS);
    await assertGpuEqualsCpu(() => scan().slice(5, 9).select("i64"), PARTITIONS);
    await assertGpuEqualsCpu(() => scan().tail(3).select("row", "str"), PARTITIONS);
    await assertGpuEqualsCpu(() => scan().select(pl.len()), PARTITIONS);
    await assertGpuEqualsCpu(() => scan().groupBy("k", true).agg(c("row").sum().as("s"), c("str").first().as("f")), PARTITIONS);
    await assertGpuEqualsCpu(() => scan().filter(c("row").lt(0)), PARTITIONS);
  });
}

for (const engine of ["tasks", "rapidsmpf"] as const) {
  test(`${engine}: the first rows of several files that are partitions of their own`, async () => {
    const gpu = { executorOptions: { engine, targetPartitionSize: 60 } };
    for (const nRows of [3, 39, 41, 45, 1000])
      for (const path of ["[ab].parquet", "a.parquet"])
        await assertGpuEqualsCpu(() => pl.scanParquet(file(path), { nRows }).select("row", "str"), { partitions: [17], engine: gpu });
  });
}

test("several files, and a file without rows", async () => {
  await assertGpuEqualsCpu(
    () => pl.scanParquet(file("*.parquet")).groupBy("k", true).agg(pl.len().as("n"), c("row").sum().as("s")),
    PARTITIONS,
  );
  await assertGpuEqualsCpu(() => pl.scanParquet(file("empty.parquet")).filter(c("row").gt(1)), PARTITIONS);
  await assertGpuEqualsCpu(
    () => pl.concat([pl.scanParquet(file("b.parquet")), pl.scanIPC(file("a.ipc"))]).select("row", "str"),
    PARTITIONS,
  );
});

test("row index, and options of the readers", async () => {
  await assertGpuEqualsCpu(
    () => pl.scanParquet(file("a.parquet"), { rowIndexName: "n", rowIndexOffset: 3 }).filter(c("n").gt(10)).select("n", "row"),
    PARTITIONS,
  );
  await assertGpuEqualsCpu(() => pl.scanParquet(file("a.parquet"), { nRows: 5 }).select("row", "f64"), PARTITIONS);
  await assertGpuEqualsCpu(() => pl.scanCSV(file("a.csv"), { hasHeader: true, nRows: 6, inferSchemaLength: 0 }), PARTITIONS);
});

test("a file joined with memory and with itself", async () => {
  await assertGpuEqualsCpu(
    () => pl.scanParquet(file("a.parquet")).join(plain.lazy().select("row", "u8").tail(9), { on: "row", how: "left", suffix: "_m" }),
    { ...PARTITIONS, order: "any" },
  );
  await assertGpuEqualsCpu(() => pl.scanIPC(file("a.ipc")).join(pl.scanIPC(file("a.ipc")).filter(c("bool")), { on: "row", how: "semi" }), {
    ...PARTITIONS,
    order: "any",
  });
});

test("files that are missing or broken are polars' own errors", async () => {
  await assertSameError(() => pl.scanParquet(file("absent.parquet")));
  await assertSameError(() => pl.scanParquet(file("a.csv")).select("row"));
  await assertSameError(() => pl.scanIPC(file("a.ipc")).select("absent"));
});
