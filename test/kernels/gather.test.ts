/** Rows taken by number against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import { gather, NULL_ROW } from "../../src/gpu/kernels/gather.ts";
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
