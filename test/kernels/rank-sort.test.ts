/** Few rows encoded and sorted in one dispatch, against JavaScript's stable sort. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import type { KeyOrder } from "../../src/gpu/kernels/keys.ts";
import { sortEncoded } from "../../src/gpu/kernels/rank-sort.ts";
import { columnsProgram } from "../../src/gpu/row-program.ts";
import { difference, download, randomRows, STORAGES, upload } from "./host-column.ts";
import { KEY_TYPES, type KeyColumn, keyColumn, orderedRows, ranksOf } from "./keys-model.ts";

let device: Device;
/** WebGPU's guaranteed limits. */
let narrow: Device;
before(async () => {
  device = await Device.open();
  narrow = await Device.open({ limits: "default" });
});
after(() => {
  device.destroy();
  narrow.destroy();
});

const PLAIN = Array.from({ length: 5 }, (_, i) => ({ dtype: i % 2 === 0 ? STORAGES.w2 : STORAGES.code, nullable: false }));
const ANY = Object.values(STORAGES).flatMap((dtype) => [false, true].map((nullable) => ({ dtype, nullable })));

/** `dispatches`: where all columns are plain. */
async function check(
  own: Device,
  keys: readonly KeyColumn[],
  rows: number,
  order: readonly KeyOrder[],
  most: number,
  dispatches: number,
): Promise<void> {
  const allocated = own.stats.allocatedBytes;
  const sorted = orderedRows(
    keys.flatMap((key) => ranksOf([key])),
    rows,
    order,
  );
  const uploaded = keys.map((key) => upload(own, key.dtype, key.rows, key.nullable));
  for (const kinds of [PLAIN, ANY]) {
    const hosts = kinds.map(({ dtype, nullable }, k) => randomRows(dtype, rows, nullable, k));
    const columns = kinds.map(({ dtype, nullable }, k) => upload(own, dtype, hosts[k] ?? [], nullable));
    await own.idle();
    const before_ = own.stats.dispatches;
    const results = sortEncoded(own, columnsProgram(uploaded), rows, order, columns, most);
    await own.idle();
    assert.ok(results !== null);
    assert.equal(results.length, kinds.length);
    if (kinds === PLAIN) assert.equal(own.stats.dispatches - before_, most === 0 ? 0 : dispatches);
    for (const [k, result] of results.entries()) {
      const source = columns[k];
      assert.deepEqual(
        [result.dtype, result.length, result.dictionary, result.validityOffset !== null],
        [source?.dtype, most, source?.dictionary, source?.validityOffset !== null],
      );
      const expected = Array.from(sorted.subarray(0, most), (row) => hosts[k]?.[row] ?? null);
      assert.equal(difference(await download(own, result), expected), -1, `first ${most} of ${rows}, column ${k}`);
      result.buffer.release();
      source?.buffer.release();
    }
  }
  for (const { buffer } of uploaded) buffer.release();
  assert.equal(own.stats.allocatedBytes, allocated);
}

const ORDERS = [false, true].flatMap((descending) => [false, true].map((nullsLast) => ({ descending, nullsLast })));

for (const rows of [0, 1, 2, 63, 64, 255, 256]) {
  test(`${rows} rows, ties in their order`, async () => {
    for (const distinct of [1, 7, 100_000])
      await check(device, [keyColumn({ kind: "Int64" }, rows, distinct, false, rows + distinct)], rows, ORDERS.slice(0, 1), rows, 1);
  });
}

for (const dtype of KEY_TYPES) {
  test(`${dtype.kind} in every direction, all and the first rows`, async () => {
    for (const order of ORDERS)
      for (const most of [200, 10]) await check(device, [keyColumn(dtype, 200, 40, true, 3)], 200, [order], most, 1);
  });
}

test("several keys, and columns that take two dispatches", async () => {
  const keys = [
    keyColumn({ kind: "Boolean" }, 250, 2, true, 1),
    keyColumn({ kind: "Float64" }, 250, 9, true, 2),
    keyColumn({ kind: "Int32" }, 250, 90, false, 3),
  ];
  await check(device, keys, 250, ORDERS.slice(0, 3), 250, 1);
  await check(narrow, keys, 250, ORDERS.slice(0, 3), 250, 3);
});

test("more rows or keys than one workgroup has room for, and none", async () => {
  const column = upload(device, STORAGES.w1, randomRows(STORAGES.w1, 257, false, 1), false);
  assert.equal(sortEncoded(device, columnsProgram([column]), 257, ORDERS.slice(0, 1), [column], 257), null);
  const wide = Array.from({ length: 8 }, (_, k) => upload(device, STORAGES.w2, randomRows(STORAGES.w2, 100, false, k), false));
  const order = wide.map(() => ({ descending: false, nullsLast: false }));
  assert.equal(sortEncoded(device, columnsProgram(wide), 100, order, wide, 100), null);
  assert.equal(sortEncoded(device, columnsProgram([]), 100, [], wide, 100), null);
  for (const { buffer } of [column, ...wide]) buffer.release();
});
