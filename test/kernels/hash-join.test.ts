/** Hash joins against nested JavaScript loops over a Map. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { InternalError, OutOfDeviceMemoryError } from "../../src/errors.ts";
import type { DeviceBuffer } from "../../src/gpu/buffers.ts";
import type { Column } from "../../src/gpu/column.ts";
import { Device } from "../../src/gpu/device.ts";
import { buildTable, joinByLeft, probe, unmatchedRight } from "../../src/gpu/kernels/hash-join.ts";
import { groupBySlot } from "../../src/gpu/kernels/hash-join-groups.ts";
import type { JoinKind } from "../../src/gpu/kernels/hash-join-tally.ts";
import { crossJoin, type JoinRows } from "../../src/gpu/kernels/join-expand.ts";
import { matchInPlace, matchInPlaceByLeft, type RowsInPlace } from "../../src/gpu/kernels/join-in-place.ts";
import { bitmapOf, difference, download, upload } from "./host-column.ts";
import { KEY_TYPES, type KeyColumn, keyColumn, keyText, ranksOf, tableKeys } from "./keys-model.ts";

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

/** Which rows of a side take part; null: all. */
type Taking = ((row: number) => boolean) | null;

const maskOf = (rows: number, taking: Taking): DeviceBuffer | null => {
  if (taking === null) return null;
  const words = bitmapOf(Array.from({ length: rows }, (_, row) => taking(row)));
  const mask = device.alloc(Math.max(1, words.length), "taking");
  device.write(mask, 0, words);
  return mask;
};

/** Checks the kinds both ways, by a table of either side, and after a probe that records its matches the unmatched right rows. */
const check = async (
  left: Side,
  right: Side,
  nullsEqual: boolean,
  kinds: readonly JoinKind[] = KINDS,
  taking: { readonly left: Taking; readonly right: Taking } = { left: null, right: null },
): Promise<void> => {
  const [leftKeys = [], rightKeys = []] = keysOf(left, right, nullsEqual);
  const rowsOf = new Map<string, number[]>();
  rightKeys.forEach((key, row) => {
    if (key === null || taking.right?.(row) === false) return;
    const rows = rowsOf.get(key);
    if (rows === undefined) rowsOf.set(key, [row]);
    else rows.push(row);
  });
  const expectedOf = (kind: JoinKind): { readonly left: number[]; readonly right: number[] } => {
    const expected: { readonly left: number[]; readonly right: number[] } = { left: [], right: [] };
    leftKeys.forEach((key, row) => {
      if (taking.left?.(row) === false) return;
      const matches = (key === null ? undefined : rowsOf.get(key)) ?? [];
      const found = kind === "anti" ? (matches.length === 0 ? [NONE] : []) : kind === "semi" ? matches.slice(0, 1) : matches;
      for (const match of found.length === 0 && kind === "left" ? [NONE] : found) {
        expected.left.push(row);
        expected.right.push(match);
      }
    });
    return expected;
  };
  const compare = async (join: JoinRows, kind: JoinKind, way: string): Promise<void> => {
    const expected = expectedOf(kind);
    assert.equal(join.count, expected.left.length, `${kind} ${way}: count`);
    const actual = await readRows(join);
    assert.equal(difference(actual.left, expected.left), -1, `${kind} ${way}: left`);
    if (kind === "semi" || kind === "anti") assert.equal(actual.right, null);
    else assert.equal(difference(actual.right ?? [], expected.right), -1, `${kind} ${way}: right`);
  };
  const probed = { keys: tableKeys(device, left.columns, left.rows), mask: maskOf(left.rows, taking.left) };
  const built = { keys: tableKeys(device, right.columns, right.rows), mask: maskOf(right.rows, taking.right) };
  for (const kind of kinds) {
    await compare(await joinByLeft(device, probed, built, kind, { nullsEqual }), kind, "by left");
    const table = buildTable(device, built, { nullsEqual, pairs: kind === "inner" || kind === "left" });
    // a second probe of the same table uses what the first one made
    for (const way of ["by right", "by right again"]) await compare(await probe(device, table, probed, kind), kind, way);
    table.release();
  }
  const table = buildTable(device, built, { nullsEqual, recordMatches: true, pairs: true });
  await compare(await probe(device, table, probed, "left"), "left", "recording");
  const asked = new Set(leftKeys.filter((_, row) => taking.left?.(row) !== false));
  const expected = rightKeys.flatMap((key, row) => (taking.right?.(row) === false || (key !== null && asked.has(key)) ? [] : [row]));
  const unmatched = await unmatchedRight(device, table);
  assert.equal(unmatched.count, expected.length, "unmatched count");
  assert.equal(difference((await readRows(unmatched)).left, expected), -1, "unmatched rows");
  table.release();
  const allTake = taking.left === null;
  for (const kind of kinds.filter((kind) => left.rows > 0 && right.rows > 0 && (kind !== "left" || allTake))) {
    const several = [...rowsOf].filter(([, rows]) => rows.length > 1);
    const repeats = { right: several.length > 0, left: several.some(([key]) => asked.has(key)) };
    for (const [way, match] of Object.entries({ right: matchInPlace, left: matchInPlaceByLeft } as const)) {
      const what = `${kind} in place by ${way}`;
      await compareInPlace(match(device, probed, built, kind, { nullsEqual }, []), kind, expectedOf(kind), what, {
        rows: left.rows,
        repeats: way === "right" ? repeats.right : repeats.left,
      });
    }
  }
  for (const { keys, mask } of [probed, built]) {
    keys.buffer.release();
    mask?.release();
  }
};

/** Which left rows have an output row and the right row of each, or that right rows repeat; frees the buffers. */
async function compareInPlace(
  { marked, right, repeats }: RowsInPlace,
  kind: JoinKind,
  expected: { readonly left: readonly number[]; readonly right: readonly number[] },
  what: string,
  { rows, repeats: expectsRepeats }: { readonly rows: number; readonly repeats: boolean },
): Promise<void> {
  const flag = repeats === null ? null : (await device.read(repeats.buffer, repeats.word, 1))[0];
  if (kind === "semi" || kind === "anti") assert.equal(flag, null, what);
  else assert.equal(flag !== 0, expectsRepeats, `${what}: repeats`);
  const words = marked === null ? null : await device.read(marked, 0, Math.ceil(rows / 32));
  const found = right === null ? null : await device.read(right, 0, rows);
  for (const buffer of [marked, right, repeats?.buffer]) buffer?.release();
  if (flag !== null && flag !== 0) return;
  const isThere = (row: number): boolean => words === null || (((words[row >> 5] ?? 0) >>> (row & 31)) & 1) === 1;
  const there = Array.from({ length: rows }, (_, row) => row).filter(isThere);
  assert.equal(difference(there, expected.left), -1, `${what}: left rows`);
  assert.equal(((words?.at(-1) ?? 0) >>> 1) >>> ((rows - 1) & 31), 0, `${what}: bits beyond the rows`);
  if (found === null) return;
  assert.equal(
    difference(
      there.map((row) => found[row] ?? 0),
      expected.right,
    ),
    -1,
    `${what}: right rows`,
  );
  if (kind === "inner")
    assert.ok(
      found.every((row, i) => isThere(i) || row === 0),
      `${what}: rows without one`,
    );
}

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

test("more rows than a workgroup counts by itself", async () => {
  const many = side(uints(Array.from({ length: (1 << 18) + 300 }, (_, row) => (row * 7) % 1000)));
  await check(many, side(uints([3, 3, 500, 2000])), false);
  await check(side(uints([3, 500, 2000])), many, false);
  await check(many, side(uints([3, 500, 2000])), false, ["inner", "semi"]);
});

test("rows of columns are given instead of their numbers where all columns are plain and the rows are few enough", async () => {
  for (const repeats of [false, true]) {
    const left = uints(Array.from({ length: 700 }, (_, row) => row % 300));
    const right = uints(Array.from({ length: 2000 }, (_, row) => (repeats ? row % 150 : row)));
    const sides = [left, right].map((column) => ({ keys: tableKeys(device, [column], column.rows.length), mask: null }));
    const [probed, built] = sides;
    assert.ok(probed !== undefined && built !== undefined);
    const columns = [left, right].map(({ rows }) => [
      upload(
        device,
        { kind: "Int32" },
        Array.from(rows, (_, row) => 3 * row),
        false,
      ),
      upload(
        device,
        { kind: "Int64" },
        Array.from(rows, (_, row) => BigInt(row) << 20n),
        false,
      ),
    ]);
    const nullable = upload(
      device,
      { kind: "Int32" },
      Array.from(left.rows, () => 1),
      true,
    );
    const [ofLeft = [], ofRight = []] = columns;
    const wanted = { left: ofLeft, right: ofRight, most: 1 << 20 };
    const table = buildTable(device, built, { nullsEqual: false, pairs: true });
    const ways = [
      (w: typeof wanted | null) => probe(device, table, probed, "inner", w),
      (w: typeof wanted | null) => joinByLeft(device, probed, built, "inner", { nullsEqual: false }, w),
    ];
    const inPlace = (w: readonly Column[]) => matchInPlace(device, probed, built, "inner", { nullsEqual: false }, w);
    const [whole, numbered] = [inPlace(ofRight), inPlace([nullable])];
    assert.deepEqual([whole.right, numbered.taken], [null, null]);
    if (!repeats) {
      const [narrow, wide] = whole.taken ?? [];
      assert.ok(narrow !== undefined && wide !== undefined && numbered.right !== null);
      const rows = [...(await device.read(numbered.right, 0, left.rows.length))];
      assert.deepEqual(
        [...(await download(device, narrow))],
        rows.map((row) => 3 * row),
      );
      assert.deepEqual(
        [...(await download(device, wide))],
        rows.map((row) => BigInt(row) << 20n),
      );
    }
    for (const { marked, right: rows, repeats: flags, taken } of [whole, numbered])
      for (const buffer of [marked, rows, flags?.buffer, ...(taken ?? []).map((column) => column.buffer)]) buffer?.release();
    for (const way of ways) {
      const join = await way(null);
      assert.equal(join.taken, undefined);
      const numbers = await readRows(join);
      const { taken, ...lists } = await way(wanted);
      assert.equal(lists.count, join.count);
      for (const [side, rows] of [numbers.left, numbers.right ?? []].entries()) {
        const [narrow, wide] = taken?.[side] ?? [];
        assert.ok(narrow !== undefined && wide !== undefined);
        assert.equal(
          difference(
            await download(device, narrow),
            Array.from(rows, (row) => 3 * row),
          ),
          -1,
        );
        assert.equal(
          difference(
            await download(device, wide),
            Array.from(rows, (row) => BigInt(row) << 20n),
          ),
          -1,
        );
        for (const { buffer } of [narrow, wide]) buffer.release();
      }
      for (const buffer of [lists.left, lists.right]) buffer?.release();
      for (const other of [
        { ...wanted, most: join.count - 1 },
        { ...wanted, left: [nullable] },
        { ...wanted, left: [], right: [] },
      ]) {
        const listed = await way(other);
        assert.equal(listed.taken, undefined);
        assert.deepEqual((await readRows(listed)).left, numbers.left);
      }
    }
    for (const kind of ["semi", "anti"] as const) {
      const numbers = await readRows(await joinByLeft(device, probed, built, kind, { nullsEqual: false }));
      const { taken, ...lists } = await joinByLeft(device, probed, built, kind, { nullsEqual: false }, { ...wanted, right: [] });
      assert.equal(lists.count, numbers.left.length);
      assert.equal(taken === undefined, lists.count === 0, kind);
      for (const [k, column] of (taken?.[0] ?? []).entries()) {
        const expected = Array.from(numbers.left, (row) => (k === 0 ? 3 * row : BigInt(row) << 20n));
        assert.equal(difference(await download(device, column), expected), -1, kind);
        column.buffer.release();
      }
      lists.left.release();
    }
    table.release();
    for (const { keys } of sides) keys.buffer.release();
    for (const { buffer } of [...columns.flat(), nullable]) buffer.release();
  }
});

test("a device with few bindings", async () => {
  const usual = device;
  device = await Device.open({ limits: "default" });
  try {
    const left = side(keyColumn({ kind: "Int32" }, 900, 40, true, 1));
    const right = side(keyColumn({ kind: "Int32" }, 300, 60, true, 2));
    await check(left, right, false);
    await check(left, right, true, KINDS, { left: (row) => row % 3 !== 0, right: (row) => row % 2 === 0 });
  } finally {
    device.destroy();
    device = usual;
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

test("rows that take no part, on either side, whatever their keys", async () => {
  const third = (row: number): boolean => row % 3 === 0;
  const few = (row: number): boolean => row % 31 === 7;
  const none = (): boolean => false;
  const left = side(keyColumn({ kind: "Int64" }, 1500, 200, true, 11));
  const right = side(keyColumn({ kind: "Int64" }, 2100, 200, true, 12));
  for (const nullsEqual of [false, true])
    for (const taking of [
      { left: third, right: null },
      { left: null, right: few },
      { left: few, right: third },
      { left: none, right: third },
      { left: third, right: none },
    ])
      await check(left, right, nullsEqual, KINDS, taking);
  // without the rows that repeat keys the others are unique
  const repeated = side(uints(Array.from({ length: 3000 }, (_, row) => row >> 1)));
  await check(repeated, repeated, false, KINDS, { left: null, right: (row) => row % 2 === 1 });
});

test("right rows by slot: by counting, by sorting, at the bound between them, of all rows and of few", async () => {
  const capacity = 1024;
  const rows = 20_000;
  const upload = (values: readonly number[]): DeviceBuffer => {
    const buffer = device.alloc(values.length, "test");
    device.write(buffer, 0, Uint32Array.from(values));
    return buffer;
  };
  for (const one of [1, 2, 9]) {
    const slotOf = (row: number): number => (row % one !== 0 || row % 7 === 0 ? NONE : row % 5 === 0 ? 3 : (row * 7919) % capacity);
    const slots = Array.from({ length: rows }, (_, row) => slotOf(row));
    const expected: number[][] = Array.from({ length: capacity }, () => []);
    slots.forEach((slot, row) => {
      expected[slot]?.push(row);
    });
    const buffers = { slots: upload(slots), sizes: upload(expected.map((own) => own.length)) };
    const most = Math.max(...expected.map((own) => own.length));
    const least = expected.flat().length;
    for (const found of [least, least + 100, rows]) {
      for (const longest of [most - 1, most]) {
        const { starts, sorted } = groupBySlot(device, { ...buffers, rows, found, capacity, most }, longest);
        const [begins, all] = [await device.read(starts, 0, capacity), await device.read(sorted, 0, least)];
        expected.forEach((own, slot) => {
          const begin = begins[slot] ?? 0;
          assert.equal(difference(all.slice(begin, begin + own.length), own), -1, `slot ${slot}`);
        });
        starts.release();
        sorted.release();
      }
    }
    for (const buffer of Object.values(buffers)) buffer.release();
  }
});

test("one round trip, whichever side the table is over and whether keys repeat or not", async () => {
  for (const repeat of [1, 4]) {
    const columns = [uints(Array.from({ length: 2000 }, (_, row) => Math.floor(row / repeat)))];
    const both = { keys: tableKeys(device, columns, 2000), mask: null };
    for (const kind of KINDS) {
      const table = buildTable(device, both, { nullsEqual: false, pairs: kind === "inner" || kind === "left" });
      const before = device.stats.roundTrips;
      const rows = [await probe(device, table, both, kind), await joinByLeft(device, both, both, kind, { nullsEqual: false })];
      assert.equal(device.stats.roundTrips - before, 2, `${kind}, ${repeat} rows of a key`);
      for (const part of rows) for (const buffer of [part.left, part.right]) buffer?.release();
      table.release();
    }
    both.keys.buffer.release();
  }
});

test("few left keys of many right rows: tables about as large as what a workgroup adds up at once", async () => {
  for (const distinct of [1, 3, 60, 128, 129, 300]) {
    const left = side(uints(Array.from({ length: distinct }, (_, row) => (row % 10 === 9 ? null : row * 3))));
    const right = side(uints(Array.from({ length: 9000 }, (_, row) => (row % 11 === 0 ? null : (row * 7919) % (distinct * 4)))));
    await check(left, right, false);
    // every left key once
    const once = side(uints(Array.from({ length: 2000 }, (_, row) => row)));
    await check(left, once, false, KINDS, { left: null, right: (row) => row % 2 === 0 });
  }
});

test("a key of more rows than are told apart, among keys of one and two", async () => {
  const right = side(
    uints(Array.from({ length: 8000 }, (_, row) => (row % 2 === 0 ? 5 : row % 3 === 0 ? 10_000 + row : 10_000 + (row >> 2)))),
  );
  const left = side(uints(Array.from({ length: 500 }, (_, row) => (row % 50 === 0 ? 5 : 10_000 + row * 3))));
  await check(left, right, false);
});

test("several probes add to what is unmatched", async () => {
  const built = tableKeys(device, [uints([1, 2, 2, 3, null, 4])], 6);
  const table = buildTable(device, { keys: built, mask: null }, { nullsEqual: false, recordMatches: true, pairs: true });
  for (const keys of [[2], [4, null, 9]]) {
    const probed = tableKeys(device, [uints(keys)], keys.length);
    await readRows(await probe(device, table, { keys: probed, mask: null }, "left"));
    probed.buffer.release();
  }
  assert.deepEqual([...(await readRows(await unmatchedRight(device, table))).left], [0, 3, 4]);
  for (const part of [built.buffer, table]) part.release();
});

test("an output beyond 2^32 rows is refused, not wrapped", async () => {
  // 65,536 x 65,536 pairs: exactly 2^32, whose low word is 0
  const keys = tableKeys(device, [uints(new Array(65_536).fill(5))], 65_536);
  const both = { keys, mask: null };
  const table = buildTable(device, both, { nullsEqual: false, pairs: true });
  await assert.rejects(probe(device, table, both, "inner"), OutOfDeviceMemoryError);
  await assert.rejects(joinByLeft(device, both, both, "inner", { nullsEqual: false }), OutOfDeviceMemoryError);
  assert.throws(() => crossJoin(device, 65_536, 65_536), OutOfDeviceMemoryError);
  table.release();
  keys.buffer.release();
});

test("sides with other keys, and unmatched rows that nobody recorded, are bugs", async () => {
  const narrow = tableKeys(device, [uints([1, 2])], 2);
  const wide = tableKeys(device, [keyColumn({ kind: "Int64" }, 2, 2, false, 1)], 2);
  const [one, other] = [
    { keys: narrow, mask: null },
    { keys: wide, mask: null },
  ];
  const table = buildTable(device, one, { nullsEqual: false, pairs: false });
  await assert.rejects(probe(device, table, other, "semi"), InternalError);
  await assert.rejects(joinByLeft(device, one, other, "inner", { nullsEqual: false }), InternalError);
  await assert.rejects(async () => unmatchedRight(device, table), InternalError);
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
  const keys = tableKeys(device, [uints(new Array(65_536).fill(5))], 65_536);
  const both = { keys, mask: null };
  const table = buildTable(device, both, { nullsEqual: false, pairs: true });
  await assert.rejects(probe(device, table, both, "inner"), OutOfDeviceMemoryError);
  await assert.rejects(joinByLeft(device, both, both, "inner", { nullsEqual: false }), OutOfDeviceMemoryError);
  table.release();
  keys.buffer.release();
  assert.equal(device.stats.allocatedBytes, before);
});
