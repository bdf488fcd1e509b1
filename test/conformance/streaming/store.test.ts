/** The store of partitions on a device: tables leave it for the host and for files, come back with the same words, and nothing is left. */

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { DeviceError, OutOfDeviceMemoryError } from "../../../src/errors.ts";
import { PartitionStore, type StoreOptions } from "../../../src/executors/memory/store.ts";
import type { Batch, Table } from "../../../src/executors/table.ts";
import type { DeviceBuffer } from "../../../src/gpu/buffers.ts";
import { Device } from "../../../src/gpu/device.ts";
import { Random } from "../../fuzz/random.ts";
import { only, refusedMemory, rejectedMap, spillingTo } from "./injection.ts";

const WORDS = 64;
const BYTES = 4 * WORDS;
/** A limit under which every table is to leave that may. */
const NONE = { deviceBytes: 0, hostBytes: Number.POSITIVE_INFINITY };

let device: Device;
let folder: string;
let store: PartitionStore;
let untouched: number;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "store-"));
  untouched = device.stats.allocatedBytes;
});
afterEach(async () => {
  await store.close();
  assert.equal(device.stats.allocatedBytes, untouched, "nothing is left on the device");
  assert.deepEqual(readdirSync(folder), [], "nothing is left on the disk");
  rmSync(folder, { recursive: true });
});

function open(options: StoreOptions): PartitionStore {
  store = new PartitionStore(device, { folder, ...options });
  return store;
}

const wordsFrom = (first: number): Uint32Array => Uint32Array.from({ length: WORDS }, (_, i) => first * 1000 + i);

function bufferOf(first: number): DeviceBuffer {
  const buffer = device.alloc(WORDS, "words");
  device.write(buffer, 0, wordsFrom(first));
  return buffer;
}

/** A batch of a column for each buffer, in that order. */
const batchOf = (buffers: readonly DeviceBuffer[]): Batch => ({
  rows: WORDS,
  columns: new Map(
    buffers.map((buffer, i) => [`c${i}`, { dtype: { kind: "UInt32" }, length: WORDS, buffer, validityOffset: null, dictionary: null }]),
  ),
});

const tableOf = (...batches: readonly Batch[]): Table => ({ schema: [], batches });
const oneOf = (first: number): Table => tableOf(batchOf([bufferOf(first)]));

const buffersOf = (table: Table): readonly DeviceBuffer[] => table.batches.flatMap((b) => [...b.columns.values()].map((c) => c.buffer));

/** The first words of all columns, each of which has the words that it was made of. */
async function firstWords(table: Table): Promise<readonly number[]> {
  const all = await device.readMany(buffersOf(table).map((buffer) => ({ buffer, word: 0, words: WORDS })));
  return all.map((words) => {
    const first = (words[0] ?? 0) / 1000;
    assert.deepEqual(words, wordsFrom(first));
    return first;
  });
}

const ofAll = async (tables: readonly Table[]): Promise<readonly (readonly number[])[]> => {
  const all = [];
  for (const table of tables) all.push(await firstWords(table));
  return all;
};

test("tables go to the host and come back; buffers that columns share stay shared", async () => {
  const of = open(NONE);
  const shared = bufferOf(1);
  const kept = bufferOf(2);
  const stored = of.put(tableOf(batchOf([shared, kept.retain()]), batchOf([shared.retain(), bufferOf(3)])));
  const plain = of.put(oneOf(4));
  assert.deepEqual([stored.rows, stored.bytes, plain.bytes], [2 * WORDS, 3 * BYTES, BYTES]);
  assert.equal(of.absentBytes([stored, plain]), 0);
  assert.equal(await of.makeRoom(1), false, "a limit of nothing cannot be kept");
  assert.equal(of.absentBytes([stored, plain]), 4 * BYTES);
  assert.deepEqual(of.spilled, { toHost: 4 * BYTES, toDevice: 0, toDisk: 0, fromDisk: 0 });
  assert.equal(device.stats.allocatedBytes, untouched + BYTES, "what others hold stays");
  kept.release();
  assert.deepEqual(await of.use([plain, stored], ofAll), [[4], [1, 2, 1, 3]]);
  await of.use([stored], async ([table]) => {
    const [first, , third] = table === undefined ? [] : buffersOf(table);
    assert.equal(first, third);
  });
  assert.equal(of.spilled.toDevice, 4 * BYTES);
  stored.release();
  plain.release();
  assert.equal(device.stats.allocatedBytes, untouched);
});

test("states of unfinished aggregates go along", async () => {
  const of = open(NONE);
  const stored = of.put(tableOf({ ...batchOf([bufferOf(1)]), states: [bufferOf(2), bufferOf(3)] }));
  assert.equal(stored.bytes, 3 * BYTES);
  await of.spillAll();
  assert.equal(device.stats.allocatedBytes, untouched);
  await of.use([stored], async ([table]) => {
    const states = table?.batches[0]?.states ?? [];
    const words = await device.readMany(states.map((buffer) => ({ buffer, word: 0, words: WORDS })));
    assert.deepEqual(words, [wordsFrom(2), wordsFrom(3)]);
  });
  stored.release();
});

test("the table that was used longest ago goes first, and only as many as are needed", async () => {
  const of = open({ ...NONE, deviceBytes: untouched + 3 * BYTES });
  const [a, b, c] = [of.put(oneOf(1)), of.put(oneOf(2)), of.put(oneOf(3))];
  await of.use([a], async () => undefined);
  assert.equal(await of.makeRoom(BYTES), true);
  assert.deepEqual(
    [a, b, c].map((s) => of.absentBytes([s])),
    [0, BYTES, 0],
  );
  const d = of.put(oneOf(4));
  await of.use([b], async () => undefined);
  assert.deepEqual(
    [a, b, c, d].map((s) => of.absentBytes([s])),
    [0, 0, BYTES, 0],
  );
  for (const s of [a, b, c, d]) s.release();
});

test("beyond the host's budget tables go to files, and come back from there", async () => {
  const of = open({ ...NONE, hostBytes: BYTES });
  const stored = [1, 2, 3].map((first) => of.put(oneOf(first)));
  await of.spillAll();
  assert.deepEqual(of.spilled, { toHost: 3 * BYTES, toDevice: 0, toDisk: 2 * BYTES, fromDisk: 0 });
  const [inside] = readdirSync(folder);
  assert.equal(readdirSync(join(folder, inside ?? "")).length, 2);
  assert.deepEqual(await of.use(stored, ofAll), [[1], [2], [3]]);
  assert.equal(of.spilled.fromDisk, 2 * BYTES);
  assert.deepEqual(readdirSync(join(folder, inside ?? "")), []);
  await of.spillAll();
  for (const s of stored) s.release();
  assert.equal(device.stats.allocatedBytes, untouched);
});

test("what is read stays", async () => {
  const of = open(NONE);
  const stored = of.put(oneOf(1));
  await of.use([stored, stored], async ([table, again]) => {
    assert.equal(table, again);
    await of.spillAll();
    assert.equal(of.absentBytes([stored]), 0);
    await of.use([stored], async () => undefined);
    await of.spillAll();
    assert.equal(of.absentBytes([stored]), 0);
    stored.release();
    assert.equal(device.stats.allocatedBytes, untouched + BYTES);
    assert.ok(table !== undefined);
    assert.deepEqual(await firstWords(table), [1]);
  });
  assert.equal(device.stats.allocatedBytes, untouched);
});

test("readers of a table that is not there load it once", async () => {
  const of = open({ ...NONE, hostBytes: 0 });
  const stored = of.put(oneOf(1));
  await of.spillAll();
  const words = await Promise.all([1, 2, 3].map(() => of.use([stored], ofAll)));
  assert.deepEqual(words, [[[1]], [[1]], [[1]]]);
  assert.deepEqual(of.spilled, { toHost: BYTES, toDevice: BYTES, toDisk: BYTES, fromDisk: BYTES });
  stored.release();
});

test("a table may be released, and read, while it moves", async () => {
  for (const hostBytes of [Number.POSITIVE_INFINITY, 0]) {
    const of = open({ ...NONE, hostBytes });
    const [gone, read] = [of.put(oneOf(1)), of.put(oneOf(2))];
    const leaving = of.spillAll();
    gone.release();
    const reading = of.use([read], ofAll);
    await leaving;
    assert.deepEqual(await reading, [[2]]);
    await of.spillAll();
    const loading = of.use([read], ofAll);
    read.release();
    assert.deepEqual(await loading, [[2]]);
    assert.equal(device.stats.allocatedBytes, untouched);
    await of.close();
  }
});

test("one room-maker waits for what another moves", async () => {
  const of = open({ ...NONE, deviceBytes: untouched + BYTES });
  const stored = of.put(oneOf(1));
  assert.deepEqual(await Promise.all([of.makeRoom(BYTES), of.makeRoom(BYTES)]), [true, true]);
  assert.equal(of.spilled.toHost, BYTES);
  stored.release();
});

test("without a place for files a spill is a DeviceError, and the table can still be read", async () => {
  const file = join(folder, "a file");
  writeFileSync(file, "");
  const of = open({ ...NONE, hostBytes: 0, folder: file });
  const stored = of.put(oneOf(1));
  await assert.rejects(of.spillAll(), (error) => error instanceof DeviceError && /no folder with room/.test(error.message));
  assert.deepEqual(await of.use([stored], ofAll), [[1]]);
  stored.release();
  rmSync(file);
});

test("on a full disk likewise; what was written of the file goes away", async () => {
  const of = open({ ...NONE, hostBytes: 0 });
  const full = join(folder, "full");
  symlinkSync("/dev/full", full);
  const restore = spillingTo(() => full);
  const stored = of.put(oneOf(1));
  try {
    await assert.rejects(of.makeRoom(1), (error) => error instanceof DeviceError && /ENOSPC/.test(error.message));
  } finally {
    restore();
  }
  assert.deepEqual(readdirSync(folder), []);
  await of.spillAll();
  assert.deepEqual(await of.use([stored], ofAll), [[1]]);
  stored.release();
});

test("a file that is gone or cut short is a DeviceError", async () => {
  for (const spoil of [(path: string) => rmSync(path), (path: string) => writeFileSync(path, "ARROW1")]) {
    const of = open({ ...NONE, hostBytes: 0 });
    const stored = of.put(oneOf(1));
    await of.spillAll();
    const [inside = ""] = readdirSync(folder);
    for (const name of readdirSync(join(folder, inside))) spoil(join(folder, inside, name));
    await assert.rejects(of.use([stored], ofAll), DeviceError);
    stored.release();
    await of.close();
  }
});

test("a move that fails leaves the table where it was", async () => {
  const of = open(NONE);
  const stored = of.put(oneOf(1));
  let restore = rejectedMap(only(0));
  await assert.rejects(of.spillAll(), DeviceError).finally(restore);
  assert.equal(of.absentBytes([stored]), 0);
  await of.spillAll();
  restore = refusedMemory(only(0));
  await assert.rejects(of.use([stored], ofAll), OutOfDeviceMemoryError).finally(restore);
  assert.equal(device.stats.allocatedBytes, untouched);
  assert.deepEqual(await of.use([stored], ofAll), [[1]]);
  stored.release();
});

test("closing gives back what has readers, wherever it is", async () => {
  const of = open({ ...NONE, hostBytes: BYTES });
  for (const first of [1, 2, 3]) of.put(oneOf(first));
  await of.spillAll();
  of.put(oneOf(4));
  await of.close();
  await of.close();
});

test("any mixture of reading, making room and releasing", async () => {
  const random = new Random(7);
  const of = open({ deviceBytes: untouched + 4 * BYTES, hostBytes: 3 * BYTES });
  const worker = async (number: number): Promise<void> => {
    for (let round = 0; round < 25; round++) {
      const firsts = Array.from({ length: random.integer(1, 3) }, (_, i) => number * 100 + round * 4 + i);
      const stored = firsts.map((first) => of.put(oneOf(first)));
      for (let times = random.integer(1, 3); times > 0; times--) {
        if (random.chance(0.3)) await of.makeRoom(BYTES * random.integer(1, 4));
        if (random.chance(0.1)) await of.spillAll();
        assert.deepEqual(
          await of.use(stored, ofAll),
          firsts.map((first) => [first]),
        );
      }
      for (const s of stored) s.release();
    }
  };
  await Promise.all([1, 2, 3].map(worker));
  assert.equal(device.stats.allocatedBytes, untouched);
  assert.ok(of.spilled.toDisk > 0 && of.spilled.fromDisk > 0);
});
