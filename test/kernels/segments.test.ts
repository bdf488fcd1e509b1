/** Rows in segments, numbered marks and running values against plain JavaScript. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import { segmentedScan } from "../../src/gpu/kernels/segmented-scan.ts";
import type { Segments } from "../../src/gpu/kernels/segments.ts";
import { markValid, placesOf, segmentStarts } from "../../src/gpu/kernels/segments.ts";
import { windowRows } from "../../src/gpu/kernels/window-rows.ts";
import { columnsProgram } from "../../src/gpu/row-program.ts";
import { random, randomRows, upload } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

/** Rows dealt out to segments of which none is empty, in row order or backwards. */
function dealt(rows: number, segments: number, backwards: boolean): readonly (readonly number[])[] {
  const next = random(rows + segments);
  const lists = Array.from({ length: segments }, (): number[] => []);
  for (let row = 0; row < rows; row++) lists[row < segments ? row : next() % segments]?.push(row);
  return backwards ? lists.map((list) => list.toReversed()) : lists;
}

const words = (values: readonly number[]) => {
  const buffer = device.alloc(values.length, "words");
  device.write(buffer, 0, Uint32Array.from(values));
  return buffer;
};

function onDevice(lists: readonly (readonly number[])[], rows: number): Segments {
  const segment = words(lists.flatMap((list, s) => list.map(() => s)));
  const order = lists.flat();
  const whole = lists.length === 1 && order.every((row, p) => row === p);
  return { rows, whole, order: words(order), segment, starts: segmentStarts(device, segment, rows, lists.length) };
}

/** The bits of a double drawn from numbers of either sign, 40 powers of two apart: any sum of them is exact in 128 bits. */
const drawn = (next: () => number): bigint => (BigInt(next() & 0x800fffff) << 32n) | (BigInt(1003 + (next() % 40)) << 52n) | BigInt(next());

const scaled = (bits: bigint): bigint => {
  const magnitude = ((bits & 0xfffffffffffffn) | (1n << 52n)) << (((bits >> 52n) & 0x7ffn) - 1003n);
  return bits >> 63n === 0n ? magnitude : -magnitude;
};

for (const [rows, segments] of [
  [1, 1],
  [959, 1],
  [961, 2],
  [3841, 1],
  [12_000, 1],
  [12_001, 1],
  [70_000, 5],
  [600_000, 2],
] as const) {
  test(`running sums of ${rows} f64 in ${segments} segments are the exact sums, rounded`, async () => {
    const lists = dealt(rows, segments, rows % 2 === 0);
    const own = onDevice(lists, rows);
    const next = random(rows);
    const values = Array.from({ length: rows }, () => (next() % 7 === 0 ? null : drawn(next)));
    const column = upload(device, { kind: "Float64" }, values, true);
    for (const fromEnd of [false, true]) {
      const sums = segmentedScan(device, "cum_sum", [column], own, { kind: "Float64" }, fromEnd);
      const [words = new Uint32Array()] = await device.readMany([{ buffer: sums.buffer, word: 0, words: 2 * rows }]);
      const found = new Float64Array(words.slice().buffer);
      for (const list of lists) {
        let sum = 0n;
        for (const row of fromEnd ? list.toReversed() : list) {
          const value = values[row] ?? null;
          if (value === null) continue;
          sum += scaled(value);
          assert.equal(found[row], Number(sum) * 2 ** (1003 - 1075), `row ${row}`);
        }
      }
      sums.buffer.release();
    }
    for (const buffer of [column.buffer, own.order, own.segment, own.starts]) buffer.release();
    assert.equal(device.stats.allocatedBytes, 0);
  });
}

for (const [rows, segments] of [
  [1, 1],
  [257, 3],
  [2048, 1],
  [2049, 2],
  [70_000, 5],
  [600_000, 2],
] as const) {
  test(`${rows} rows in ${segments} segments`, async () => {
    const lists = dealt(rows, segments, rows % 2 === 0);
    const own = onDevice(lists, rows);
    const values = randomRows({ kind: "Int32" }, rows, true, rows);
    const column = upload(device, { kind: "Int32" }, values, true);
    const places = placesOf(device, own);
    const numbers = windowRows(device, own, "row_number");
    const shifted = windowRows(device, own, "shift", [], [2]);
    const marks = markValid(device, columnsProgram([column]), own);
    const counts = windowRows(device, own, "count_from_start", [marks.upto]);
    const sums = segmentedScan(device, "cum_sum", [column], own, { kind: "Int32" }, false);
    const highest = segmentedScan(device, "cum_max", [column], own, { kind: "Int32" }, true);
    const read = await device.readMany(
      [places, numbers, shifted, counts, sums.buffer, highest.buffer].map((buffer) => ({ buffer, word: 0, words: rows })),
    );
    let position = 0;
    for (const list of lists) {
      let [sum, count] = [0, 0];
      list.forEach((row, i) => {
        const value = values[row] ?? null;
        if (value !== null) [sum, count] = [(sum + Number(value)) >>> 0, count + 1];
        const found = read.map((part) => part[row]);
        assert.deepEqual(found.slice(0, 4), [position, i, list[i - 2] ?? 0xffffffff, count]);
        if (value !== null) assert.equal(found[4], sum);
        position++;
      });
      let most = -(2 ** 31);
      for (const row of list.toReversed()) {
        const value = values[row] ?? null;
        if (value === null) continue;
        most = Math.max(most, Number(value) | 0);
        assert.equal((read[5]?.[row] ?? 0) | 0, most);
      }
    }
    for (const buffer of [places, numbers, shifted, counts, sums.buffer, highest.buffer, marks.upto, marks.list, column.buffer])
      buffer.release();
    for (const buffer of [own.order, own.segment, own.starts]) buffer.release();
    assert.equal(device.stats.allocatedBytes, 0);
  });
}
