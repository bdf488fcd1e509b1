/** Entries of parts of the rows, merged in trees: the same bits as one accumulation of all rows. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OutOfDeviceMemoryError } from "../../src/errors.ts";
import type { DeviceBuffer } from "../../src/gpu/buffers.ts";
import { Device } from "../../src/gpu/device.ts";
import { EntryAccumulator, type EntryShape, entryShape, finishEntries } from "../../src/gpu/kernels/aggregate-entries.ts";
import { columnsProgram } from "../../src/gpu/row-program.ts";
import { decode, type Input, type Run, run, upload } from "./aggregate-harness.ts";
import { allOf, column, generator, idsFor, wild } from "./aggregate-inputs.ts";
import type { Cell } from "./aggregate-reference.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

const NONE = 0xffffffff;

/** The entries of some groups. */
interface Part {
  readonly groups: readonly number[];
  readonly entries: DeviceBuffer;
}

const words = (values: readonly number[]): DeviceBuffer => {
  const buffer = device.alloc(values.length, "ids");
  device.write(buffer, 0, Uint32Array.from(values));
  return buffer;
};

/** Groups in order of first appearance. */
const groupsOf = (ids: readonly number[]): readonly number[] => [...new Set(ids)].filter((id) => id !== NONE);

/** Columns of parts without nulls have no validity, as those of batches. */
const cut = ({ physical, cells }: Input, start: number, end: number): Input => {
  const own = cells.slice(start, end);
  return { physical, nullable: own.includes(null), cells: own };
};

function leaf(shape: EntryShape, { inputs, ids, mask }: Run, start: number, end: number): Part {
  const own = ids?.slice(start, end) ?? null;
  const groups = own === null ? [0] : groupsOf(own);
  const accumulator = new EntryAccumulator(device, shape, Math.max(1, groups.length), "rows");
  const columns = inputs.map((input) => upload(device, cut(input, start, end)));
  const at = new Map(groups.map((g, i) => [g, i]));
  const local = own === null ? null : words(own.map((id) => at.get(id) ?? NONE));
  accumulator.accumulate(columnsProgram(columns), end - start, local, mask, start);
  for (const { buffer } of columns) buffer.release();
  local?.release();
  const entries = accumulator.entries();
  accumulator.release();
  return { groups, entries };
}

function merged(shape: EntryShape, parts: readonly Part[], alone: boolean): Part {
  const groups = groupsOf(parts.flatMap((part) => part.groups));
  const at = new Map(groups.map((g, i) => [g, i]));
  const accumulator = new EntryAccumulator(device, shape, Math.max(1, groups.length), "entries");
  for (const part of parts) {
    const ids = alone ? null : words(part.groups.map((g) => at.get(g) ?? NONE));
    accumulator.absorb(part.entries, part.groups.length, ids);
    ids?.release();
    part.entries.release();
  }
  const entries = accumulator.entries();
  accumulator.release();
  return { groups, entries };
}

/** Results by aggregate and group: of parts that end at `ends`, merged in a tree of that arity. */
async function inParts(job: Run, ends: readonly number[], arity: number): Promise<readonly (readonly Cell[])[]> {
  const { aggregates, inputs, ids } = job;
  const shape = entryShape(
    aggregates,
    inputs.map((input) => input.physical),
  );
  let parts = [...ends, inputs[0]?.cells.length ?? 0].map((end, i) => leaf(shape, job, i === 0 ? 0 : (ends[i - 1] ?? 0), end));
  while (parts.length > 1) {
    const next: Part[] = [];
    for (let i = 0; i < parts.length; i += arity) next.push(merged(shape, parts.slice(i, i + arity), ids === null));
    parts = next;
  }
  const [all] = parts;
  assert.ok(all !== undefined);
  const results = finishEntries(device, shape, all.entries, all.groups.length);
  all.entries.release();
  const lists = await Promise.all(results.map((result) => decode(device, result, all.groups.length)));
  return lists.map((list) => Array.from({ length: job.groups }, (_, g) => list[all.groups.indexOf(g)] ?? null));
}

/** As `inParts`, groups without rows left out. */
async function atOnce(job: Run): Promise<readonly (readonly Cell[])[]> {
  const lists = await run(device, job);
  const present = new Set(job.ids ?? [0]);
  return lists.map((list) => list.map((cell, g) => (present.has(g) ? cell : null)));
}

/** Random cuts, some of them at the same row. */
const cuts = (rows: number, count: number, seed: number): readonly number[] => {
  const random = generator(seed);
  const ends = Array.from({ length: count }, () => Math.floor(random() * (rows + 1)));
  return [...ends, ends[0] ?? 0, 0, rows].sort((a, b) => a - b);
};

async function check(job: Run, trees: readonly (readonly [parts: number, arity: number])[]): Promise<void> {
  const before = device.stats.allocatedBytes;
  const want = await atOnce(job);
  const rows = job.inputs[0]?.cells.length ?? 0;
  for (const [parts, arity] of trees) {
    const got = await inParts(job, cuts(rows, parts, parts + arity), arity);
    job.aggregates.forEach(({ kind, input }, i) => {
      assert.deepEqual(got[i], want[i], `${kind}(${input}) of ${job.groups} groups out of ${parts} parts, ${arity} at a time`);
    });
  }
  assert.equal(device.stats.allocatedBytes, before, "bytes of device memory stayed in use");
}

for (const physical of ["bool", "i32", "u32", "f32", "i64", "u64", "f64", "code"] as const) {
  test(`every aggregate of ${physical}, in one group, few and many`, async () => {
    const rows = 3001;
    const aggregates = allOf(physical, 0);
    for (const groups of [1, 5, 700]) {
      const values = column(physical, rows, 0.2, 7 + groups);
      const job: Run =
        groups === 1
          ? { inputs: [values, column("bool", rows, 0.1, 99)], aggregates, groups, ids: null, mask: 1 }
          : { inputs: [values], aggregates, groups, ids: idsFor(rows, groups, 5), mask: null };
      await check(job, [
        [3, 2],
        [40, 32],
      ]);
    }
  });
}

test("floats of all exponents", async () => {
  for (const groups of [1, 6, 900]) {
    const ids = groups === 1 ? null : idsFor(2500, groups, 8);
    await check({ inputs: [wild(2500, 3)], aggregates: allOf("f64", 0), groups, ids, mask: null }, [
      [2, 2],
      [60, 3],
      [200, 32],
    ]);
  }
});

test("special floats", async () => {
  const specials = [1e308, 1, -1e308, 5e-324, -5e-324, 0, -0, Number.NaN, Infinity, -Infinity, 2 ** -53, 1.7976931348623157e308, null];
  const random = generator(12);
  const cells = Array.from({ length: 600 }, () => specials[Math.floor(random() * specials.length)] ?? null);
  for (const physical of ["f64", "f32"] as const) {
    const own = cells.map((x) => (physical === "f32" && x !== null ? Math.fround(x) : x));
    const inputs = [{ physical, nullable: true, cells: own }];
    await check({ inputs, aggregates: allOf(physical, 0), groups: 200, ids: idsFor(600, 200, 3), mask: null }, [
      [5, 2],
      [30, 32],
    ]);
  }
});

test("100,000 groups", async () => {
  const rows = 120_000;
  const groups = 100_000;
  const inputs = [column("f64", rows, 0, 1), column("i64", rows, 0.1, 2)];
  const shape = entryShape(
    [
      { kind: "sum", input: 0 },
      { kind: "mean", input: 1 },
    ],
    ["f64", "i64"],
  );
  const ids = idsFor(rows, groups, 6);
  const job: Run = { inputs, aggregates: shape.aggregates, groups, ids, mask: null };
  const accumulator = new EntryAccumulator(device, shape, groups, "entries");
  for (const [start, end] of [
    [0, 50_000],
    [50_000, rows],
  ] as const) {
    const part = leaf(shape, job, start, end);
    const own = words(part.groups);
    accumulator.absorb(part.entries, part.groups.length, own);
    for (const buffer of [own, part.entries]) buffer.release();
  }
  const entries = accumulator.entries();
  accumulator.release();
  const results = finishEntries(device, shape, entries, groups);
  entries.release();
  assert.deepEqual(await Promise.all(results.map((result) => decode(device, result, groups))), await run(device, job));
});

test("entries without a group are left out", async () => {
  const shape = entryShape([{ kind: "sum", input: 0 }], ["f64"]);
  const inputs: readonly Input[] = [{ physical: "f64", nullable: false, cells: [1, 1e300, 4] }];
  const part = leaf(shape, { inputs, aggregates: shape.aggregates, groups: 3, ids: [0, 1, 2], mask: null }, 0, 3);
  const accumulator = new EntryAccumulator(device, shape, 1, "entries");
  const ids = words([0, NONE, 0]);
  accumulator.absorb(part.entries, 3, ids);
  const entries = accumulator.entries();
  const [sum] = finishEntries(device, shape, entries, 1);
  assert.ok(sum !== undefined);
  assert.deepEqual(await decode(device, sum, 1), [5]);
  for (const buffer of [part.entries, entries, ids, accumulator]) buffer.release();
});

test("the layout is the same for every number of groups, and too many groups are refused", async () => {
  const small = await Device.open({ limits: "default" });
  try {
    const shape = entryShape([{ kind: "var", input: 0 }], ["f64"]);
    assert.equal(shape.layout.stride, entryShape([{ kind: "std", input: 0 }], ["f64"]).layout.stride);
    assert.throws(() => new EntryAccumulator(small, shape, 2_000_000, "entries"), OutOfDeviceMemoryError);
  } finally {
    small.destroy();
  }
});
