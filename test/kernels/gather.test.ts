/** Rows taken by number against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import { gather, gatherLists, NULL_ROW } from "../../src/gpu/kernels/gather.ts";
import { difference, download, random, randomRows, SIZES, STORAGES, upload } from "./host-column.ts";

/** Default limits: three columns in a dispatch, so that nine take three. */
let device: Device;
let wide: Device;
before(async () => {
  device = await Device.open({ limits: "default" });
  wide = await Device.open();
});
after(() => {
  device.destroy();
  wide.destroy();
});

const DTYPES = Object.values(STORAGES);

for (const count of SIZES) {
  for (const mayBeNull of [false, true]) {
    test(`gather ${count} rows${mayBeNull ? " of which some are null" : ""}`, async () => {
      const next = random(count + 1);
      const own = count % 2 === 0 ? device : wide;
      const height = count > 1_000_000 ? 300_000 : count === 257 && mayBeNull ? 0 : 1 + (count >>> 1);
      const rows = Uint32Array.from({ length: count }, () =>
        height === 0 || (mayBeNull && next() % 4 === 0) ? NULL_ROW : next() % height,
      );
      const numbers = own.alloc(count, "rows");
      own.write(numbers, 0, rows);
      const kinds = DTYPES.flatMap((dtype) => (count > 1_000_000 ? [!mayBeNull] : [false, true]).map((nullable) => ({ dtype, nullable })));
      const hosts = kinds.map(({ dtype, nullable }, k) => randomRows(dtype, height, nullable, k));
      const columns = kinds.map(({ dtype, nullable }, k) => upload(own, dtype, hosts[k] ?? [], nullable));
      const results = gather(own, columns, numbers, count, mayBeNull);
      assert.equal(results.length, columns.length);
      for (const [k, result] of results.entries()) {
        const source = columns[k];
        assert.ok(source !== undefined);
        assert.deepEqual(
          [result.dtype, result.length, result.dictionary, result.validityOffset !== null],
          [source.dtype, count, source.dictionary, mayBeNull || source.validityOffset !== null],
        );
        const expected = Array.from(rows, (row) => (row === NULL_ROW ? null : hosts[k]?.[row]));
        assert.equal(difference(await download(own, result), expected), -1, `column ${k}`);
        result.buffer.release();
        source.buffer.release();
      }
      numbers.release();
    });
  }
}

test("several lists of rows share dispatches where all columns are plain", async () => {
  const height = 500;
  const count = 3000;
  for (const [own, mayBeNull, dispatches] of [
    [wide, false, 1],
    [device, false, 2],
    [wide, true, 2],
  ] as const) {
    const next = random(7);
    const rows = [0, 1].map((list) =>
      Uint32Array.from({ length: count }, () => (mayBeNull && list === 1 && next() % 4 === 0 ? NULL_ROW : next() % height)),
    );
    const dtypes = [
      [STORAGES.w1, STORAGES.w2],
      [STORAGES.w2, STORAGES.w1],
    ] as const;
    const hosts = dtypes.map((some, list) => some.map((dtype, k) => randomRows(dtype, height, false, 10 * list + k)));
    const lists = dtypes.map((some, list) => {
      const numbers = own.alloc(count, "rows");
      own.write(numbers, 0, rows[list] ?? new Uint32Array(0));
      const columns = some.map((dtype, k) => upload(own, dtype, hosts[list]?.[k] ?? [], false));
      return { columns, rows: numbers, mayBeNull: mayBeNull && list === 1 };
    });
    await own.idle();
    const before_ = own.stats.dispatches;
    const results = gatherLists(own, lists, count);
    await own.idle();
    assert.equal(own.stats.dispatches - before_, dispatches);
    for (const [list, some] of results.entries()) {
      for (const [k, result] of some.entries()) {
        const expected = Array.from(rows[list] ?? [], (row) => (row === NULL_ROW ? null : hosts[list]?.[k]?.[row]));
        assert.equal(difference(await download(own, result), expected), -1, `list ${list}, column ${k}`);
        result.buffer.release();
      }
    }
    for (const { columns, rows: numbers } of lists) {
      numbers.release();
      for (const column of columns) column.buffer.release();
    }
  }
});
