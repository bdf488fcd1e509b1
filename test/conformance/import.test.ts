/** Import of frames: through files, through memory and out of plans, all columns come back from the device as they were. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pl, { type DataFrame } from "nodejs-polars";
import { everyDtype, FIXTURES, random } from "../../src/conformance/fixture.ts";
import { OutOfDeviceMemoryError } from "../../src/errors.ts";
import { placeBits, releaseFills } from "../../src/fallback/column-fill.ts";
import { exportFrame } from "../../src/fallback/export.ts";
import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { type ImportedBatch, type ImportOptions, importFrame, importPlan } from "../../src/fallback/import.ts";
import { physicalFrame } from "../../src/fallback/physical-frame.ts";
import { ScratchFolder, type ScratchSpace } from "../../src/fallback/scratch-folder.ts";
import { streamFrame, streamPlan } from "../../src/fallback/streamed-import.ts";
import { bitmapWords } from "../../src/gpu/column.ts";
import { Device } from "../../src/gpu/device.ts";
import { storageOf, WORDS } from "../../src/ir/dtype.ts";
import type { Schema } from "../../src/ir/schema.ts";
import { planFromDsl } from "../../src/polars/composing.ts";
import { parseDsl } from "../../src/polars/dsl-text.ts";
import { dtypeFromDsl } from "../../src/polars/dtypes.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import type { NativeDataFrame, NativeLazyFrame } from "../../src/polars/native.ts";
import { zeroFrame } from "../../src/polars/zero-frame.ts";

const polars = ownPolarsModule();
assert.ok(polars !== undefined);
const { native, eagerWrappers } = polars;

let device: Device;
const root = mkdtempSync(join(tmpdir(), "import-test-"));
before(async () => {
  device = await Device.open();
});
after(() => {
  device.destroy();
  rmSync(root, { recursive: true });
});

/** Rows of frames that are compared cell by cell. */
const FEW_ROWS = 1000;
const STREAMED: ImportOptions = { streamAbove: -1 };
const COPIED: ImportOptions = { streamAbove: Number.POSITIVE_INFINITY };

/** The native frame behind a frame of nodejs-polars. */
const nativeOf = (frame: DataFrame): NativeDataFrame => frame._df;
const planOf = (file: string): NativeLazyFrame => planFromDsl(native, parseDsl(pl.scanParquet(file).serialize("json").toString()));
const schemaOf = (frame: NativeDataFrame): Schema => zeroFrame(frame).fields.map(([name, dtype]) => ({ name, dtype: dtypeFromDsl(dtype) }));

const release = (batches: readonly ImportedBatch[]): void => {
  for (const { columns } of batches) for (const { buffer } of columns.values()) buffer.release();
};

/** What the device holds of the plain columns: values, those of null rows as zeros, then validity. */
async function words(batches: readonly ImportedBatch[], schema: Schema): Promise<readonly Uint32Array[]> {
  const columns: Uint32Array[] = [];
  for (const { name, dtype } of schema) {
    const storage = storageOf(dtype);
    if (storage === "code" || storage === "bits") continue;
    for (const { rows, columns: held } of batches) {
      const column = held.get(name);
      assert.ok(column !== undefined && column.length === rows);
      const values = await device.read(column.buffer, 0, rows * WORDS[storage]);
      columns.push(values);
      if (column.validityOffset === null) continue;
      const valid = await device.read(column.buffer, column.validityOffset, bitmapWords(rows));
      if (rows % 32 > 0) assert.equal((valid.at(-1) ?? 0) >>> (rows % 32), 0, "validity bits behind the last row");
      for (let row = 0; row < rows; row++)
        if ((((valid[row >> 5] ?? 0) >>> (row & 31)) & 1) === 0) values.fill(0, row * WORDS[storage], (row + 1) * WORDS[storage]);
      columns.push(valid);
    }
  }
  return columns;
}

/** Imports in a way, and checks that the device gives the frame back. Returns what it held of the plain columns. */
async function roundTrip(
  expected: NativeDataFrame,
  maxRows: number,
  run: (schema: Schema) => Promise<readonly ImportedBatch[]>,
): Promise<readonly Uint32Array[]> {
  const schema = schemaOf(expected);
  const held = device.stats.allocatedBytes;
  const batches = await run(schema);
  const rows = expected.height;
  const full = Math.floor(rows / maxRows);
  const sizes = [...Array.from({ length: full }, () => maxRows), ...(rows % maxRows > 0 || rows === 0 ? [rows % maxRows] : [])];
  assert.deepEqual(
    batches.map((batch) => batch.rows),
    sizes,
  );
  const actual = await exportFrame(native, device, batches, schema);
  assert.deepEqual(schemaOf(actual), schema);
  if (rows > FEW_ROWS) assert.ok(actual.frameEqual(expected, true), "the frame comes back");
  else {
    const [want, have] = [eagerWrappers._DataFrame(expected), eagerWrappers._DataFrame(actual)];
    assert.equal(frameDifference(want, have, {}), null);
  }
  const found = await words(batches, schema);
  release(batches);
  assert.equal(device.stats.allocatedBytes, held, "device memory that stayed in use");
  return found;
}

/** Neither a frame nor a plan may take the other way unless its files fail. */
async function assertStreams(frame: NativeDataFrame, maxRows: number): Promise<void> {
  const schema = schemaOf(frame);
  const physical = await physicalFrame(native, frame, schema);
  const space = new ScratchFolder(0, [root]);
  const fromFrame = await streamFrame(native, device, physical, schema, maxRows, space);
  assert.ok(fromFrame !== null, "the frame is streamed");
  releaseFills(fromFrame);
  for (const separable of [false, true]) {
    const fromPlan = await streamPlan(native, device, physical.frame.lazy(), physical.exprs, schema, maxRows, separable, space);
    assert.ok(fromPlan !== null, "the plan is streamed");
    releaseFills(fromPlan);
  }
}

/** Both ways give the frame, and the same bits as each other. */
async function assertSameImports(frame: NativeDataFrame, maxRows: number): Promise<void> {
  const through = (options: ImportOptions) =>
    roundTrip(frame, maxRows, (schema) => importFrame(native, device, frame, schema, maxRows, options));
  const copied = await through(COPIED);
  const streamed = await through(STREAMED);
  assert.equal(streamed.length, copied.length);
  for (const [i, held] of streamed.entries())
    assert.ok(Buffer.from(held.buffer).equals(Buffer.from(copied[i]?.buffer ?? new ArrayBuffer(0))));
  await assertStreams(frame, maxRows);
}

/** More rows than polars puts into a record batch, nulls and texts only in some of them. */
function longFrame(rows: number): NativeDataFrame {
  const next = random(rows);
  const at = (from: number, to: number, row: number): boolean => row >= from && row < to && next() < 0.3;
  const numbers = (from: number, to: number, wide = 2 ** 40): (number | null)[] =>
    Array.from({ length: rows }, (_, row) => (at(from, to, row) ? null : Math.floor((next() - 0.5) * wide)));
  const float = pl.Series("f64", numbers(0, 0), pl.Float64);
  return nativeOf(
    pl.DataFrame([
      float,
      pl.Series("i64", numbers(rows - 9, rows), pl.Int64),
      pl.Series("f32", numbers(0, 10), pl.Float64).cast(pl.Float32),
      pl
        .Series("i8", numbers(rows / 2, rows / 2 + 50, 100), pl.Int64)

        .cast(pl.Int8)
        .alias("i8"),
      pl.Series(
        "bool",
        Array.from({ length: rows }, (_, row) => (at(rows / 3, rows / 2, row) ? null : next() < 0.5)),
        pl.Bool,
      ),
      pl.Series(
        "flag",
        Array.from({ length: rows }, () => next() < 0.5),
        pl.Bool,
      ),
      pl.Series(
        "text",
        Array.from({ length: rows }, (_, row) => (at(0, rows / 4, row) ? null : `t${Math.floor(next() * 5000)}`)),
        pl.String,
      ),
    ]),
  );
}

for (const { name, frame, partition } of FIXTURES)
  test(`every dtype, ${name}`, async () => {
    await assertSameImports(nativeOf(frame), 1000);
    if (frame.height > 0) await assertSameImports(nativeOf(frame), partition);
  });

const long = longFrame(230_003);

test("several record batches, in one batch and in batches that split them", async () => {
  await assertSameImports(long, 1_000_000);
  await assertSameImports(long, 70_001);
});

test("slices that start inside of bitmaps", async () => {
  await assertSameImports(long.slice(5, 131_077), 1_000_000);
  await assertSameImports(long.slice(99_999, 2), 1);
});

test("many chunks of uneven lengths", async () => {
  const lengths = Array.from({ length: 90 }, (_, i) => 1 + ((i * 37) % 203));
  const every = nativeOf(everyDtype(203));
  await assertSameImports(
    lengths.map((length) => every.slice(0, length)).reduce((all, part) => all.vstack(part)),
    4000,
  );
  const pieces = lengths.map((length, i) => long.slice(i * 1500, length * 7));
  await assertSameImports(
    pieces.reduce((all, part) => all.vstack(part)),
    30_000,
  );
});

test("plans: record batches straddle the batches, codes come from a second run", async () => {
  const path = join(root, "long.parquet");
  eagerWrappers._DataFrame(long).writeParquet(path);
  for (const maxRows of [1_000_000, 70_001])
    for (const separable of [false, true])
      await roundTrip(long, maxRows, (schema) => importPlan(native, device, planOf(path), schema, maxRows, { separable }));
  const positive = (plan: NativeLazyFrame) =>
    plan.filter(native.JsExpr.deserialize(Buffer.from(pl.col("f64").gt(0).serialize("json")), "json"));
  const some = await positive(planOf(path)).collect();
  assert.ok(some.height > 0 && some.height < long.height);
  for (const separable of [false, true])
    await roundTrip(some, 40_000, (schema) =>
      importPlan(native, device, positive(planOf(path)), schema, 40_000, { separable, repeatable: true }),
    );
});

test("plans of every dtype, of text alone, and without rows", async () => {
  const path = join(root, "every.parquet");
  const frame = everyDtype(203).drop("null", "struct", "list");
  frame.writeParquet(path);
  const read = await planOf(path).collect();
  await roundTrip(read, 64, (schema) => importPlan(native, device, planOf(path), schema, 64, { separable: true }));
  const empty = planOf(path).slice(0, 0);
  await roundTrip(await empty.collect(), 64, (schema) => importPlan(native, device, empty, schema, 64, { separable: true }));
  const text = planOf(path).select([native.col("str"), native.col("cat")]);
  await roundTrip(await text.collect(), 100, (schema) => importPlan(native, device, text, schema, 100));
});

test("a plan that polars refuses is refused with its error", async () => {
  const schema = schemaOf(long);
  const missing = planFromDsl(
    native,
    parseDsl(pl.scanParquet(join(root, "long.parquet")).serialize("json").toString().replaceAll("long.parquet", "gone.parquet")),
  );
  await assert.rejects(importPlan(native, device, missing, schema, 1000), /No such file|not found/i);
});

/** Paths that cannot be used as they should. */
const failing: readonly { readonly name: string; readonly path: () => string | null; readonly possible: boolean }[] = [
  { name: "no room", path: () => null, possible: true },
  { name: "a folder that is gone", path: () => join(root, "gone", "0.arrow"), possible: true },
  { name: "a full disk", path: () => linkTo("/dev/full"), possible: existsSync("/dev/full") },
  { name: "a file that lost its contents", path: () => linkTo("/dev/null"), possible: existsSync("/dev/null") },
];
const short = longFrame(1500);
let links = 0;
const linkTo = (target: string): string => {
  const path = join(root, `${links++}.arrow`);
  symlinkSync(target, path);
  return path;
};

for (const { name, path, possible } of failing)
  test(`${name}: the data takes the other way`, { skip: !possible }, async () => {
    let asked = 0;
    let removed = 0;
    const space: ScratchSpace = {
      path: () => {
        asked += 1;
        return path();
      },
      remove: () => {
        removed += 1;
      },
    };
    await roundTrip(short, 600, (schema) => importFrame(native, device, short, schema, 600, { streamAbove: -1, space }));
    assert.ok(asked > 0 && removed === 1);
    const file = join(root, "short.parquet");
    eagerWrappers._DataFrame(short).writeParquet(file);
    await roundTrip(short, 600, (schema) => importPlan(native, device, planOf(file), schema, 600, { separable: true, space }));
    assert.equal(removed, 2);
  });

test("too little device memory is an error that leaves nothing behind", async () => {
  const small = await Device.open({ memoryLimit: 3_000_000 });
  const folder = mkdtempSync(join(root, "small-"));
  try {
    for (const options of [COPIED, { streamAbove: -1, space: new ScratchFolder(0, [folder]) }]) {
      await assert.rejects(importFrame(native, small, long, schemaOf(long), 100_000, options), OutOfDeviceMemoryError);
      assert.equal(small.stats.allocatedBytes, 0);
    }
    assert.deepEqual(readdirSync(folder), []);
  } finally {
    small.destroy();
  }
});

test("scratch folders are removed, those of dead processes too, those of the living and of others stay", () => {
  const owner = hostname().replaceAll(/[^A-Za-z0-9.]/g, "_");
  const dead = spawnSync(process.execPath, ["-e", ""]).pid;
  const folder = mkdtempSync(join(root, "roots-"));
  const living = `polars-webgpu-${owner}-${process.ppid}-abcdef`;
  const kept = [living, `polars-webgpu-elsewhere-${dead}-abcdef`, `other-${dead}-abcdef`];
  for (const name of [...kept, `polars-webgpu-${owner}-${dead}-abcdef`]) mkdirSync(join(folder, name));
  const space = new ScratchFolder(1, [join(root, "no-such-root"), folder]);
  const path = space.path();
  assert.ok(path?.startsWith(folder));
  assert.notEqual(space.path(), path);
  assert.equal(readdirSync(folder).length, kept.length + 1);
  space.remove();
  assert.deepEqual(readdirSync(folder).sort(), [...kept].sort());
  assert.equal(new ScratchFolder(2 ** 60, [folder]).path(), null);
});

test("a process that ends leaves no scratch folder", () => {
  const folder = mkdtempSync(join(root, "ending-"));
  const module = new URL("../../src/fallback/scratch-folder.ts", import.meta.url).href;
  const script = `const { ScratchFolder } = await import(${JSON.stringify(module)});
    process.stdout.write(new ScratchFolder(1, [${JSON.stringify(folder)}]).path());`;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(status, 0);
  assert.ok(stdout.startsWith(folder));
  assert.deepEqual(readdirSync(folder), []);
});

test("bits between any positions", () => {
  const next = random(5);
  const below = (limit: number): number => Math.floor(next() * limit);
  for (let round = 0; round < 500; round++) {
    const source = Uint32Array.from({ length: 6 }, () => below(2 ** 32));
    const [from, to, length] = [below(90), below(90), below(100)];
    const ones = round % 5 === 0;
    const bit = (words: Uint32Array, i: number): number => ((words[i >> 5] ?? 0) >>> (i & 31)) & 1;
    const target = Uint32Array.from({ length: 7 }, () => below(2 ** 32));
    for (let i = to; i < to + length; i++) target[i >> 5] = (target[i >> 5] ?? 0) & ~(1 << (i & 31));
    const expected = Array.from({ length: 224 }, (_, i) =>
      i >= to && i < to + length ? (ones ? 1 : bit(source, from + i - to)) : bit(target, i),
    );
    placeBits(ones ? null : source, from, target, to, length);
    assert.deepEqual(
      expected.map((_, i) => bit(target, i)),
      expected,
      `${length} bits from ${from} to ${to}`,
    );
  }
});
