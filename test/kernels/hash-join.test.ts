/** Hash joins against nested JavaScript loops over a Map. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InternalError, OutOfDeviceMemoryError } from "../../src/errors.ts";
import { Device } from "../../src/gpu/device.ts";
import { buildTable, crossJoin, type JoinKind, type JoinRows, probe, unmatchedBuild } from "../../src/gpu/kernels/hash-join.ts";
import { difference } from "./host-column.ts";
import { encode, KEY_TYPES, type KeyColumn, keyColumn, keyText, ranksOf } from "./keys-model.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

const NONE = 0xffffffff;
const KINDS: readonly JoinKind[] = ["inner", "left", "semi", "anti"];

interface Side {
  readonly columns: readonly KeyColumn[];
  readonly rows: number;
}

/** Texts of the keys of both sides by common ranks; null for a row that matches nothing. */
const keysOf = (left: Side, right: Side, nullsEqual: boolean): readonly (readonly (string | null)[])[] => {
  const ranks = left.columns.map((column, k) => {
    const other = right.columns[k];
    return ranksOf(other === undefined ? [column] : [column, other]);
  });
  return [left, right].map((side, s) => {
    const own = ranks.map((pair) => pair[s] ?? new Int32Array(0));
    return Array.from({ length: side.rows }, (_, row) =>
      !nullsEqual && own.some((column) => column[row] === -1) ? null : keyText(own, row),
    );
  });
};

const readRows = async (join: JoinRows): Promise<{ left: Uint32Array; right: Uint32Array | null }> => {
  const left = await device.read(join.left, 0, join.count);
  const right = join.right === null ? null : await device.read(join.right, 0, join.count);
  join.left.release();
  join.right?.release();
  return { left, right };
};

/** Checks the kinds, and after a probe that records its matches the unmatched build rows. */
const check = async (left: Side, right: Side, nullsEqual: boolean, kinds: readonly JoinKind[] = KINDS): Promise<void> => {
  const [leftKeys = [], rightKeys = []] = keysOf(left, right, nullsEqual);
  const rowsOf = new Map<string, number[]>();
  rightKeys.forEach((key, row) => {
    if (key === null) return;
    const rows = rowsOf.get(key);
    if (rows === undefined) rowsOf.set(key, [row]);
    else rows.push(row);
  });
  const probed = encode(device, left.columns, left.rows);
  const built = encode(device, right.columns, right.rows);
  for (const recordMatches of [false, true]) {
    const table = await buildTable(device, built, { nullsEqual, recordMatches });
    for (const kind of recordMatches ? kinds.slice(0, 1) : kinds) {
      const expected: { readonly left: number[]; readonly right: number[] } = { left: [], right: [] };
      leftKeys.forEach((key, row) => {
        const matches = (key === null ? undefined : rowsOf.get(key)) ?? [];
        const found = kind === "anti" ? (matches.length === 0 ? [NONE] : []) : kind === "semi" ? matches.slice(0, 1) : matches;
        for (const match of found.length === 0 && kind === "left" ? [NONE] : found) {
          expected.left.push(row);
          expected.right.push(match);
        }
      });
      const join = await probe(device, table, probed, kind);
      assert.equal(join.count, expected.left.length, `${kind}: count`);
      const actual = await readRows(join);
      assert.equal(difference(actual.left, expected.left), -1, `${kind}: left`);
      if (kind === "semi" || kind === "anti") assert.equal(actual.right, null);
      else assert.equal(difference(actual.right ?? [], expected.right), -1, `${kind}: right`);
    }
    if (recordMatches) {
      const asked = new Set(leftKeys);
      const expected = rightKeys.flatMap((key, row) => (key !== null && asked.has(key) ? [] : [row]));
      const unmatched = await unmatchedBuild(device, table);
      assert.equal(unmatched.count, expected.length, "unmatched count");
      assert.equal(difference(await device.read(unmatched.rows, 0, unmatched.count), expected), -1, "unmatched rows");
      unmatched.rows.release();
    }
    table.release();
  }
  probed.buffer.release();
  built.buffer.release();
};

const side = (...columns: readonly KeyColumn[]): Side => ({ columns, rows: columns[0]?.rows.length ?? 0 });
const uints = (rows: readonly (number | null)[]): KeyColumn => ({ dtype: { kind: "UInt32" }, nullable: rows.includes(null), rows });

for (const dtype of KEY_TYPES) {
  test(`${dtype.kind}: special values, nulls equal and not`, async () => {
    for (const nullsEqual of [false, true]) {
      await check(side(keyColumn(dtype, 700, 60, true, 21)), side(keyColumn(dtype, 300, 60, true, 21)), nullsEqual);
    }
  });
}

test("sizes from nothing on either side", async () => {
  for (const [l, r] of [
    [0, 0],
    [0, 5],
    [5, 0],
    [1, 1],
    [257, 33],
    [33, 4097],
  ] as const) {
    await check(side(keyColumn({ kind: "Int64" }, l, 20, false, 5)), side(keyColumn({ kind: "Int64" }, r, 20, false, 6)), false);
  }
});

test("null planes on one side only", async () => {
  const nullable = side(keyColumn({ kind: "Int32" }, 900, 30, true, 1), keyColumn({ kind: "UInt64" }, 900, 4, true, 2));
  const plain = side(keyColumn({ kind: "Int32" }, 400, 30, false, 1), keyColumn({ kind: "UInt64" }, 400, 4, false, 2));
  for (const nullsEqual of [false, true]) {
    await check(nullable, plain, nullsEqual);
    await check(plain, nullable, nullsEqual);
  }
});

test("unique build keys", async () => {
  const rows = 5000;
  const build = uints(Array.from({ length: rows }, (_, row) => row * 3));
  const probed = keyColumn({ kind: "UInt32" }, 20_000, 1, false, 1).rows.map((_, row) => (row * 7919) % (rows * 6));
  await check(side(uints(probed)), side(build), false);
  // nulls that match nothing do not make keys repeat; nulls that are equal do
  const withNulls = uints(Array.from({ length: 1000 }, (_, row) => (row % 10 === 0 ? null : row)));
  for (const nullsEqual of [false, true]) await check(side(uints([1, null, 10, 999, 2000, null])), side(withNulls), nullsEqual);
});

test("300,000 rows with a dimension of 40,000 by two keys", async () => {
  const left = side(keyColumn({ kind: "Int64" }, 300_000, 20_000, true, 3), keyColumn({ kind: "Boolean" }, 300_000, 2, false, 4));
  const right = side(keyColumn({ kind: "Int64" }, 40_000, 20_000, true, 3), keyColumn({ kind: "Boolean" }, 40_000, 2, true, 5));
  await check(left, right, false, ["inner", "left"]);
});

test("many to many: rows without matches between rows with thousands", async () => {
  const left = uints(Array.from({ length: 3000 }, (_, row) => (row % 500 === 250 ? 7 : row % 100 === 3 ? 8 : row + 1000)));
  const right = uints(Array.from({ length: 6000 }, (_, row) => (row % 2 === 0 ? 7 : row % 3 === 0 ? 8 : 10_000_000 + row)));
  await check(side(left), side(right), false);
});

test("a million matches of one key", async () => {
  await check(side(uints(new Array(1000).fill(1))), side(uints(new Array(1000).fill(1))), false, ["inner"]);
});

test("no keys: every pair matches", async () => {
  await check({ columns: [], rows: 30 }, { columns: [], rows: 40 }, false);
});

test("several probes add to what is unmatched", async () => {
  const built = encode(device, [uints([1, 2, 2, 3, null, 4])], 6);
  const table = await buildTable(device, built, { nullsEqual: false, recordMatches: true });
  for (const keys of [[2], [4, null, 9]]) {
    const probed = encode(device, [uints(keys)], keys.length);
    await readRows(await probe(device, table, probed, "left"));
    probed.buffer.release();
  }
  const unmatched = await unmatchedBuild(device, table);
  assert.deepEqual([...(await device.read(unmatched.rows, 0, unmatched.count))], [0, 3, 4]);
  for (const part of [unmatched.rows, built.buffer, table]) part.release();
});

test("an output beyond 2^32 rows is refused, not wrapped", async () => {
  // 65,536 x 65,536 pairs: exactly 2^32, whose low word is 0
  const keys = encode(device, [uints(new Array(65_536).fill(5))], 65_536);
  const table = await buildTable(device, keys, { nullsEqual: false });
  await assert.rejects(probe(device, table, keys, "inner"), OutOfDeviceMemoryError);
  assert.throws(() => crossJoin(device, 65_536, 65_536), OutOfDeviceMemoryError);
  table.release();
  keys.buffer.release();
});

test("sides with other keys, and unmatched rows that nobody recorded, are bugs", async () => {
  const narrow = encode(device, [uints([1, 2])], 2);
  const wide = encode(device, [keyColumn({ kind: "Int64" }, 2, 2, false, 1)], 2);
  const table = await buildTable(device, narrow, { nullsEqual: false });
  await assert.rejects(probe(device, table, wide, "inner"), InternalError);
  await assert.rejects(async () => unmatchedBuild(device, table), InternalError);
  for (const part of [narrow.buffer, wide.buffer, table]) part.release();
});

test("cross join", async () => {
  for (const [l, r] of [
    [0, 3],
    [3, 0],
    [1, 1],
    [300, 7],
    [7, 300],
  ] as const) {
    const join = crossJoin(device, l, r);
    assert.equal(join.count, l * r);
    const { left, right } = await readRows(join);
    assert.equal(
      difference(
        left,
        Array.from({ length: l * r }, (_, i) => Math.floor(i / r)),
      ),
      -1,
    );
    assert.equal(
      difference(
        right ?? [],
        Array.from({ length: l * r }, (_, i) => i % r),
      ),
      -1,
    );
  }
});

test("nothing is left allocated, after failures neither", async () => {
  const before = device.stats.allocatedBytes;
  await check(side(keyColumn({ kind: "Float64" }, 2000, 300, true, 9)), side(keyColumn({ kind: "Float64" }, 500, 300, true, 9)), true);
  const keys = encode(device, [uints(new Array(65_536).fill(5))], 65_536);
  const table = await buildTable(device, keys, { nullsEqual: false });
  await assert.rejects(probe(device, table, keys, "inner"), OutOfDeviceMemoryError);
  table.release();
  keys.buffer.release();
  assert.equal(device.stats.allocatedBytes, before);
});
