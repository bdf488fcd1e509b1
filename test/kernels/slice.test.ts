/** Ranges of rows against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InternalError } from "../../src/errors.ts";
import { Device } from "../../src/gpu/device.ts";
import { slice } from "../../src/gpu/kernels/slice.ts";
import { difference, download, random, randomRows, SIZES, STORAGES, upload } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

for (const [storage, dtype] of Object.entries(STORAGES)) {
  for (const nullable of [false, true]) {
    test(`slices of ${storage} columns${nullable ? " with nulls" : ""}`, async () => {
      const next = random(9);
      for (const height of SIZES.filter((size) => nullable || size < 100_000)) {
        const rows = randomRows(dtype, height, nullable, height);
        const column = upload(device, dtype, rows, nullable);
        const ranges = [0, 1, 31, 32, 33, 1000].filter((offset) => offset <= height).map((offset) => [offset, height - offset] as const);
        const inner = Array.from({ length: height > 100_000 ? 1 : 6 }, () => {
          const offset = next() % (height + 1);
          return [offset, next() % (height - offset + 1)] as const;
        });
        for (const [offset, length] of [...(height > 100_000 ? ranges.slice(-1) : ranges), [height, 0] as const, ...inner]) {
          const part = slice(device, column, offset, length);
          assert.deepEqual([part.dtype, part.length, part.dictionary], [dtype, length, column.dictionary]);
          assert.equal(
            difference(await download(device, part), rows.slice(offset, offset + length)),
            -1,
            `${offset} + ${length} of ${height}`,
          );
          part.buffer.release();
        }
        column.buffer.release();
      }
    });
  }
}

test("a slice outside of the column is an error, the whole column is retained", () => {
  const column = upload(device, STORAGES.w1, [1, 2, 3], true);
  assert.throws(() => slice(device, column, 1, 3), InternalError);
  assert.throws(() => slice(device, column, -1, 1), InternalError);
  assert.equal(slice(device, column, 0, 3), column);
  column.buffer.release();
  column.buffer.release();
  assert.throws(() => column.buffer.release(), InternalError);
});
