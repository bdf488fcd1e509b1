/** The first rows of a sort against JavaScript's sort. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import type { KeyOrder } from "../../src/gpu/kernels/keys.ts";
import { RANKED_ROWS } from "../../src/gpu/kernels/rank-sort.ts";
import { topColumns } from "../../src/gpu/kernels/top-k.ts";
import { difference, download, randomRows, STORAGES, upload } from "./host-column.ts";
import { encode, KEY_TYPES, type KeyColumn, keyColumn, orderedRows, ranksOf } from "./keys-model.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

const KINDS = [
  ...Array.from({ length: 9 }, (_, i) => ({ dtype: i % 2 === 0 ? STORAGES.w2 : STORAGES.code, nullable: false })),
  { dtype: STORAGES.w1, nullable: true },
];

const check = async (columns: readonly KeyColumn[], rows: number, order: readonly KeyOrder[], ks: readonly number[]): Promise<void> => {
  const planes = encode(device, columns, rows, order);
  const sorted = orderedRows(
    columns.flatMap((column) => ranksOf([column])),
    rows,
    order,
  );
  const hosts = KINDS.map(({ dtype, nullable }, i) => randomRows(dtype, rows, nullable, i));
  const all = KINDS.map(({ dtype, nullable }, i) => upload(device, dtype, hosts[i] ?? [], nullable));
  for (const k of ks) {
    // plain ones, more than a launch has bindings for, and with others
    for (const taken of [all.filter((_, i) => KINDS[i]?.nullable === false), all]) {
      const top = await topColumns(device, planes, taken, k);
      assert.equal(top.length, taken.length);
      for (const [i, column] of top.entries()) {
        const source = taken[i];
        assert.ok(source !== undefined);
        assert.deepEqual(
          [column.dtype, column.length, column.dictionary, column.validityOffset !== null],
          [source.dtype, Math.min(k, rows), source.dictionary, source.validityOffset !== null],
        );
        const host = hosts[all.indexOf(source)];
        const expected = Array.from(sorted.subarray(0, k), (row) => host?.[row] ?? null);
        assert.equal(difference(await download(device, column), expected), -1, `first ${k} of ${rows}, column ${i}`);
        column.buffer.release();
      }
    }
  }
  for (const column of all) column.buffer.release();
  planes.buffer.release();
};

for (const dtype of KEY_TYPES) {
  test(`${dtype.kind}: ties keep their order, nulls first and last`, async () => {
    for (const nullsLast of [false, true])
      await check([keyColumn(dtype, 3000, 500, true, 3)], 3000, [{ descending: nullsLast, nullsLast }], [0, 1, 10, 1000, 3000, 9999]);
  });
}

test("several keys, the first of which tells few rows apart", async () => {
  const rows = 40_000;
  await check(
    [
      keyColumn({ kind: "Boolean" }, rows, 2, true, 1),
      keyColumn({ kind: "Float64" }, rows, 9000, true, 2),
      keyColumn({ kind: "Int32" }, rows, 90, false, 3),
    ],
    rows,
    [
      { descending: false, nullsLast: true },
      { descending: true, nullsLast: true },
      { descending: false, nullsLast: false },
    ],
    [5, 5000],
  );
});

for (const rows of [1, 63, 64, 65, ...Object.values(RANKED_ROWS).flatMap((most) => [most, most + 1])])
  test(`all of ${rows} rows, most and few`, async () => {
    const columns = [keyColumn({ kind: "Float64" }, rows, 200, true, rows), keyColumn({ kind: "Int32" }, rows, 9, false, rows)];
    const order = [true, false].map((descending) => ({ descending, nullsLast: descending }));
    await check(columns, rows, order, [rows, rows - 1, 1]);
  });

test("no rows, no keys, equal keys", async () => {
  const ascending = { descending: false, nullsLast: false };
  await check([keyColumn({ kind: "Int64" }, 0, 5, false, 1)], 0, [ascending], [0, 3]);
  await check([], 100, [], [0, 3]);
  for (const rows of [1000, 3000]) await check([keyColumn({ kind: "Int64" }, rows, 1, false, 1)], rows, [ascending], [3]);
});

test("few of many rows without a round trip, keys that hardly repeat and keys that do, at the edges of tiles", async () => {
  const order = [true, false].map((descending) => ({ descending, nullsLast: descending }));
  for (const rows of [2049, 3072, 5000, 70_000])
    for (const distinct of [3, 1000]) {
      const columns = [keyColumn({ kind: "Int32" }, rows, distinct, true, rows), keyColumn({ kind: "Float64" }, rows, 5000, false, 7)];
      await check(columns, rows, order, [1, 17, 256, 257]);
    }
});

test("600,000 rows, and nothing is left allocated", async () => {
  const before = device.stats.allocatedBytes;
  await check([keyColumn({ kind: "UInt32" }, 600_000, 200_000, false, 8)], 600_000, [{ descending: true, nullsLast: false }], [100]);
  assert.equal(device.stats.allocatedBytes, before);
});
