/** Prefix sums against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import { exclusiveScan, inclusiveScan } from "../../src/gpu/kernels/scan.ts";
import { difference, random, SIZES } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

for (const count of [
  ...SIZES,
  4095,
  4096,
  4097,
  16_384,
  16_385,
  5 * 4096,
  8 * 4096,
  8 * 4096 + 1,
  64 * 4096,
  64 * 4096 + 1,
  4096 * 4096 + 1,
]) {
  test(`scan of ${count} values`, async () => {
    const next = random(count);
    const data = Uint32Array.from({ length: count + 7 }, () => next());
    const values = device.alloc(count + 7, "values");
    device.write(values, 0, data);
    const before_ = new Uint32Array(count);
    const upto = new Uint32Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      before_[i] = sum;
      sum = (sum + (data[i] ?? 0)) >>> 0;
      upto[i] = sum;
    }
    const exclusive = exclusiveScan(device, values, count);
    const inclusive = inclusiveScan(device, values, count);
    values.release();
    const [a, b, c, d] = await device.readMany([
      { buffer: exclusive.offsets, word: 0, words: count },
      { buffer: inclusive.offsets, word: 0, words: count },
      { buffer: exclusive.total, word: 0, words: 1 },
      { buffer: inclusive.total, word: 0, words: 1 },
    ]);
    assert.ok(a !== undefined && b !== undefined);
    assert.equal(difference(a, before_), -1);
    assert.equal(difference(b, upto), -1);
    assert.deepEqual([c?.[0], d?.[0]], [sum, sum]);
    for (const buffer of [exclusive.offsets, exclusive.total, inclusive.offsets, inclusive.total]) buffer.release();
  });
}

test("a scan of more than a binding goes window by window", async () => {
  const count = Math.floor(device.limits.bindingBytes / 4) + 5000;
  if (count > 2 ** 27) return;
  const values = device.alloc(count, "values");
  const one = device.alloc(1 << 20, "ones");
  device.write(one, 0, new Uint32Array(1 << 20).fill(3));
  for (let at = 0; at < count; at += 1 << 20) device.copy(one, 0, values, at, Math.min(1 << 20, count - at));
  const { offsets, total } = exclusiveScan(device, values, count);
  const parts = [count >>> 1, count - 6000, count - 1].map((word) => ({ buffer: offsets, word, words: 1 }));
  const words = await device.readMany([...parts, { buffer: total, word: 0, words: 1 }]);
  assert.deepEqual(
    words.map((word) => word[0]),
    [(count >>> 1) * 3, (count - 6000) * 3, (count - 1) * 3, count * 3],
  );
  for (const buffer of [values, one, offsets, total]) buffer.release();
  device.trim();
});
