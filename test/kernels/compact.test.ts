/** Selected rows and bitmap kernels against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DeviceBuffer } from "../../src/gpu/buffers.ts";
import { Device } from "../../src/gpu/device.ts";
import { andBits, andNotBits, bitmapFromBytes, copyBits, countBits, notBits, orBits } from "../../src/gpu/kernels/bits.ts";
import { compactColumns, compactRows, countMarked, MARKED_BLOCK, type MarkedBlocks, releaseMarked } from "../../src/gpu/kernels/compact.ts";
import { markedBlocks, mask } from "../../src/gpu/kernels/map.ts";
import { columnsProgram } from "../../src/gpu/row-program.ts";
import { difference, download, random, randomRows, SIZES, STORAGES, upload } from "./host-column.ts";

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

const marksOf = (own: Device, bits: readonly boolean[]): MarkedBlocks => {
  const counts = new Uint32Array(Math.ceil(bits.length / MARKED_BLOCK));
  const words = packed(bits);
  bits.forEach((bit, row) => {
    if (bit) counts[Math.floor(row / MARKED_BLOCK)] = (counts[Math.floor(row / MARKED_BLOCK)] ?? 0) + 1;
  });
  const marked = { bits: own.alloc(words.length, "mask"), counts: own.alloc(counts.length, "mask counts"), rows: bits.length };
  own.write(marked.bits, 0, words);
  own.write(marked.counts, 0, counts);
  return marked;
};

/** Columns that are taken along, and with others that are not: null bitmaps, bits, more than there are bindings for. */
const COLUMNS = {
  plain: [STORAGES.w1, STORAGES.w2].map((dtype) => ({ dtype, nullable: false })),
  any: Object.values(STORAGES).flatMap((dtype) => [false, true].map((nullable) => ({ dtype, nullable }))),
};

for (const count of [...SIZES, 2047, 2048, 2049, 8191, 8192, 8193]) {
  for (const [name, one] of Object.entries(DENSITIES)) {
    test(`compact ${count} rows, ${name} selected`, async () => {
      const next = random(count + 1);
      const bits = Array.from({ length: count }, () => one(next()));
      const marked = marksOf(device, bits);
      const expected = bits.flatMap((bit, row) => (bit ? [row] : []));
      assert.equal(await countMarked(device, marked), expected.length);
      const rows = compactRows(device, marked, expected.length);
      assert.equal(difference(await device.read(rows, 0, expected.length), expected), -1);
      releaseMarked(marked);
      rows.release();
    });
  }
}

for (const count of [0, 1, 33, 2048, 8193, 300_000]) {
  for (const [name, one] of Object.entries(DENSITIES)) {
    test(`columns of ${count} rows, ${name} selected`, async () => {
      const next = random(count + 4);
      const bits = Array.from({ length: count }, () => one(next()));
      const kept = bits.flatMap((bit, row) => (bit ? [row] : []));
      for (const [own, kinds, dispatches] of [
        [device, COLUMNS.plain, kept.length <= 1 << 18 ? 1 : 2],
        [narrow, COLUMNS.plain, kept.length <= 1 << 18 ? 1 : 2],
        [device, COLUMNS.any, null],
      ] as const) {
        const marked = marksOf(own, bits);
        const hosts = kinds.map(({ dtype, nullable }, k) => randomRows(dtype, count, nullable, k));
        const columns = kinds.map(({ dtype, nullable }, k) => upload(own, dtype, hosts[k] ?? [], nullable));
        await own.idle();
        const before_ = own.stats.dispatches;
        const results = compactColumns(own, marked, columns, kept.length);
        await own.idle();
        if (dispatches !== null) assert.equal(own.stats.dispatches - before_, kept.length === 0 ? 0 : dispatches);
        for (const [k, result] of results.entries()) {
          const source = columns[k];
          assert.deepEqual(
            [result.dtype, result.length, result.dictionary, result.validityOffset !== null],
            [source?.dtype, kept.length, source?.dictionary, source?.validityOffset !== null],
          );
          const expected = kept.map((row) => hosts[k]?.[row] ?? null);
          assert.equal(difference(await download(own, result), expected), -1, `column ${k}`);
          result.buffer.release();
          source?.buffer.release();
        }
        assert.equal(results.length, kinds.length);
        releaseMarked(marked);
      }
    });
  }
}

test("more blocks than a workgroup adds up", async () => {
  const rows = MARKED_BLOCK * (2 ** 14 + 3) + 77;
  const words = new Uint32Array(Math.ceil(rows / 32));
  const counts = new Uint32Array(Math.ceil(rows / MARKED_BLOCK));
  const next = random(11);
  const chosen = [...new Set(Array.from({ length: 5000 }, () => next() % rows))].sort((a, b) => a - b);
  for (const row of chosen) {
    words[row >>> 5] = ((words[row >>> 5] ?? 0) | (1 << (row & 31))) >>> 0;
    counts[Math.floor(row / MARKED_BLOCK)] = (counts[Math.floor(row / MARKED_BLOCK)] ?? 0) + 1;
  }
  const marked = { bits: device.alloc(words.length, "mask"), counts: device.alloc(counts.length, "mask counts"), rows };
  device.write(marked.bits, 0, words);
  device.write(marked.counts, 0, counts);
  assert.equal(await countMarked(device, marked), chosen.length);
  const list = compactRows(device, marked, chosen.length);
  assert.equal(difference(await device.read(list, 0, chosen.length), chosen), -1);
  releaseMarked(marked);
  list.release();
});

for (const count of [...SIZES, 2047, 2048, 2049]) {
  test(`a predicate over ${count} rows as a bitmap, and counted`, async () => {
    const hosts = [false, true].map((nullable, k) => randomRows(STORAGES.bits, count, nullable, k + count));
    const columns = [false, true].map((nullable, k) => upload(device, STORAGES.bits, hosts[k] ?? [], nullable));
    for (const [k, column] of columns.entries()) {
      const program = columnsProgram([column]);
      const compiled = { program, outputs: [{ dtype: STORAGES.bits, dictionary: null }] };
      const expected = (hosts[k] ?? []).map((value) => value === 1);
      const plain = mask(device, compiled, count);
      const marked = markedBlocks(device, compiled, count);
      for (const buffer of [plain, marked.bits])
        assert.equal(difference(await device.read(buffer, 0, Math.ceil(count / 32)), packed(expected)), -1);
      const model = marksOf(device, expected);
      const blocks = Math.ceil(count / MARKED_BLOCK);
      assert.deepEqual(await device.read(marked.counts, 0, blocks), await device.read(model.counts, 0, blocks));
      plain.release();
      releaseMarked(marked);
      releaseMarked(model);
      column.buffer.release();
    }
  });
}

for (const count of SIZES) {
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
