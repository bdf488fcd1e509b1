/** Concatenation and constants against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InternalError } from "../../src/errors.ts";
import { Device } from "../../src/gpu/device.ts";
import { concat } from "../../src/gpu/kernels/concat.ts";
import { constantColumn, constantWords, iota, nullColumn } from "../../src/gpu/kernels/fill.ts";
import { DICTIONARY, difference, download, randomRows, SIZES, STORAGES, upload } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

const NULLABLE = { none: () => false, all: () => true, some: (k: number) => k % 3 === 1 };

for (const [storage, dtype] of Object.entries(STORAGES)) {
  for (const [which, nullable] of Object.entries(NULLABLE)) {
    test(`concat of ${storage} columns, ${which} nullable`, async () => {
      const lengths = [
        33,
        ...SIZES.filter((size) => size < 100_000),
        1,
        0,
        5,
        31,
        ...(which === "some" && storage !== "code" ? [1_000_003, 7] : []),
      ];
      const hosts = lengths.map((length, k) => randomRows(dtype, length, nullable(k), k));
      const columns = hosts.map((host, k) => upload(device, dtype, host, nullable(k)));
      const result = concat(device, columns);
      assert.equal(result.validityOffset !== null, which !== "none");
      assert.equal(result.dictionary, columns[0]?.dictionary);
      assert.equal(difference(await download(device, result), hosts.flat()), -1);
      for (const column of [...columns, result]) column.buffer.release();
    });
  }

  for (const length of SIZES.filter((size) => storage === "w2" || size < 100_000)) {
    test(`constant and null ${storage} columns of ${length} rows`, async () => {
      const dictionary = storage === "code" ? DICTIONARY : null;
      const [low, high] = storage === "bits" ? [1, 0] : [0x89abcdef, 0x01234567];
      const constant = constantColumn(device, dtype, length, low, high, dictionary);
      const value = storage === "w2" ? 0x0123456789abcdefn : low;
      assert.equal(difference(await download(device, constant), new Array(length).fill(value)), -1);
      const zero = constantColumn(device, dtype, length, 0, 0, dictionary);
      assert.equal(difference(await download(device, zero), new Array(length).fill(storage === "w2" ? 0n : 0)), -1);
      const nulls = nullColumn(device, dtype, length, dictionary);
      assert.equal(difference(await download(device, nulls), new Array(length).fill(null)), -1);
      for (const column of [constant, zero, nulls]) column.buffer.release();
    });
  }
}

test("row numbers and constant words", async () => {
  for (const count of SIZES) {
    const numbers = iota(device, 0xffffff00, count);
    const words = constantWords(device, 0xffffffff, count);
    const [a, b] = await device.readMany([
      { buffer: numbers, word: 0, words: count },
      { buffer: words, word: 0, words: count },
    ]);
    assert.equal(
      difference(
        a ?? [],
        Array.from({ length: count }, (_, i) => (0xffffff00 + i) >>> 0),
      ),
      -1,
    );
    assert.ok(b?.length === count && b.every((word) => word === 0xffffffff));
    numbers.release();
    words.release();
  }
});

test("concat of one column retains it; of none or of different kinds is an error", () => {
  const one = upload(device, STORAGES.w1, [1, 2, 3], false);
  const other = upload(device, STORAGES.w2, [1n], false);
  assert.equal(concat(device, [one]), one);
  one.buffer.release();
  assert.throws(() => concat(device, []), InternalError);
  assert.throws(() => concat(device, [one, other]), InternalError);
  one.buffer.release();
  other.buffer.release();
  assert.throws(() => one.buffer.release(), InternalError);
});
