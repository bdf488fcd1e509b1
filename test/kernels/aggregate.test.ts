/** Aggregation kernels against BigInt-exact references: every kind, type, path and split. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { OutOfDeviceMemoryError } from "../../src/errors.ts";
import { Device } from "../../src/gpu/device.ts";
import { type Aggregate, GroupAccumulator } from "../../src/gpu/kernels/aggregate.ts";
import { columnsProgram } from "../../src/gpu/row-program.ts";
import { type Input, type Run, run, upload } from "./aggregate-harness.ts";
import { allOf, column, generator, idsFor, wild } from "./aggregate-inputs.ts";
import { type Cell, expected, f64Bits, nearest, unitsOf } from "./aggregate-reference.ts";

let device: Device;
before(async () => {
  device = await Device.open();
});
after(() => device.destroy());

/** Runs and compares every result with the reference, bit for bit. */
async function check(job: Run, own = device): Promise<readonly (readonly Cell[])[]> {
  const results = await run(own, job);
  const members = Array.from({ length: job.groups }, (): number[] => []);
  const rows = job.inputs[0]?.cells.length ?? 0;
  for (let row = 0; row < rows; row++) {
    const kept = job.mask === null || job.inputs[job.mask]?.cells[row] === 1;
    if (kept) members[job.ids === null ? 0 : (job.ids[row] ?? 0)]?.push(row);
  }
  job.aggregates.forEach(({ kind, input, ddof }, i) => {
    const source = job.inputs[input];
    members.forEach((list, g) => {
      const cells = list.map((row) => (source === undefined ? 0 : (source.cells[row] ?? null)));
      const want = expected(kind, cells, list, source?.physical ?? "u32", ddof);
      const got = results[i]?.[g];
      if (!Object.is(got, want))
        assert.fail(`${kind}(${source?.physical}) of group ${g} with ${list.length} rows: ${String(got)} instead of ${String(want)}`);
    });
  });
  return results;
}

const PHYSICALS = ["bool", "i32", "u32", "f32", "i64", "u64", "f64", "code"] as const;

for (const physical of PHYSICALS) {
  test(`every aggregate of ${physical}, in one group, few and many`, async () => {
    const rows = 3001;
    for (const [groups, nulls] of [
      [1, 0.3],
      [5, 0.2],
      [700, 0.5],
    ] as const) {
      const values = column(physical, rows, nulls, 7 + groups);
      if (groups > 1) await check({ inputs: [values], aggregates: allOf(physical, 0), groups, ids: idsFor(rows, groups, 5), mask: null });
      else await check({ inputs: [values, column("bool", rows, 0.1, 99)], aggregates: allOf(physical, 0), groups, ids: null, mask: 1 });
    }
  });
}

const FLOATS = {
  "cancellation of huge values": [1e308, 1, -1e308, 1e-300, 5e-324, 1e292, -1e292],
  "sum beyond the largest float": [1.7976931348623157e308, 1.7976931348623157e308],
  "back from beyond": [1.7976931348623157e308, 1.7976931348623157e308, -1.7976931348623157e308],
  subnormals: [5e-324, 1e-310, -3e-320, 2.2250738585072014e-308, 1.5e-323],
  "subnormals that cancel": [5e-324, -5e-324],
  zeros: [0, -0, -0],
  "negative zeros": [-0, -0],
  "halves of an ulp": [1, 2 ** -53, 2 ** -53, 2 ** -106],
  "a tie to even": [1, 2 ** -53],
  "above a tie": [1, 2 ** -53, 2 ** -90],
  nan: [1, Number.NaN, 2],
  "only nan": [Number.NaN, Number.NaN],
  infinity: [1, Infinity, -5],
  "negative infinity": [-Infinity, 3],
  "both infinities": [Infinity, -Infinity, 1],
  "nan and infinity": [Number.NaN, -Infinity],
  "a great offset": [1e15, 1e15 + 1, 1e15 + 2, 1e15 + 3],
  "equal values": [0.1, 0.1, 0.1, 0.1, 0.1],
  "one value": [-3.25],
  "no value": [null, null],
} as const satisfies Record<string, readonly Cell[]>;

test("special floats, each in one group and all as groups", async () => {
  const cases: readonly (readonly Cell[])[] = Object.values(FLOATS);
  const cells = cases.flat();
  const ids = cases.flatMap((list, g) => list.map(() => g));
  for (const physical of ["f64", "f32"] as const) {
    const rounded = cells.map((x) => (physical === "f32" && typeof x === "number" ? Math.fround(x) : x));
    const input = { physical, nullable: true, cells: rounded };
    const aggregates = allOf(physical, 0);
    const together = await check({ inputs: [input], aggregates, groups: cases.length, ids, mask: null });
    const many = await check({ inputs: [input], aggregates, groups: 5000, ids, mask: null });
    assert.deepEqual(
      many.map((list) => list.slice(0, cases.length)),
      together,
    );
    for (const g of cases.keys()) {
      const own = { ...input, cells: rounded.filter((_, row) => ids[row] === g) };
      await check({ inputs: [own], aggregates, groups: 1, ids: null, mask: null });
    }
  }
});

/** All but the row numbers, which the order of rows changes. */
const orderFree = (results: readonly (readonly Cell[])[]): readonly (readonly Cell[])[] =>
  results.filter((_, i) => !["first_row", "last_row"].includes(allOf("f64", 0)[i]?.kind ?? ""));

test("batches, their split and the order of rows do not change a bit", async () => {
  const rows = 2500;
  const input = wild(rows, 3);
  const random = generator(17);
  const order = input.cells.map((_, row) => ({ row, by: random() })).sort((a, b) => a.by - b.by);
  const aggregates = allOf("f64", 0);
  for (const groups of [1, 6, 900]) {
    const ids = groups === 1 ? null : idsFor(rows, groups, 8);
    const job = { inputs: [input], aggregates, groups, ids, mask: null };
    const first = await check(job);
    const shuffled = {
      ...job,
      inputs: [{ ...input, cells: order.map(({ row }) => input.cells[row] ?? null) }],
      ids: ids === null ? null : order.map(({ row }) => ids[row] ?? 0),
    };
    assert.deepEqual(await run(device, { ...job, splits: [1, 2, 40, 1500] }), first, `split, ${groups} groups`);
    assert.deepEqual(orderFree(await run(device, shuffled)), orderFree(first), `shuffled, ${groups} groups`);
    const both = await run(device, { ...shuffled, splits: [3, 777, 777, 2499] });
    assert.deepEqual(orderFree(both), orderFree(first), `shuffled and split, ${groups} groups`);
  }
});

test("one group as the only one, among few and among many gives the same bits", async () => {
  const rows = 2000;
  const inputs = [wild(rows, 21)];
  const aggregates = allOf("f64", 0);
  const ids = Array.from({ length: rows }, () => 0);
  const alone = await check({ inputs, aggregates, groups: 1, ids: null, mask: null });
  for (const groups of [2, 10_000]) {
    const among = await run(device, { inputs, aggregates, groups, ids, mask: null });
    assert.deepEqual(
      among.map((list) => list[0]),
      alone.map((list) => list[0]),
    );
  }
});

test("the documented bound holds where small values are dropped", async () => {
  const random = generator(31);
  const cells = Array.from({ length: 1000 }, (_, i) => (i === 0 ? 1 : i === 999 ? -1 : (random() + 1) * 2 ** -90));
  const [[sum] = []] = await run(device, {
    inputs: [{ physical: "f64", nullable: false, cells }],
    aggregates: [{ kind: "sum", input: 0 }],
    groups: 1,
    ids: null,
    mask: null,
  });
  const exact = nearest(
    cells.reduce((total, x) => total + unitsOf(x, "f64"), 0n),
    1n,
    -1074,
    "f64",
  );
  assert.ok(typeof sum === "number" && Math.abs(sum - exact) <= 1000 * 2 ** -96 + exact * 2 ** -53, `${String(sum)} for ${exact}`);
});

test("no rows and rows that do not take part", async () => {
  const values = column("f64", 40, 0.2, 1);
  const excluded = { physical: "bool" as const, nullable: true, cells: Array.from({ length: 40 }, (_, i) => (i % 2 ? null : 0)) };
  const aggregates = allOf("f64", 0);
  await check({ inputs: [values, excluded], aggregates, groups: 1, ids: null, mask: 1 });
  for (const groups of [1, 3, 3000]) {
    const ids = (rows: number) => (groups === 1 ? null : Array.from({ length: rows }, () => groups - 1));
    await check({ inputs: [{ ...values, cells: [] }], aggregates, groups, ids: ids(0), mask: null });
    await check({ inputs: [{ ...values, cells: values.cells.slice(0, 1) }], aggregates, groups, ids: ids(1), mask: null });
    if (groups > 1) await check({ inputs: [values], aggregates, groups, ids: ids(40)?.map(() => 0xffffffff) ?? null, mask: null });
  }
});

test("eight aggregates over several inputs, masked, few groups", async () => {
  const rows = 20_000;
  const inputs = [column("f64", rows, 0, 1), column("f64", rows, 0, 2), column("f64", rows, 0.1, 3), column("bool", rows, 0.05, 4)];
  const aggregates: readonly Aggregate[] = [
    ...[0, 1, 2].flatMap((input) => (["sum", "mean"] as const).map((kind) => ({ kind, input }))),
    { kind: "max", input: 2 },
    { kind: "len", input: -1 },
  ];
  await check({ inputs, aggregates, groups: 4, ids: idsFor(rows, 4, 6), mask: 3, splits: [9000] });
});

test("groups around the words of a bitmap, more aggregates than a dispatch has bindings for", async () => {
  const narrow = await Device.open({ limits: "default" });
  for (const own of [device, narrow])
    for (const groups of [1, 2, 31, 32, 33, 63, 64, 65, 129]) {
      const rows = 4 * groups + 1;
      const inputs = [column("bool", rows, 0.5, 1), column("f64", rows, 0.5, 2)];
      const aggregates = [...allOf("bool", 0), ...allOf("f64", 1)];
      await check({ inputs, aggregates, groups, ids: idsFor(rows, groups, groups), mask: null }, own);
    }
  narrow.destroy();
});

test("few and many rows, one batch and more, of groups that all have rows", async () => {
  for (const rows of [40, 2047, 2048, 2049, 9000])
    for (const groups of [1, 7, 40]) {
      const inputs = (["i64", "f64", "f32"] as const).flatMap((physical, k) => [
        column(physical, rows, 0, k),
        column(physical, rows, 0.9, k),
      ]);
      const aggregates = inputs.flatMap((_, input) => (["min", "max", "mean", "sum", "var"] as const).map((kind) => ({ kind, input })));
      const job = { inputs, aggregates, groups, ids: Array.from({ length: rows }, (_, row) => row % groups), mask: null, filled: true };
      await check(job);
      await check({ ...job, splits: [Math.floor(rows / 3)] });
    }
});

test("only where a group may be without values there is a bitmap", async () => {
  const cells = [1, 2, 3];
  for (const nullable of [false, true])
    for (const filled of [false, true]) {
      const values = upload(device, { physical: "f64", nullable, cells });
      const program = columnsProgram([values]);
      const kinds = ["min", "max", "mean", "var", "sum"] as const;
      const accumulator = new GroupAccumulator(
        device,
        kinds.map((kind) => ({ kind, input: 0 })),
        program.outputs,
        1,
      );
      accumulator.accumulate(program, cells.length, null, null, 0);
      const results = accumulator.finish(filled);
      assert.deepEqual(
        results.map(({ validityOffset }) => validityOffset !== null),
        kinds.map((kind) => kind === "var" || (kind !== "sum" && (nullable || !filled))),
      );
      accumulator.release();
      for (const { buffer } of [...results, values]) buffer.release();
    }
});

test("1000 and 100,000 groups", async () => {
  for (const [groups, rows] of [
    [1000, 20_000],
    [100_000, 60_000],
  ] as const) {
    const inputs = [column("f64", rows, 0, 1), column("i64", rows, 0.1, 2), column("u32", rows, 0, 3)];
    const aggregates: readonly Aggregate[] = [
      { kind: "sum", input: 0 },
      { kind: "max", input: 0 },
      { kind: "mean", input: 1 },
      { kind: "min", input: 1 },
      { kind: "sum", input: 2 },
      { kind: "last_row", input: -1 },
    ];
    await check({ inputs, aggregates, groups, ids: idsFor(rows, groups, 6), mask: null, splits: [rows / 4] });
  }
});

test("a state larger than a binding is split, and one that cannot be is refused", async () => {
  const small = await Device.open({ limits: "default" });
  try {
    const groups = 4_000_000;
    const values: Input = { physical: "i64", nullable: false, cells: [5n, -7n, 9n, 1n] };
    const column = upload(small, values);
    const ids = small.alloc(4, "ids");
    small.write(ids, 0, Uint32Array.of(0, groups - 1, groups - 1, 77));
    const inputs = [{ physical: "i64", nullable: false }] as const;
    const aggregates = (["sum", "min", "max"] as const).map((kind) => ({ kind, input: 0 }));
    const accumulator = new GroupAccumulator(small, aggregates, inputs, groups);
    accumulator.accumulate(columnsProgram([column]), 4, ids, null, 0);
    const words = await Promise.all(accumulator.finish().map(({ buffer }) => small.read(buffer, 2 * (groups - 1), 2)));
    accumulator.release();
    assert.deepEqual(
      words.map((pair) => [...pair]),
      [
        [2, 0],
        [0xfffffff9, 0xffffffff],
        [9, 0],
      ],
    );
    assert.throws(() => new GroupAccumulator(small, [{ kind: "max", input: 0 }], inputs, 12_000_000), OutOfDeviceMemoryError);
  } finally {
    small.destroy();
  }
});

test("the references are right", () => {
  assert.equal(nearest(1n, 3n, 0, "f64"), 1 / 3);
  assert.equal(nearest(2n, 1n, 0, "f64", true), Math.SQRT2);
  assert.equal(nearest(unitsOf(0.1, "f64") + unitsOf(0.2, "f64"), 1n, -1074, "f64"), 0.1 + 0.2);
  assert.equal(nearest(-5n, 2n, -1074, "f64"), -1e-323);
  assert.equal(f64Bits(nearest(1n, 10n, 0, "f32")), f64Bits(Math.fround(0.1)));
});
