/** Radix sort against JavaScript's stable sort. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import type { KeyOrder } from "../../src/gpu/kernels/keys.ts";
import { sortById, sortRows } from "../../src/gpu/kernels/radix-sort.ts";
import { RANKED_ROWS } from "../../src/gpu/kernels/rank-sort.ts";
import type { DType } from "../../src/ir/dtype.ts";
import { difference, random } from "./host-column.ts";
import { encode, f64Bits, KEY_TYPES, type KeyColumn, keyColumn, orderedRows, ranksOf } from "./keys-model.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

const ASCENDING: KeyOrder = { descending: false, nullsLast: false };

const check = async (columns: readonly KeyColumn[], rows: number, order: readonly KeyOrder[]): Promise<void> => {
  const planes = encode(device, columns, rows, order);
  const permutation = await sortRows(device, planes);
  const actual = await device.read(permutation, 0, rows);
  const expected = orderedRows(
    columns.map((column) => ranksOf([column])[0] ?? new Int32Array(rows)),
    rows,
    order,
  );
  assert.equal(difference(actual, expected), -1);
  planes.buffer.release();
  permutation.release();
};

for (const rows of [0, 1, 2, 33, 255, ...Object.values(RANKED_ROWS).flatMap((most) => [most, most + 1]), 4095, 4096, 4097, 20_000]) {
  test(`${rows} rows, few and many distinct keys`, async () => {
    for (const distinct of [1, 5, 100_000])
      await check([keyColumn({ kind: "Int32" }, rows, distinct, false, rows + distinct)], rows, [ASCENDING]);
  });
}

for (const dtype of KEY_TYPES) {
  test(`${dtype.kind} in every direction, stable`, async () => {
    for (const rows of [700, 5000]) {
      for (const descending of [false, true])
        for (const nullsLast of [false, true]) await check([keyColumn(dtype, rows, 300, true, 3)], rows, [{ descending, nullsLast }]);
      await check([keyColumn(dtype, rows, 3000, false, 4)], rows, [ASCENDING]);
    }
  });
}

test("300,000 rows by three keys with nulls in mixed directions", async () => {
  const rows = 300_000;
  await check(
    [
      keyColumn({ kind: "Boolean" }, rows, 2, true, 1),
      keyColumn({ kind: "String" }, rows, 30, true, 2),
      keyColumn({ kind: "Float64" }, rows, 90_000, true, 3),
    ],
    rows,
    [
      { descending: true, nullsLast: false },
      { descending: false, nullsLast: true },
      { descending: true, nullsLast: true },
    ],
  );
});

test("many narrow keys: their bits are packed, over more pieces than a word takes", async () => {
  const rows = 3000;
  const columns = Array.from({ length: 7 }, (_, k) => keyColumn({ kind: "Boolean" }, rows, 2, true, k + 1));
  await check(
    columns,
    rows,
    columns.map((_, k) => ({ descending: k % 2 === 0, nullsLast: k % 3 === 0 })),
  );
});

test("wide keys: pieces that straddle packed words", async () => {
  const rows = 3000;
  const types: readonly DType[] = [{ kind: "Int64" }, { kind: "Boolean" }, { kind: "UInt64" }];
  await check(
    types.map((dtype, k) => keyColumn(dtype, rows, 40, k === 0, k + 1)),
    rows,
    [ASCENDING, ASCENDING, { descending: true, nullsLast: false }],
  );
});

test("small numbers around zero sort by their few varying bits", async () => {
  const rows = 10_000;
  const next = random(5);
  const small = (): bigint => BigInt.asUintN(64, BigInt((next() % 200) - 100));
  await check([{ dtype: { kind: "Int64" }, nullable: false, rows: Array.from({ length: rows }, small) }], rows, [ASCENDING]);
  const steps = Array.from({ length: rows }, () => f64Bits((next() % 64) * 1024 - 4096));
  const before = device.stats.dispatches;
  await check([{ dtype: { kind: "Float64" }, nullable: false, rows: steps }], rows, [ASCENDING]);
  assert.ok(device.stats.dispatches - before < 30);
});

test("all keys equal: the rows themselves", async () => {
  await check([{ dtype: { kind: "Float64" }, nullable: true, rows: Array.from({ length: 5000 }, () => null) }], 5000, [ASCENDING]);
  await check([], 777, []);
});

test("sorted and reversed input", async () => {
  const rows = 9000;
  const up = Array.from({ length: rows }, (_, row) => row * 3);
  await check([{ dtype: { kind: "UInt32" }, nullable: false, rows: up }], rows, [ASCENDING]);
  await check([{ dtype: { kind: "UInt32" }, nullable: false, rows: up }], rows, [{ descending: true, nullsLast: false }]);
});

test("sortById keeps the order within an id and puts ids beyond the limit last", async () => {
  for (const [rows, limit] of [
    [0, 5],
    [1, 1],
    [4096, 1],
    [5000, 2],
    [20_000, 255],
    [20_000, 256],
    [100_000, 70_000],
  ] as const) {
    const next = random(rows + limit);
    const ids = Uint32Array.from({ length: rows }, () => (next() % 7 === 0 ? 0xffffffff : next() % limit));
    const buffer = device.alloc(Math.max(4, rows), "ids");
    device.write(buffer, 0, ids);
    const permutation = sortById(device, buffer, rows, limit);
    const expected = Array.from(ids.keys()).sort((a, b) => (ids[a] ?? 0) - (ids[b] ?? 0) || a - b);
    assert.equal(difference(await device.read(permutation, 0, rows), expected), -1, `${rows} rows below ${limit}`);
    buffer.release();
    permutation.release();
  }
});

test("nothing is left allocated", async () => {
  const before = device.stats.allocatedBytes;
  await check([keyColumn({ kind: "Float64" }, 5000, 3000, true, 9)], 5000, [ASCENDING]);
  assert.equal(device.stats.allocatedBytes, before);
});
