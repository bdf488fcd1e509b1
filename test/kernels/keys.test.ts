/** Key planes: canonical words, null bits, and ordered words. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import { encodeEquality, hashKeys, type KeyPlanes } from "../../src/gpu/kernels/keys.ts";
import { columnsProgram } from "../../src/gpu/row-program.ts";
import { difference, upload } from "./host-column.ts";
import { encode, f32Bits, f64Bits, KEY_TYPES, type KeyColumn, keyColumn, keyText, ranksOf } from "./keys-model.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

const planesOf = async (keys: KeyPlanes): Promise<Uint32Array[]> => {
  const words = await device.read(keys.buffer, 0, keys.planes * keys.stride);
  keys.buffer.release();
  return Array.from({ length: keys.planes }, (_, p) => words.slice(p * keys.stride, p * keys.stride + keys.rows));
};

const column = (kind: "Boolean" | "Int32" | "Float32" | "Float64" | "Int64", rows: KeyColumn["rows"]): KeyColumn => ({
  dtype: { kind },
  nullable: rows.includes(null),
  rows,
});

test("equality words are canonical, and nulls are zero words with a bit of their key", async () => {
  const keys = encode(
    device,
    [
      column("Float64", [1n << 63n, f64Bits(Number.NaN) | (1n << 63n), 0x7ff0000000000001n, null, f64Bits(-1.5)]),
      column("Int32", [5, 0xffffffff, 0, 7, 0x80000000]),
      column("Float32", [0x80000000, 0xffffffff, null, null, f32Bits(2)]),
      column("Boolean", [1, 0, 1, null, 1]),
    ],
    5,
  );
  assert.equal(keys.nullPlane, 5);
  assert.equal(keys.stride % 64, 0);
  const planes = await planesOf(keys);
  assert.deepEqual(
    planes.map((plane) => [...plane]),
    [
      [0, 0, 0, 0, 0],
      [0, 0x7ff80000, 0x7ff80000, 0, 0xbff80000],
      [5, 0xffffffff, 0, 7, 0x80000000],
      [0, 0x7fc00000, 0, 0, 0x40000000],
      [1, 0, 1, 0, 1],
      [0, 0, 0b100, 0b1101, 0],
    ],
  );
});

test("a lone column of canonical words without nulls is its own key; all else is encoded", () => {
  for (const { dtype, nullable, more, own } of [
    { dtype: "Int64", nullable: false, more: false, own: true },
    { dtype: "UInt32", nullable: false, more: false, own: true },
    { dtype: "String", nullable: false, more: false, own: true },
    { dtype: "Int64", nullable: true, more: false, own: false },
    { dtype: "Int64", nullable: false, more: true, own: false },
    { dtype: "Float64", nullable: false, more: false, own: false },
    { dtype: "Float32", nullable: false, more: false, own: false },
    { dtype: "Boolean", nullable: false, more: false, own: false },
  ] as const) {
    const columns = (more ? [dtype, dtype] : [dtype]).map((kind) => upload(device, { kind }, [1, 0], nullable));
    const keys = hashKeys(device, columnsProgram(columns), 2);
    const name = `${dtype}${nullable ? ", nullable" : ""}${more ? ", two" : ""}`;
    assert.equal(keys.buffer === columns[0]?.buffer, own, name);
    assert.equal(keys.interleaved, own && dtype === "Int64", name);
    for (const { buffer } of columns) buffer.release();
    keys.buffer.release();
  }
});

test("keys that are never null have no null plane", async () => {
  const keys = encode(device, [column("Int64", [1n << 40n, 3n])], 2);
  assert.equal(keys.nullPlane, null);
  assert.deepEqual(
    (await planesOf(keys)).map((plane) => [...plane]),
    [
      [0, 3],
      [256, 0],
    ],
  );
});

test("several programs number their keys through, beyond 32 of them", async () => {
  // keys 0 .. 39 in programs of 5; only keys 3 and 34 are nullable
  const rows = 300;
  const columns = Array.from({ length: 40 }, (_, k) => keyColumn({ kind: "UInt32" }, rows, 1000, k === 3 || k === 34, k + 1));
  const uploaded = columns.map((key) => upload(device, key.dtype, key.rows, key.nullable));
  const programs = Array.from({ length: 8 }, (_, p) => columnsProgram(uploaded.slice(p * 5, p * 5 + 5)));
  const keys = encodeEquality(device, programs, rows);
  assert.equal(keys.planes, 42);
  assert.equal(keys.nullPlane, 40);
  const planes = await planesOf(keys);
  columns.forEach((key, k) => {
    assert.equal(
      difference(
        planes[k] ?? [],
        key.rows.map((word) => word ?? 0),
      ),
      -1,
      `key ${k}`,
    );
  });
  assert.equal(difference(planes[40] ?? [], columns[3]?.rows.map((word) => (word === null ? 8 : 0)) ?? []), -1);
  assert.equal(difference(planes[41] ?? [], columns[34]?.rows.map((word) => (word === null ? 4 : 0)) ?? []), -1);
  for (const { buffer } of uploaded) buffer.release();
});

test("two programs may share a word of null bits", async () => {
  const rows = 100;
  const columns = [1, 2].map((seed) => keyColumn({ kind: "UInt32" }, rows, 50, true, seed));
  const uploaded = columns.map((key) => upload(device, key.dtype, key.rows, key.nullable));
  const keys = encodeEquality(
    device,
    uploaded.map((one) => columnsProgram([one])),
    rows,
  );
  const nulls = (await planesOf(keys))[2] ?? [];
  const expected = Array.from({ length: rows }, (_, row) =>
    columns.reduce((bits, key, k) => bits | (key.rows[row] === null ? 1 << k : 0), 0),
  );
  assert.equal(difference(nulls, expected), -1);
  for (const { buffer } of uploaded) buffer.release();
});

test("no rows and no keys", async () => {
  const empty = encode(device, [column("Int64", [])], 0);
  assert.deepEqual([empty.planes, empty.rows], [2, 0]);
  empty.buffer.release();
  const none = encode(device, [], 17);
  assert.deepEqual([none.planes, none.rows, none.nullPlane], [0, 17, null]);
  none.buffer.release();
});

const wordsText = (planes: readonly Uint32Array[], row: number): string =>
  planes.map((plane) => (plane[row] ?? 0).toString(16).padStart(8, "0")).join("");

for (const dtype of KEY_TYPES) {
  for (const nullable of [false, true]) {
    test(`${dtype.kind}${nullable ? " with nulls" : ""}: words are equal where values are, and ordered as values are`, async () => {
      const rows = 600;
      const key = keyColumn(dtype, rows, 60, nullable, 7);
      const ranks = ranksOf([key]);
      const equality = await planesOf(encode(device, [key], rows));
      const texts = new Map<string, string>();
      for (let row = 0; row < rows; row++) {
        const value = keyText(ranks, row);
        const words = wordsText(equality, row);
        assert.equal(texts.get(value) ?? words, words, "equal values have equal words");
        texts.set(value, words);
      }
      assert.equal(new Set(texts.values()).size, texts.size, "different values have different words");

      for (const descending of [false, true]) {
        for (const nullsLast of [false, true]) {
          const planes = await planesOf(encode(device, [key], rows, [{ descending, nullsLast }]));
          const level = (rank: number): number => (rank < 0 ? (nullsLast ? Infinity : -Infinity) : descending ? -rank : rank);
          for (let row = 1; row < rows; row++) {
            const [a = 0, b = 0] = [ranks[0]?.[row - 1], ranks[0]?.[row]];
            const [x, y] = [wordsText(planes, row - 1), wordsText(planes, row)];
            assert.equal(Math.sign(level(a) === level(b) ? 0 : level(a) - level(b)), x < y ? -1 : x > y ? 1 : 0, `row ${row}`);
          }
        }
      }
    });
  }
}
