/** Repeated rows against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OutOfDeviceMemoryError } from "../../src/errors.ts";
import { Device } from "../../src/gpu/device.ts";
import { repeatRows } from "../../src/gpu/kernels/repeat.ts";
import { random } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open({ limits: "default" });
});
after(() => device.destroy());

const COUNTS: Readonly<Record<string, readonly number[]>> = {
  "no rows": [],
  "one row of none": [0],
  "one row": [1],
  "one row of many": [5000],
  "none at the ends": [0, 0, 3, 0, 1, 0, 0],
  "all once": Array.from({ length: 3000 }, () => 1),
  "one large among many": Array.from({ length: 2000 }, (_, i) => (i === 700 ? 9000 : i % 3)),
};

for (const [name, counts] of Object.entries(COUNTS)) test(name, () => check(counts));

test("many rows of random counts", async () => {
  const next = random(5);
  await check(Array.from({ length: 20_000 }, () => (next() % 4 === 0 ? next() % 40 : 0)));
});

test("more rows than fit, also beyond 32 bits", async () => {
  for (const counts of [[2 ** 31, 2 ** 31], [2 ** 32 - 1, 5], [40_000_000]])
    await assert.rejects(() => repeat(counts), OutOfDeviceMemoryError);
});

async function repeat(counts: readonly number[]) {
  const buffer = device.alloc(Math.max(1, counts.length), "counts");
  device.write(buffer, 0, Uint32Array.from(counts));
  return repeatRows(device, buffer, counts.length).finally(() => buffer.release());
}

async function check(counts: readonly number[]): Promise<void> {
  const { rows, places, count } = await repeat(counts);
  const expected = counts.flatMap((n, row) => Array.from({ length: n }, (_, place) => [row, place]));
  assert.equal(count, expected.length);
  const [gotRows, gotPlaces] = await device.readMany([
    { buffer: rows, word: 0, words: count },
    { buffer: places, word: 0, words: count },
  ]);
  assert.deepEqual(
    Array.from(gotRows ?? []),
    expected.map(([row]) => row),
  );
  assert.deepEqual(
    Array.from(gotPlaces ?? []),
    expected.map(([, place]) => place),
  );
  rows.release();
  places.release();
}
