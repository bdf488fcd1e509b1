/** Columns of row numbers against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import { NULL_ROW } from "../../src/gpu/kernels/gather.ts";
import { rowNumbers } from "../../src/gpu/kernels/row-numbers.ts";
import { random, SIZES, upload } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

for (const count of SIZES) {
  for (const nullable of [false, true]) {
    test(`${count} row numbers${nullable ? ", some null" : ""}`, async () => {
      const next = random(count + 1);
      const height = 1 + (count >>> 1);
      const numbers = Array.from({ length: count }, () => (nullable && next() % 4 === 0 ? null : next() % height));
      const present = numbers.filter((n) => n !== null);
      const column = upload(device, { kind: "UInt32" }, numbers, nullable);
      for (const rows of [height, present.reduce((most, n) => Math.max(most, n), 0)]) {
        const found = rowNumbers(device, column, rows);
        assert.deepEqual([found.count, found.mayBeNull], [count, nullable]);
        const [own, beyond] = await device.readMany([
          { buffer: found.rows, word: 0, words: count },
          { buffer: found.beyond, word: 0, words: 1 },
        ]);
        assert.deepEqual(
          own,
          Uint32Array.from(numbers, (n) => n ?? NULL_ROW),
        );
        assert.equal(beyond?.[0], present.some((n) => n >= rows) ? 1 : 0);
        for (const buffer of [found.rows, found.beyond]) buffer.release();
      }
      column.buffer.release();
    });
  }
}
