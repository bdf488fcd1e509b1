/** As-of search against a search through all rows. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Device } from "../../src/gpu/device.ts";
import type { AsofOptions, KeyedRows } from "../../src/gpu/kernels/asof.ts";
import { asofSearch, unsortedFlag } from "../../src/gpu/kernels/asof.ts";
import { random } from "./host-column.ts";

const NONE = 0xffffffff;

let device: Device;
before(async () => {
  device = await Device.open({ limits: "default" });
});
after(() => device.destroy());

interface Row {
  readonly group: number;
  readonly key: bigint;
}

const EXTREMES = [-(2n ** 63n), 2n ** 63n - 1n, -1n, 0n, 2n ** 32n, -(2n ** 32n)];

function rowsOf(count: number, seed: number): readonly Row[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const group = next() % 9;
    return { group: group === 8 ? NONE : group, key: EXTREMES[i] ?? BigInt(next() % 40) * 2n ** 31n - 2n ** 35n };
  });
}

const ascending = (rows: readonly Row[]): readonly Row[] =>
  rows.toSorted((a, b) => a.group - b.group || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));

function upload(rows: readonly Row[], grouped: boolean): KeyedRows {
  const keys = device.alloc(Math.max(4, rows.length * 2), "keys");
  device.write(keys, 0, new Uint32Array(BigInt64Array.from(rows, (r) => r.key).buffer));
  const groups = device.alloc(Math.max(4, rows.length), "groups");
  device.write(
    groups,
    0,
    Uint32Array.from(rows, (r) => r.group),
  );
  const column = { dtype: { kind: "Int64" }, length: rows.length, buffer: keys, validityOffset: null, dictionary: null } as const;
  return { keys: column, groups: grouped ? groups : null };
}

function expected(asked: Row, sorted: readonly Row[], grouped: boolean, options: AsofOptions & { readonly limit: bigint | null }): number {
  if (grouped && asked.group === NONE) return NONE;
  let best = NONE;
  let least = 0n;
  for (const [i, row] of sorted.entries()) {
    if (grouped && row.group !== asked.group) continue;
    const away = row.key - asked.key;
    if (away === 0n && !options.allowEqual) continue;
    if ((away > 0n && options.strategy === "backward") || (away < 0n && options.strategy === "forward")) continue;
    const distance = away < 0n ? -away : away;
    if (options.limit !== null && distance > options.limit) continue;
    const better = best === NONE || distance < least || (distance === least && options.strategy !== "forward");
    if (better) [best, least] = [i, distance];
  }
  return best;
}

for (const strategy of ["backward", "forward", "nearest"] as const)
  for (const grouped of [false, true])
    test(`${strategy}${grouped ? " within groups" : ""}`, async () => {
      for (const [n, m] of [
        [0, 5],
        [5, 0],
        [1, 1],
        [700, 600],
      ] as const)
        for (const allowEqual of [true, false])
          for (const limit of [null, 0n, 2n ** 32n]) {
            const asked = rowsOf(n, 3);
            const all = rowsOf(m, 4);
            const sorted = grouped ? ascending(all) : ascending(all.map((r) => ({ ...r, group: 0 })));
            const tolerance = limit === null ? null : ([Number(limit & 0xffffffffn), Number(limit >> 32n)] as const);
            const sides = [upload(asked, grouped), upload(sorted, grouped)] as const;
            const found = asofSearch(device, ...sides, { strategy, allowEqual, tolerance });
            const got = await device.read(found, 0, n);
            const want = asked.map((row) => expected(row, sorted, grouped, { strategy, allowEqual, tolerance, limit }));
            assert.deepEqual(Array.from(got), want);
            found.release();
            for (const { keys, groups } of sides) for (const buffer of [keys.buffer, groups]) buffer?.release();
          }
    });

test("keys that do not ascend are found", async () => {
  const sorted = ascending(rowsOf(600, 5));
  const swapped = sorted.map((row, i) => (i === 299 ? { ...row, key: 2n ** 62n } : row));
  for (const [rows, grouped, odd] of [
    [sorted, true, 0],
    [sorted, false, 1],
    [swapped, true, 1],
    [[], true, 0],
  ] as const) {
    const flag = unsortedFlag(device, upload(rows, grouped));
    assert.equal((await device.read(flag, 0, 1))[0], odd);
    flag.release();
  }
});
