/** Grouping against a JavaScript Map. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DeviceBuffer } from "../../src/gpu/buffers.ts";
import { Device } from "../../src/gpu/device.ts";
import { groupRows } from "../../src/gpu/kernels/hash-group.ts";
import { COUNTED_ROWS } from "../../src/gpu/kernels/hash-group-rank.ts";
import type { DType } from "../../src/ir/dtype.ts";
import { difference, download, random, upload } from "./host-column.ts";
import { KEY_TYPES, type KeyColumn, keyColumn, keyText, ranksOf, tableKeys } from "./keys-model.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

const NONE = 0xffffffff;

const uploadMask = (rows: number, takes: (row: number) => boolean): DeviceBuffer => {
  const words = new Uint32Array(Math.max(1, Math.ceil(rows / 32)));
  for (let row = 0; row < rows; row++) if (takes(row)) words[row >>> 5] = (words[row >>> 5] ?? 0) | (1 << (row & 31));
  const buffer = device.alloc(words.length, "mask");
  device.write(buffer, 0, words);
  return buffer;
};

/** Returns the number of groups. */
const check = async (
  columns: readonly KeyColumn[],
  rows: number,
  takes: ((row: number) => boolean) | null = null,
  firstCapacity?: number,
): Promise<number> => {
  const ranks = columns.flatMap((column) => ranksOf([column]));
  const numbers = new Map<string, number>();
  const ids = new Uint32Array(rows).fill(NONE);
  const first: number[] = [];
  for (let row = 0; row < rows; row++) {
    if (takes !== null && !takes(row)) continue;
    const key = keyText(ranks, row);
    const known = numbers.get(key);
    ids[row] = known ?? numbers.size;
    if (known !== undefined) continue;
    numbers.set(key, numbers.size);
    first.push(row);
  }
  const planes = tableKeys(device, columns, rows);
  const mask = takes === null ? null : uploadMask(rows, takes);
  const actual = await groupRows(device, planes, mask, firstCapacity === undefined ? {} : { firstCapacity });
  assert.equal(actual.groups, first.length);
  const [actualIds = [], actualFirst = []] = await device.readMany([
    { buffer: actual.ids, word: 0, words: rows },
    { buffer: actual.first, word: 0, words: actual.groups },
  ]);
  assert.equal(difference(actualIds, ids), -1, "ids");
  assert.equal(difference(actualFirst, first), -1, "first rows");
  const numbered = upload(
    device,
    { kind: "Int32" },
    Array.from({ length: rows }, (_, row) => 2 * row),
    false,
  );
  const again = await groupRows(device, planes, mask, {
    wanted: [numbered],
    ...(firstCapacity === undefined ? {} : { firstCapacity }),
  });
  const [taken] = again.taken ?? [];
  assert.equal(taken === undefined, rows === 0 || again.groups > 1 << 18 || (again.groups === 0 && rows > 1 << 16));
  if (taken !== undefined) {
    assert.equal(taken.length, first.length);
    assert.equal(
      difference(
        await download(device, taken),
        first.map((row) => 2 * row),
      ),
      -1,
      "columns at the first rows",
    );
    taken.buffer.release();
  }
  for (const buffer of [planes.buffer, mask, actual.ids, actual.first, again.ids, again.first, numbered.buffer]) buffer?.release();
  return actual.groups;
};

for (const rows of [0, 1, 2, 31, 32, 33, 256, 257, 511, 512, 513, 5000, 8192, 8193, 100_003, COUNTED_ROWS, COUNTED_ROWS + 1]) {
  test(`${rows} rows: all keys equal, few, all distinct`, async () => {
    for (const distinct of [1, 5, 1 << 20]) await check([keyColumn({ kind: "UInt32" }, rows, distinct, false, rows + distinct)], rows);
    const groups = await check(
      [{ dtype: { kind: "UInt32" }, nullable: false, rows: Array.from({ length: rows }, (_, row) => row * 7) }],
      rows,
    );
    assert.equal(groups, rows);
  });
}

for (const dtype of KEY_TYPES) {
  test(`${dtype.kind}: special values, with and without nulls, masked`, async () => {
    for (const nullable of [false, true]) {
      for (const rows of [4000, 500]) {
        await check([keyColumn(dtype, rows, rows / 10, nullable, 11)], rows);
        await check([keyColumn(dtype, rows, 12, nullable, 12)], rows, (row) => row % 3 !== 1);
      }
    }
  });
}

test("300,000 rows by three keys, masked", async () => {
  const rows = 300_000;
  const columns = [
    keyColumn({ kind: "Int64" }, rows, 200, true, 1),
    keyColumn({ kind: "Boolean" }, rows, 2, true, 2),
    keyColumn({ kind: "Float64" }, rows, 300, false, 3),
  ];
  const next = random(4);
  const takes = Array.from({ length: rows }, () => next() % 10 !== 0);
  assert.ok((await check(columns, rows, (row) => takes[row] ?? false)) > 100_000);
});

test("300,000 distinct keys that differ in the high word only", async () => {
  const rows = 300_000;
  const keys = Array.from({ length: rows }, (_, row) => BigInt(row) << 32n);
  assert.equal(await check([{ dtype: { kind: "UInt64" }, nullable: false, rows: keys }], rows), rows);
});

test("a null is a group of its own beside zero, for each combination of null keys", async () => {
  const types: readonly DType[] = [{ kind: "Int32" }, { kind: "Float32" }];
  const rows = [0, 1, 2, 3, 0, 3, 1];
  const columns = types.map((dtype, k) => ({ dtype, nullable: true, rows: rows.map((bits) => ((bits >> k) & 1 ? null : 0)) }));
  assert.equal(await check(columns, rows.length), 4);
});

test("few rows by three keys, masked", async () => {
  const columns = [
    keyColumn({ kind: "Int64" }, 500, 9, true, 1),
    keyColumn({ kind: "Boolean" }, 500, 2, true, 2),
    keyColumn({ kind: "Float64" }, 500, 9, false, 3),
  ];
  assert.ok((await check(columns, 500, (row) => row % 7 !== 2)) > 50);
});

test("no keys: one group of the rows that take part, none when none does", async () => {
  for (const rows of [400, 1000]) assert.equal(await check([], rows), 1);
  assert.equal(await check([], 400, (row) => row >= 300), 1);
  assert.equal(await check([], 400, () => false), 0);
  assert.equal(await check([], 1000, (row) => row >= 700), 1);
  assert.equal(await check([], 1000, () => false), 0);
  assert.equal(await check([], 0), 0);
});

test("a first table that is large enough, nearly full, or too small", async () => {
  const rows = 20_000;
  const distinct = keyColumn({ kind: "Int64" }, rows, 1000, true, 6);
  for (const [capacity, roundTrips] of [
    [4096, 1],
    [1024, 2],
    [16, 2],
  ] as const) {
    const planes = tableKeys(device, [distinct], rows);
    const before = device.stats.roundTrips;
    const { ids, first, groups } = await groupRows(device, planes, null, { firstCapacity: capacity });
    // a thousand keys may or may not fit 1024 slots within the steps allowed
    const trips = device.stats.roundTrips - before;
    assert.ok(capacity === 1024 ? trips <= roundTrips : trips === roundTrips, `${trips} round trips`);
    assert.equal(groups, 1001);
    for (const buffer of [planes.buffer, ids, first]) buffer.release();
    await check([distinct], rows, (row) => row % 5 !== 0, capacity);
  }
});

test("nothing is left allocated", async () => {
  const before = device.stats.allocatedBytes;
  await check([keyColumn({ kind: "Float64" }, 5000, 3000, true, 9)], 5000, (row) => row % 2 === 0, 64);
  assert.equal(device.stats.allocatedBytes, before);
});
