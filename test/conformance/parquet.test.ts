/** Columns of Parquet files that are decoded here: what the device holds is what CPU polars reads, whatever the encoding, compression and cut. */

import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { DuckDBInstance } from "@duckdb/node-api";
import pl, { type DataFrame } from "nodejs-polars";
import { everyDtype } from "../../src/conformance/fixture.ts";
import { exportFrame } from "../../src/fallback/export.ts";
import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { type Decoding, decodable } from "../../src/fallback/parquet/columns.ts";
import { importDecoded } from "../../src/fallback/parquet/decoded-import.ts";
import { filesWithin, parquetFiles } from "../../src/fallback/parquet/files.ts";
import { Device } from "../../src/gpu/device.ts";
import { GPUEngine } from "../../src/index.ts";
import type { Scan } from "../../src/ir/plan.ts";
import type { Schema } from "../../src/ir/schema.ts";
import { dtypeFromDsl } from "../../src/polars/dtypes.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import { zeroFrame } from "../../src/polars/zero-frame.ts";

const polars = ownPolarsModule();
assert.ok(polars !== undefined);
const { native, eagerWrappers } = polars;
const root = mkdtempSync(join(tmpdir(), "parquet-test-"));

let device: Device;
before(async () => {
  device = await Device.open();
});
afterEach(() => assert.equal(device.stats.allocatedBytes, 0, "device memory that stayed in use"));
after(() => {
  device.destroy();
  rmSync(root, { recursive: true });
});

const schemaOf = (frame: DataFrame): Schema => zeroFrame(frame._df).fields.map(([name, dtype]) => ({ name, dtype: dtypeFromDsl(dtype) }));

/** The scan of a path as the optimiser has it. */
function scanOf(path: string): Scan {
  const schema = schemaOf(pl.scanParquet(path).head(0).collectSync());
  const dsl = pl.scanParquet(path).serialize("json").toString();
  return { kind: "scan", dsl, format: "Parquet", predicate: null, slice: null, schema, fileSchema: schema };
}

/** Decodes rows of what is at the path, and compares with CPU polars; the names of the columns that were decoded, null where it could not be. */
async function compare(path: string, offset: number, length: number): Promise<readonly string[] | null> {
  const threads = await compareDecoded(path, offset, length, "threads");
  assert.deepEqual(await compareDecoded(path, offset, length, "device"), threads);
  return threads;
}

async function compareDecoded(path: string, offset: number, length: number, decoding: Decoding): Promise<readonly string[] | null> {
  const scan = scanOf(path);
  const files = await parquetFiles(scan);
  assert.ok(files !== null);
  const part = filesWithin(files, { offset, length });
  const schema = decodable(part.files, scan.schema);
  const batch = await importDecoded(native, device, part, schema, decoding);
  if (batch === null) return null;
  const names = schema.map(({ name }) => name);
  const expected = pl
    .scanParquet(path)
    .slice(offset, length)
    .select(...names)
    .collectSync();
  const actual = eagerWrappers._DataFrame(await exportFrame(native, device, [batch], schema));
  assert.equal(frameDifference(expected, actual, {}), null);
  for (const { buffer } of batch.columns.values()) buffer.release();
  return names;
}

const DECODED = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "date", "ms", "us", "ns", "utc", "zoned", "time"];
const rows = (count: number): DataFrame => everyDtype(count);
type Compression = "uncompressed" | "snappy" | "gzip" | "zstd" | "lz4";
const write = (frame: DataFrame, path: string, rowGroupSize: number, compression: Compression = "zstd"): DataFrame =>
  frame.lazy().sinkParquet(path, { rowGroupSize, compression }).collectSync();

for (const compression of ["uncompressed", "snappy", "gzip", "zstd"] as const) {
  test(`every dtype of fixed width, with nulls, compressed by ${compression}`, async () => {
    const path = join(root, `${compression}.parquet`);
    write(rows(5000), path, 700, compression);
    const names = await compare(path, 0, 5000);
    for (const name of DECODED) assert.ok(names?.includes(name), `${name} of ${names?.join(", ")}`);
    await compare(path, 699, 2);
    await compare(path, 1234, 2345);
    await compare(path, 4999, 1);
  });
}

test("columns without nulls, of nulls alone, of few values, of one value, of ever new values", async () => {
  const count = 100_000;
  const at = (f: (i: number) => number) => Float64Array.from({ length: count }, (_, i) => f(i));
  const path = join(root, "values.parquet");
  const frame = pl
    .DataFrame({ few: at((i) => (i * 7919) % 17), one: at(() => 4.5), all: at((i) => i * 1.1), wide: at((i) => (i * 104_729) % 70_000) })
    .withColumns(
      pl.col("few").cast(pl.Int64).as("few_i"),
      pl.col("wide").cast(pl.Int32).as("wide_i"),
      pl.when(pl.col("few").gt(100)).then(pl.col("all")).otherwise(pl.lit(null)).as("none"),
      pl.col("few").cast(pl.Int32).cast(pl.Utf8).as("text"),
      pl
        .when(pl.col("few").gt(3))
        .then(pl.concatString([pl.lit("äö€ "), pl.col("few").cast(pl.Int32).cast(pl.Utf8)], ""))
        .otherwise(pl.lit(null))
        .as("text_n"),
      pl.col("all").cast(pl.Utf8).as("long"),
      pl.when(pl.col("few").gt(3)).then(pl.col("wide")).otherwise(pl.lit(null)).as("some"),
      pl.when(pl.col("all").lt(50_000)).then(pl.col("few").cast(pl.Int32)).otherwise(pl.lit(null)).as("first"),
    );
  write(frame, path, 30_000);
  const names = await compare(path, 0, count);
  assert.deepEqual(
    frame.columns.filter((name) => !names?.includes(name)),
    ["long"],
  );
  await compare(path, 29_999, 30_002);
});

test("what the device decodes is uploaded as it is in the file", async () => {
  const count = 100_000;
  const path = join(root, "as-it-is.parquet");
  const columns = {
    plain: Float64Array.from({ length: count }, (_, i) => ((i * 7919) % 100_000) / 100),
    indexed: Int32Array.from({ length: count }, (_, i) => (i * 7919) % 977),
  };
  for (const compression of ["zstd", "uncompressed"] as const) {
    write(pl.DataFrame(columns).withColumns(pl.col("indexed").cast(pl.Utf8).as("text")), path, 30_000, compression);
    const uploaded: number[] = [];
    for (const decoding of ["threads", "device"] as const) {
      const before = device.stats.bytesUp;
      assert.deepEqual(await compareDecoded(path, 100, count - 200, decoding), ["plain", "indexed", "text"]);
      uploaded.push(device.stats.bytesUp - before);
    }
    const [threads = 0, onDevice = 0] = uploaded;
    assert.ok(threads >= 16 * (count - 200));
    assert.ok(onDevice < (compression === "zstd" ? 0.6 : 0.8) * threads, `${onDevice} of ${threads} bytes, ${compression}`);
  }
});

/** Texts of three bytes, any of 400, one after another: a match of three bytes each at high levels. */
const shortMatches = (rows: number): Int32Array => {
  let seed = 7;
  const next = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed >>> 8;
  };
  const texts = Array.from({ length: 400 }, () => Uint8Array.of(next(), next(), next()));
  const bytes = new Uint8Array(rows * 4);
  for (let at = 0; at + 3 <= bytes.length; at += 3) bytes.set(texts[next() % 400] ?? [], at);
  return new Int32Array(bytes.buffer);
};

test("pages with more sequences than a binding has room for are decoded on threads", async () => {
  const count = 60_000;
  const path = join(root, "short-matches.parquet");
  const frame = pl.DataFrame({ x: shortMatches(count) });
  frame.lazy().sinkParquet(path, { rowGroupSize: count, compression: "zstd", compressionLevel: 19 }).collectSync();
  const own = device;
  device = await Device.open({ maxBindingBytes: 1 << 19 });
  try {
    assert.deepEqual(await compare(path, 0, count), ["x"]);
    assert.equal(device.stats.allocatedBytes, 0);
  } finally {
    device.destroy();
    device = own;
  }
});

const DUCKDB_COLUMNS = [
  "i::INTEGER AS i32",
  "(i * 7919 % 977)::BIGINT AS few",
  "(i * 7919 % 4)::INTEGER AS four",
  "7::BIGINT AS one",
  "i / 3.0::DOUBLE AS f64",
  "(i % 11)::DOUBLE AS repeated",
  "(i / 7)::FLOAT AS f32",
  "(i % 200)::UTINYINT AS u8",
  "(i * 31 % 3000)::USMALLINT AS u16",
  "DATE '2020-01-01' + (i % 1000)::INTEGER AS date",
  "TIMESTAMP '2020-01-01 00:00:00' + INTERVAL (i) SECOND AS us",
  "'text ' || (i % 37) AS text",
  "CASE WHEN i % 7 = 0 THEN NULL ELSE i::INTEGER END AS some",
  "CASE WHEN i > 9000 AND i % 5 = 0 THEN NULL ELSE i % 50 END AS late",
  "CASE WHEN i % 5 = 0 THEN NULL ELSE 'x' || (i % 9) END AS some_text",
];
for (const compression of ["zstd", "snappy", "uncompressed"])
  for (const version of ["V1", "V2"])
    test(`files of DuckDB: ${compression}, ${version}`, async () => {
      const count = 10_007;
      const path = join(root, `duckdb-${compression}-${version}.parquet`);
      const instance = await DuckDBInstance.create(":memory:");
      const connection = await instance.connect();
      try {
        await connection.run(
          `COPY (SELECT ${DUCKDB_COLUMNS.join(", ")} FROM range(${count}) r(i)) TO '${path}'
          (FORMAT parquet, COMPRESSION ${compression}, ROW_GROUP_SIZE 4096, PARQUET_VERSION ${version})`,
        );
      } finally {
        connection.closeSync();
        instance.closeSync();
      }
      const names = await compare(path, 0, count);
      // The second version has encodings that are left to CPU polars, where values do not repeat.
      const expected =
        version === "V1" ? DUCKDB_COLUMNS.map((sql) => sql.slice(sql.lastIndexOf(" ") + 1)) : ["four", "one", "text", "some_text"];
      for (const name of expected) assert.ok(names?.includes(name), name);
      await compare(path, 4095, 2);
      await compare(path, 2500, 5001);
    });

test("several files, some of whose rows are wanted", async () => {
  const folder = join(root, "several");
  mkdirSync(folder);
  for (let i = 0; i < 4; i++) write(rows(1000 + i), join(folder, `${i}.parquet`), 333);
  await compare(`${folder}/*.parquet`, 0, 4006);
  await compare(`${folder}/*.parquet`, 990, 1100);
  await compare(`${folder}/*.parquet`, 2000, 1);
});

test("several imports at once, and row groups that are larger than what is moved at once", async () => {
  const count = 1_500_000;
  const path = join(root, "wide.parquet");
  const frame = pl.DataFrame({
    a: Float64Array.from({ length: count }, (_, i) => i / 3),
    b: Int32Array.from({ length: count }, (_, i) => i % 77),
  });
  write(frame, path, count);
  for (let i = 0; i < 2; i++) {
    const names = await Promise.all([compare(path, 0, count), compare(path, 1, count - 1), compare(path, 1_048_570, 10)]);
    for (const own of names) assert.deepEqual(own, ["a", "b"]);
  }
});

test("special values keep their bits", async () => {
  const path = join(root, "bits.parquet");
  const words = [0x7ff0_0000_0000_0001n, 0xfff8_0000_0000_0123n, 0x8000_0000_0000_0000n, 0x7ff0_0000_0000_0000n, -1n, 0n];
  pl.DataFrame({
    i: pl.Series(
      "i",
      words.map((w) => BigInt.asIntN(64, w)),
      pl.Int64,
    ),
  }).writeParquet(path);
  assert.deepEqual(await compare(path, 0, 6), ["i"]);
});

test("files that cannot be decoded, that are damaged or cut off are left to CPU polars", async () => {
  const path = join(root, "whole.parquet");
  write(rows(5000), path, 5000, "lz4");
  const { schema, ...scan } = scanOf(path);
  assert.deepEqual(decodable((await parquetFiles({ schema, ...scan })) ?? [], schema), []);

  write(rows(5000), path, 5000);
  const damaged = join(root, "damaged.parquet");
  copyFileSync(path, damaged);
  const file = openSync(damaged, "r+");
  for (let at = 4; at < 4000; at += 50) writeSync(file, new Uint8Array([0xff]), 0, 1, at);
  assert.equal(await compare(damaged, 0, 5000), null);
  const files = await parquetFiles(scanOf(path));
  assert.ok(files !== null);
  const part = filesWithin(files, { offset: 0, length: 5000 });
  truncateSync(path, 2000);
  for (const decoding of ["threads", "device"] as const)
    assert.equal(await importDecoded(native, device, part, decodable(part.files, schema), decoding), null);
});

test("large files: queries over decoded columns and texts beside them, with and without nulls", async () => {
  const count = 2_300_000;
  const path = join(root, "large.parquet");
  const at = (f: (i: number) => number) => Float64Array.from({ length: count }, (_, i) => f(i));
  const frame = pl
    .DataFrame({ a: at((i) => (i * 7919) % 100_003), b: at((i) => i / 4) })
    .withColumns(
      pl.col("a").cast(pl.Int64).modulo(13).cast(pl.Utf8).as("t"),
      pl.when(pl.col("b").modulo(3).eq(0)).then(pl.lit(null)).otherwise(pl.col("a").cast(pl.Int32)).as("n"),
    );
  write(frame, path, 400_000);
  const query = () =>
    pl
      .scanParquet(path)
      .groupBy("t")
      .agg(pl.col("a").sum(), pl.col("b").max(), pl.col("n").sum().as("n"), pl.col("n").count().as("c"))
      .sort("t");
  // Most rows: the device drops the others. Few rows: CPU polars does.
  const some = (from: number) =>
    pl
      .scanParquet(path)
      .filter(
        pl
          .col("b")
          .gt(from)
          .and(pl.col("t").neq(pl.lit("7"))),
      )
      .select(pl.col("a").sum(), pl.col("n").max(), pl.len());
  const most = await some(1000).collect();
  const few = await some(560_000).collect();
  const parts = [
    () => pl.scanParquet(path, { nRows: 2_200_000 }).select(pl.col("a").sum(), pl.col("b").sum(), pl.len()),
    () => pl.scanParquet(path).withRowIndex("row", 5).filter(pl.col("a").gt(3)).select(pl.col("b").sum(), pl.col("row").sum()),
    () => pl.scanParquet(path).slice(100, 2_199_000).select(pl.col("a").sum(), pl.col("b").max(), pl.len()),
  ];
  const expected = await query().collect();
  for (const options of [
    { executor: "in-memory" },
    {},
    { executorOptions: { engine: "rapidsmpf", targetPartitionSize: 40_000_000 } },
    { parquetDecoding: "device" },
    { parquetDecoding: "device", deviceMemoryLimit: 100 << 20 },
  ] as const) {
    const engine = new GPUEngine({ raiseOnFail: true, residentMemoryLimit: 0, ...options });
    assert.equal(frameDifference(expected, await query().collect({ engine }), { rel: 1e-12 }), null);
    for (const part of parts) assert.equal(frameDifference(await part().collect(), await part().collect({ engine }), { rel: 1e-12 }), null);
    assert.equal(frameDifference(most, await some(1000).collect({ engine }), { rel: 1e-12 }), null);
    assert.equal(frameDifference(few, await some(560_000).collect({ engine }), { rel: 1e-12 }), null);
    assert.equal((await engine.deviceStats())?.allocatedBytes, 0);
    await engine.close();
  }
});

test("a footer that tells of no nulls where there are some is not trusted", async () => {
  const path = join(root, "wrong-null-count.parquet");
  const nulls = 1234;
  pl.DataFrame({ x: Array.from({ length: 5000 }, (_, i) => (i < nulls ? null : i)) }).writeParquet(path, { compression: "uncompressed" });
  assert.deepEqual(await compare(path, 0, 5000), ["x"]);
  const bytes = readFileSync(path);
  const footer = bytes.byteLength - 8 - bytes.readUInt32LE(bytes.byteLength - 8);
  const counted = Buffer.from([((2 * nulls) & 0x7f) | 0x80, (2 * nulls) >> 7]);
  const at = bytes.indexOf(counted, footer);
  assert.ok(at > 0);
  bytes.set([0x80, 0], at);
  writeFileSync(path, bytes);
  assert.equal(await compare(path, 0, 5000), null);
});
