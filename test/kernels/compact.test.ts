/** Selected rows and bitmap kernels against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DeviceBuffer } from "../../src/gpu/buffers.ts";
import { Device } from "../../src/gpu/device.ts";
import { andBits, andNotBits, bitmapFromBytes, copyBits, countBits, notBits, orBits } from "../../src/gpu/kernels/bits.ts";
import { compact } from "../../src/gpu/kernels/compact.ts";
import { difference, random, SIZES } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

/** `one(row)` for each row as a bitmap from word `at` on, noise before and behind. */
const bitmap = (length: number, at: number, one: (row: number) => boolean): DeviceBuffer => {
  const words = new Uint32Array(at + Math.ceil(length / 32) + 3).fill(0xffffffff);
  words.fill(0, at, at + Math.ceil(length / 32));
  for (let row = 0; row < length; row++) {
    const word = at + (row >>> 5);
    if (one(row)) words[word] = ((words[word] ?? 0) | (1 << (row & 31))) >>> 0;
  }
  const buffer = device.alloc(words.length, "mask");
  device.write(buffer, 0, words);
  return buffer;
};

const packed = (bits: readonly boolean[]): Uint32Array => {
  const words = new Uint32Array(Math.ceil(bits.length / 32));
  for (const [row, bit] of bits.entries()) if (bit) words[row >>> 5] = ((words[row >>> 5] ?? 0) | (1 << (row & 31))) >>> 0;
  return words;
};

const DENSITIES = { none: () => false, all: () => true, half: (word: number) => word % 2 === 0, few: (word: number) => word % 997 === 0 };

for (const count of SIZES) {
  for (const [name, one] of Object.entries(DENSITIES)) {
    test(`compact ${count} rows, ${name} selected`, async () => {
      const next = random(count + 1);
      const bits = Array.from({ length: count }, () => one(next()));
      const at = count % 5;
      const mask = bitmap(count, at, (row) => bits[row] === true);
      const selection = await compact(device, mask, at, count);
      const expected = bits.flatMap((bit, row) => (bit ? [row] : []));
      assert.equal(selection.count, expected.length);
      assert.equal(difference(await device.read(selection.rows, 0, selection.count), expected), -1);
      mask.release();
      selection.rows.release();
    });
  }

  test(`logic and counting of ${count} bits`, async () => {
    const next = random(count + 2);
    const a = Array.from({ length: count }, () => next() % 2 === 0);
    const b = Array.from({ length: count }, () => next() % 3 === 0);
    const left = { buffer: bitmap(count, 2, (row) => a[row] === true), word: 2 };
    const right = { buffer: bitmap(count, 1, (row) => b[row] === true), word: 1 };
    const cases: readonly (readonly [DeviceBuffer, readonly boolean[]])[] = [
      [andBits(device, left, right, count), a.map((bit, row) => bit && b[row] === true)],
      [orBits(device, left, right, count), a.map((bit, row) => bit || b[row] === true)],
      [andNotBits(device, left, right, count), a.map((bit, row) => bit && b[row] === false)],
      [notBits(device, left, count), a.map((bit) => !bit)],
    ];
    for (const [buffer, bits] of cases) {
      const ones = countBits(device, { buffer, word: 0 }, count);
      const [words, total] = await device.readMany([
        { buffer, word: 0, words: Math.ceil(count / 32) },
        { buffer: ones, word: 0, words: 1 },
      ]);
      assert.deepEqual(words, packed(bits));
      assert.equal(total?.[0], bits.filter((bit) => bit).length);
      buffer.release();
      ones.release();
    }
    left.buffer.release();
    right.buffer.release();
  });

  test(`a bitmap from ${count} bytes`, async () => {
    const next = random(count + 3);
    const bytes = Uint8Array.from({ length: count }, () => (next() % 2 === 0 ? 0 : 1 << (next() % 8)));
    const buffer = device.alloc(Math.ceil(count / 4) + 4, "bytes");
    device.write(buffer, 0, new Uint8Array(buffer.words * 4).fill(255));
    device.write(buffer, 0, bytes.subarray(0, count - (count % 4)));
    if (count % 4 > 0) {
      const last = new Uint8Array(4).fill(255);
      last.set(bytes.subarray(count - (count % 4)));
      device.write(buffer, Math.floor(count / 4), last);
    }
    const bits = bitmapFromBytes(device, buffer, count);
    assert.deepEqual(await device.read(bits, 0, Math.ceil(count / 32)), packed(Array.from(bytes, (byte) => byte !== 0)));
    buffer.release();
    bits.release();
  });
}

test("bits are copied between all alignments, in order, and from nothing as ones", async () => {
  const next = random(5);
  const total = 700;
  const source = Array.from({ length: total }, () => next() % 2 === 0);
  const from = { buffer: bitmap(total, 3, (row) => source[row] === true), word: 3 };
  for (let round = 0; round < 60; round++) {
    const target = device.alloc(64, "target");
    device.write(target, 0, new Uint32Array(64).fill(0xffffffff));
    const expected: boolean[] = [];
    for (let piece = 0; piece < 5; piece++) {
      const length = next() % 3 === 0 ? next() % 5 : next() % 200;
      const start = next() % (total - length);
      const ones = next() % 4 === 0;
      copyBits(device, ones ? null : from, start, { buffer: target, word: 2 }, expected.length, length);
      expected.push(...(ones ? Array.from({ length }, () => true) : source.slice(start, start + length)));
    }
    assert.deepEqual(await device.read(target, 2, Math.ceil(expected.length / 32)), packed(expected), `round ${round}`);
    target.release();
  }
  from.buffer.release();
});
