/** Sinks: the files that CPU polars writes, by every executor and engine, of many partitions; nothing is left of one that fails. */

import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parquetMetadata } from "hyparquet";
import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { everyDtype } from "../../src/conformance/fixture.ts";
import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { GPUEngine, type GPUEngineOptions, InvalidPlanError, UnsupportedError } from "../../src/index.ts";

const c = pl.col;
const folder = mkdtempSync(join(tmpdir(), "sink-test-"));
const scratch = join(folder, "scratch");
mkdirSync(scratch);
process.env.TMPDIR = scratch;
const engines: GPUEngine[] = [];
after(async () => {
  await Promise.all(engines.map((e) => e.close()));
  rmSync(folder, { recursive: true });
});

const open = (options: GPUEngineOptions): GPUEngine => {
  const engine = new GPUEngine({ warn: "silent", raiseOnFail: true, ...options });
  engines.push(engine);
  return engine;
};
const PARTITIONED = 40;
const ENGINES: Readonly<Record<string, GPUEngine>> = {
  "in-memory": open({ executor: "in-memory" }),
  "one partition": open({}),
  tasks: open({ executorOptions: { engine: "tasks", maxRowsPerPartition: PARTITIONED } }),
  rapidsmpf: open({ executorOptions: { engine: "rapidsmpf", maxRowsPerPartition: PARTITIONED } }),
};
const { tasks } = ENGINES;
assert(tasks !== undefined);

let count = 0;
/** A folder that a test has to itself. */
const place = (): string => {
  const path = join(folder, String(count++));
  mkdirSync(path);
  return path;
};

const frame = everyDtype(203);
const FLAT = ["row", "i8", "u64", "f32", "f64", "bool", "date", "us", "zoned", "time", "str", "cat", "dec"];
const rows = (): LazyDataFrame => frame.lazy().filter(c("row").lt(190)).withColumns(c("small").plus(1).as("more"));
const flat = (): LazyDataFrame => rows().select(...FLAT, "more");

/** The same sink by CPU polars and by every engine; `same` compares the two files. Nothing but the file is there afterwards. */
async function sinks(name: string, sink: (path: string) => LazyDataFrame, same: (expected: string, actual: string) => void): Promise<void> {
  const expected = join(place(), name);
  const answer = await sink(expected).collect();
  for (const [of, engine] of Object.entries(ENGINES)) {
    const own = place();
    const actual = join(own, name);
    const given = await sink(actual).collect({ engine });
    assert.deepEqual([given.shape, given.columns], [answer.shape, answer.columns], of);
    assert.equal(engine.lastQuery?.fallback, null, of);
    assert.match(engine.lastQuery?.nodes[0]?.name ?? "", / SINK$/);
    assert.deepEqual(readdirSync(own), [name], of);
    assert.deepEqual(readdirSync(scratch), [], of);
    assert.equal((await engine.deviceStats())?.allocatedBytes, 0, of);
    same(expected, actual);
  }
}

const sameBytes = (expected: string, actual: string): void =>
  assert.equal(readFileSync(actual, "latin1"), readFileSync(expected, "latin1"));
const sameRows =
  (read: (path: string) => DataFrame) =>
  (expected: string, actual: string): void => {
    const found = frameDifference(read(expected), read(actual), {});
    if (found !== null) assert.fail(found);
  };
const parquet = sameRows((path) => pl.readParquet(path));
const ipc = sameRows((path) => pl.scanIPC(path).collectSync());

const metadata = (path: string) => {
  const bytes = readFileSync(path);
  return parquetMetadata(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};

test("parquet: every dtype", async () => {
  await sinks("x.parquet", (path) => rows().sinkParquet(path), parquet);
});

test("parquet: row groups, compression and statistics are those that were asked for", async () => {
  const options = { rowGroupSize: 50, compression: "gzip", compressionLevel: 3, statistics: "full" } as const;
  await sinks(
    "x.parquet",
    (path) => flat().sinkParquet(path, { ...options }),
    (expected, actual) => {
      parquet(expected, actual);
      const facts = (path: string) =>
        metadata(path).row_groups.map((group) => [
          group.num_rows,
          group.columns.map(({ meta_data }) => [meta_data?.codec, meta_data?.statistics]),
        ]);
      assert.equal(facts(expected).length, 4);
      assert.deepEqual(facts(actual), facts(expected));
    },
  );
});

test("csv: bytes", async () => {
  await sinks("x.csv", (path) => flat().sinkCSV(path), sameBytes);
});

test("csv: every option", async () => {
  const options = {
    includeBom: true,
    includeHeader: false,
    separator: ";",
    quoteChar: "'",
    lineTerminator: "\r\n",
    dateFormat: "%d.%m.%Y",
    timeFormat: "%H-%M",
    datetimeFormat: "%Y/%m/%d",
    floatPrecision: 3,
    decimalComma: true,
    nullValue: "NULL",
    quoteStyle: "always",
  } as const;
  await sinks("x.csv", (path) => flat().sinkCSV(path, { ...options }), sameBytes);
});

test("csv: compressed", async () => {
  const read = sameRows((path) => pl.readCSV(path, { inferSchemaLength: 0 }));
  await sinks("x.csv.gz", (path) => flat().sinkCSV(path, { compression: "gzip", compressionLevel: 2 }), read);
  await sinks("x.csv", (path) => flat().sinkCSV(path, { compression: "zstd", checkExtension: false }), read);
});

test("ndjson", async () => {
  const columns = ["row", "f64", "str", "bool", "list", "struct", "more"];
  await sinks(
    "x.ndjson",
    (path) =>
      rows()
        .select(...columns)
        .sinkNdJson(path),
    sameBytes,
  );
  await sinks(
    "x.ndjson.zst",
    (path) =>
      rows()
        .select(...columns)
        .sinkNdJson(path, { compression: "zstd" }),
    (_, actual) => {
      assert.equal(readFileSync(actual).readUInt32LE(0), 0xfd2fb528);
    },
  );
});

test("ipc: every dtype, compression and compatibility", async () => {
  await sinks("x.arrow", (path) => rows().sinkIpc(path), ipc);
  await sinks("x.arrow", (path) => rows().sinkIpc(path, { compression: "zstd", compatLevel: "oldest" }), ipc);
});

test("an empty result, sorted and grouped ones, and one of the first rows", async () => {
  await sinks("x.parquet", (path) => rows().filter(c("row").lt(0)).sinkParquet(path), parquet);
  await sinks("x.csv", (path) => flat().filter(c("row").lt(0)).sinkCSV(path), sameBytes);
  await sinks("x.csv", (path) => flat().sort(["str", "row"]).sinkCSV(path), sameBytes);
  await sinks("x.csv", (path) => flat().sort(["row"], true).head(50).sinkCSV(path), sameBytes);
  await sinks("x.csv", (path) => flat().head(90).sinkCSV(path), sameBytes);
  await sinks("x.arrow", (path) => rows().groupBy("g", true).agg(c("small").sum()).sinkIpc(path), ipc);
});

test("a file that is read is replaced by a sink of itself", async () => {
  for (const engine of Object.values(ENGINES)) {
    const path = join(place(), "x.parquet");
    frame.writeParquet(path);
    await pl.scanParquet(path).filter(c("row").lt(100)).sinkParquet(path).collect({ engine });
    assert.equal(pl.readParquet(path).height, 100);
  }
});

test("folders are made where polars is asked to", async () => {
  const path = join(place(), "a", "b", "x.csv");
  await flat().sinkCSV(path, { mkdir: true }).collect({ engine: tasks });
  assert.equal(tasks.lastQuery?.fallback, null);
  assert.equal(pl.readCSV(path).height, 190);
});

test("a file that is replaced hands down its permissions, a link its place", async () => {
  const own = place();
  const [path, link] = [join(own, "x.csv"), join(own, "link.csv")];
  writeFileSync(path, "old");
  chmodSync(path, 0o640);
  symlinkSync(path, link);
  await flat().sinkCSV(link).collect({ engine: tasks });
  assert.equal(pl.readCSV(path).height, 190);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert(lstatSync(link).isSymbolicLink());
  assert.deepEqual(readdirSync(own).sort(), ["link.csv", "x.csv"]);
});

test("polars judges the name that it is given, not the one behind a link", async () => {
  const own = place();
  const [path, link] = [join(own, "bytes"), join(own, "x.csv.gz")];
  writeFileSync(path, "old");
  symlinkSync(path, link);
  await flat().sinkCSV(link, { compression: "gzip" }).collect({ engine: tasks });
  assert.equal(readFileSync(path).readUInt16LE(0), 0x8b1f);
});

test("without room for parts CPU polars answers, with a warning", async () => {
  const warnings: string[] = [];
  const engine = open({
    raiseOnFail: false,
    warn: (message) => void warnings.push(message),
    executorOptions: { maxRowsPerPartition: PARTITIONED },
  });
  const path = join(place(), "x.csv");
  process.env.TMPDIR = join(scratch, "none");
  try {
    await flat().sinkCSV(path).collect({ engine });
  } finally {
    process.env.TMPDIR = scratch;
  }
  assert.match(warnings.join(), /no room for the parts/);
  assert.equal(pl.readCSV(path).height, 190);
});

async function messageOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  assert.fail("it was not rejected");
}

/** Rejected as CPU polars rejects it; what was there before is there afterwards. */
async function rejected(name: string, sink: (path: string) => LazyDataFrame, before: (path: string) => void = () => {}): Promise<void> {
  const run = async (engine: GPUEngine | null): Promise<string> => {
    const own = place();
    const path = join(own, name);
    before(path);
    const there = readdirSync(own, { recursive: true });
    const text = statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path, "utf8") : null;
    const message = await messageOf(() => (engine === null ? sink(path).collect() : sink(path).collect({ engine })));
    if (engine !== null) {
      assert.deepEqual(readdirSync(own, { recursive: true }), there);
      if (text !== null) assert.equal(readFileSync(path, "utf8"), text);
      assert.deepEqual(readdirSync(scratch), []);
    }
    return message.replaceAll(own, "");
  };
  const expected = await run(null);
  for (const engine of Object.values(ENGINES)) assert.equal(await run(engine), expected);
}

const old = (path: string): void => writeFileSync(path, "what was there");

test("what polars rejects, it rejects, and leaves nothing", async () => {
  await rejected(join("none", "x.csv"), (path) => flat().sinkCSV(path));
  await rejected(
    "x.csv",
    (path) => flat().sinkCSV(path),
    (path) => mkdirSync(path),
  );
  await rejected("x.csv", (path) => flat().sinkCSV(join(path, "y.csv")), old);
  await rejected("x.csv", (path) => flat().sinkCSV(`${path}${"x".repeat(300)}`));
  await rejected("x.csv", () => flat().sinkCSV(""));
  await rejected("x.csv", (path) => flat().sinkCSV(path, { compression: "gzip" }));
  await rejected("x.csv", (path) => rows().select("row", "list").sinkCSV(path), old);
  await rejected("x.parquet", (path) => flat().sinkParquet(path, { compression: "gzip", compressionLevel: 99 }), old);
  await rejected("x.parquet", (path) => rows().select("absent").sinkParquet(path), old);
});

test("what polars rejects in the middle of the query leaves no file, and an existing one as it was", async () => {
  const bad = () => rows().filter(c("row").gt(3)).select("row", c("str").cast(pl.Int64, true));
  for (const before of [undefined, old]) {
    await rejected("x.parquet", (path) => bad().sinkParquet(path), before);
    await rejected("x.csv", (path) => bad().sinkCSV(path), before);
  }
});

test("an aborted sink leaves no file, and an existing one as it was", async () => {
  for (const name of ["tasks", "rapidsmpf"]) {
    const own = place();
    const path = join(own, "x.csv");
    old(path);
    const controller = new AbortController();
    const reason = new Error("enough");
    let exports = 0;
    const onProgress = ({ step }: { readonly step: string }): void => {
      if (step === "export" && ++exports === 2) controller.abort(reason);
    };
    const engine = ENGINES[name];
    assert(engine !== undefined);
    const running = flat().sinkCSV(path).collect({ engine, signal: controller.signal, onProgress });
    await assert.rejects(running, (error) => error === reason);
    assert.equal(readFileSync(path, "utf8"), "what was there");
    assert.deepEqual(readdirSync(own), ["x.csv"]);
    assert.deepEqual(readdirSync(scratch), []);
  }
});

const DIRECTORIES = ["tasks", "rapidsmpf"].map((engine) =>
  open({ executorOptions: { engine: engine === "tasks" ? "tasks" : "rapidsmpf", maxRowsPerPartition: 15, sinkToDirectory: true } }),
);

test("a directory with a file for each partition", async () => {
  for (const engine of DIRECTORIES) {
    const path = join(place(), "a", "out");
    const given = await flat().sinkCSV(path, { mkdir: true, compression: "gzip" }).collect({ engine });
    assert.deepEqual(given.shape, { height: 0, width: 0 });
    const names = readdirSync(path).sort();
    assert.deepEqual([names.length, names[0], names.at(-1)], [14, "part.00.csv.gz", "part.13.csv.gz"]);
    const parts = pl.concat(names.map((name) => pl.readCSV(join(path, name), { inferSchemaLength: 0 })));
    const whole = join(place(), "x.csv");
    await flat().sinkCSV(whole).collect();
    const found = frameDifference(pl.readCSV(whole, { inferSchemaLength: 0 }), parts, {});
    if (found !== null) assert.fail(found);
    assert.deepEqual(readdirSync(scratch), []);
  }
});

test("a directory with one file, of every format", async () => {
  const [engine] = DIRECTORIES;
  const own = place();
  const sink = (name: string) =>
    rows().select("row", "str").head(5).sort("row")[name === "csv" ? "sinkCSV" : "sinkNdJson"](join(own, name));
  for (const name of ["csv", "ndjson"]) {
    await sink(name).collect({ engine: engine ?? "gpu" });
    assert.deepEqual(readdirSync(join(own, name)), [`part.0.${name}`]);
  }
  await rows()
    .head(5)
    .sort("row")
    .sinkParquet(join(own, "p"))
    .collect({ engine: engine ?? "gpu" });
  await rows()
    .head(5)
    .sort("row")
    .sinkIpc(join(own, "i"))
    .collect({ engine: engine ?? "gpu" });
  assert.deepEqual([readdirSync(join(own, "p")), readdirSync(join(own, "i"))], [["part.0.parquet"], ["part.0.ipc"]]);
});

test("a directory that exists is refused, one that fails is gone", async () => {
  for (const engine of DIRECTORIES) {
    const own = place();
    await assert.rejects(flat().sinkCSV(own).collect({ engine }), InvalidPlanError);
    assert.deepEqual(readdirSync(own), []);
    assert.match(
      await messageOf(() =>
        flat()
          .sinkCSV(join(own, "no", "out"))
          .collect({ engine }),
      ),
      /No such file/,
    );
    const controller = new AbortController();
    const path = join(own, "a", "out");
    let seen: readonly string[] = [];
    let exports = 0;
    const onProgress = ({ step }: { readonly step: string }): void => {
      if (step !== "export" || ++exports !== 3) return;
      seen = readdirSync(path).filter((name) => name.startsWith("part."));
      controller.abort();
    };
    await assert.rejects(flat().sinkCSV(path, { mkdir: true }).collect({ engine, signal: controller.signal, onProgress }));
    assert(seen.length >= 3, "parts are there while the query runs");
    const bad = rows().select("row", c("str").cast(pl.Int64, true));
    await assert.rejects(bad.sinkCSV(path, { mkdir: true }).collect({ engine }));
    assert.deepEqual(readdirSync(own), []);
  }
});

test("CPU polars writes a directory too, where it answers", async () => {
  const engine = open({ raiseOnFail: false, executorOptions: { sinkToDirectory: true } });
  const path = join(place(), "out");
  await frame
    .lazy()
    .select(c("small").rollingSkew({ windowSize: 3 }))
    .sinkCSV(path)
    .collect({ engine });
  assert.notEqual(engine.lastQuery?.fallback, null);
  assert.deepEqual(readdirSync(path), ["part.0.csv"]);
});

test("unusual sinks are CPU polars' with a reason", async () => {
  await assert.rejects(flat().sinkCSV("/dev/null").collect({ engine: tasks }), UnsupportedError);
  await assert.rejects(flat().sinkParquet("s3://bucket/x.parquet").collect({ engine: tasks }), /URL/);
  const warnings: string[] = [];
  const engine = open({ raiseOnFail: false, warn: (message) => void warnings.push(message) });
  await flat().sinkCSV("/dev/null").collect({ engine });
  assert.match(warnings.join(), /regular file/);
  const path = join(place(), "x.csv");
  await frame
    .lazy()
    .select("row", c("small").rollingSkew({ windowSize: 3 }))
    .filter(c("row").lt(20))
    .sinkCSV(path)
    .collect({ engine });
  assert.match(warnings[1] ?? "", /parts of the query.*RollingSkew/s);
  assert.equal(pl.readCSV(path).height, 20);
});

test("options and data are those of the call", async () => {
  const path = join(place(), "x.csv");
  const options = { separator: ";" };
  const query = frame.lazy().filter(c("row").lt(2)).select("row", "k").sinkCSV(path, options);
  options.separator = ",";
  await query.collect({ engine: tasks });
  assert.equal(readFileSync(path, "utf8").split("\n")[0], "row;k");
});

test("explain names the sink, and lastQuery has it", async () => {
  const path = join(folder, "not-written.parquet");
  const text = await tasks.explain(flat().sinkParquet(path));
  assert.match(text, /^CPU PARQUET SINK\n {2}GPU SELECT/);
  assert(!text.includes(folder));
  assert.match(await tasks.explain(flat().sinkCSV(path), { physical: true }), /^CSV SINK\n {2}#\d/);
  assert.match(await tasks.explain(flat().sinkCSV("s3://b/x.csv")), /^CPU CSV SINK\n {2}CPU: the whole query\n {4}a sink to a URL/);
  assert(!existsSync(path));
  await flat().sinkNdJson(join(place(), "x.ndjson")).collect({ engine: tasks });
  assert.deepEqual(tasks.lastQuery?.nodes[0], { name: "NDJSON SINK", where: "CPU", reason: "files are written by CPU polars" });
});
