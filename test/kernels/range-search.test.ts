/** Range search against a search through all rows. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DeviceBuffer } from "../../src/gpu/buffers.ts";
import type { Column } from "../../src/gpu/column.ts";
import { Device } from "../../src/gpu/device.ts";
import { iota } from "../../src/gpu/kernels/fill.ts";
import { rangeSearch } from "../../src/gpu/kernels/range-search.ts";
import { random } from "./host-column.ts";

let device: Device;
before(async () => {
  device = await Device.open({ limits: "default" });
});
after(() => device.destroy());

interface Row {
  readonly group: number;
  readonly key: bigint;
}

const [LEAST, MOST] = [-(2n ** 63n), 2n ** 63n - 1n];

function upload(keys: readonly bigint[]): Column {
  const buffer = device.alloc(Math.max(4, keys.length * 2), "keys");
  device.write(buffer, 0, new Uint32Array(BigInt64Array.from(keys).buffer));
  return { dtype: { kind: "Int64" }, length: keys.length, buffer, validityOffset: null, dictionary: null };
}

function uploadGroups(rows: readonly Row[]): DeviceBuffer {
  const groups = device.alloc(Math.max(4, rows.length), "groups");
  device.write(
    groups,
    0,
    Uint32Array.from(rows, (r) => r.group),
  );
  return groups;
}

function drawn(count: number, seed: number): readonly Row[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => ({
    group: next() % 5,
    key: [LEAST, MOST, 0n, -1n, 2n ** 32n][i] ?? BigInt(next() % 90) * 2n ** 31n - 2n ** 36n,
  }));
}

for (const grouped of [false, true])
  test(`ranges${grouped ? " within groups" : ""}`, async () => {
    for (const [asking, listed, width] of [
      [0, 5, 0n],
      [5, 0, 1n],
      [1, 1, 0n],
      [300, 400, 2n ** 33n],
      [900, 700, -1n],
      [3, 2000, MOST],
    ] as const) {
      const asked = drawn(asking, 3);
      const rows = drawn(listed, 4).toSorted((a, b) => (grouped ? a.group - b.group : 0) || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
      const to = asked.map(({ key }) => (key + width > MOST ? MOST : key + width < LEAST ? LEAST : key + width));
      const sides = [upload(asked.map((r) => r.key)), upload(to), upload(rows.map((r) => r.key))] as const;
      const groups = grouped ? ([uploadGroups(asked), uploadGroups(rows)] as const) : null;
      const numbers = iota(device, 1000, listed);
      const found = await rangeSearch(
        device,
        { from: sides[0], to: sides[1], groups: groups?.[0] ?? null },
        { keys: sides[2], groups: groups?.[1] ?? null },
        numbers,
      );
      const expected = asked.flatMap((a, i) =>
        rows.flatMap((r, j) =>
          r.key >= a.key && r.key <= (to[i] ?? 0n) && (!grouped || r.group === a.group) ? [[i, 1000 + j] as const] : [],
        ),
      );
      assert.equal(found.count, expected.length);
      assert.deepEqual(
        [...(await device.read(found.left, 0, found.count))],
        expected.map(([i]) => i),
      );
      assert.deepEqual(
        [...(await device.read(found.right, 0, found.count))],
        expected.map(([, j]) => j),
      );
      for (const buffer of [...sides.map((s) => s.buffer), ...(groups ?? []), numbers, found.left, found.right]) buffer.release();
    }
    assert.equal(device.stats.allocatedBytes, 0);
  });
