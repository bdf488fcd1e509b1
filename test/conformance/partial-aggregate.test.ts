/** Aggregates of parts of a frame, merged in trees and finished, against the aggregate operator over the whole frame, bit for bit. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { DataFrame } from "nodejs-polars";
import { COLUMNS } from "../../src/conformance/columns.ts";
import { everyDtype } from "../../src/conformance/fixture.ts";
import { OutOfDeviceMemoryError } from "../../src/errors.ts";
import type { QueryContext } from "../../src/executors/context.ts";
import { aggregate as aggregateRows } from "../../src/executors/operators/aggregate.ts";
import {
  type Decomposition,
  decompose,
  finishPartials,
  mergePartials,
  partialAggregate,
  partialRowsThatFit,
} from "../../src/executors/operators/partial-aggregate.ts";
import { releaseTable, retainBatch, type Table } from "../../src/executors/table.ts";
import { PolarsDictionaries } from "../../src/fallback/dictionaries.ts";
import { exportFrame } from "../../src/fallback/export.ts";
import { frameDifference } from "../../src/fallback/frame-difference.ts";
import { importFrame } from "../../src/fallback/import.ts";
import { PolarsSources } from "../../src/fallback/polars-sources.ts";
import { Residents } from "../../src/fallback/residents.ts";
import { Device } from "../../src/gpu/device.ts";
import { type DType, physicalOf } from "../../src/ir/dtype.ts";
import { aggregate, call, column, type Expr, literal, type NamedExpr, named } from "../../src/ir/expr.ts";
import type { AggregateName } from "../../src/ir/functions.ts";
import type { Aggregate } from "../../src/ir/plan.ts";
import { columnsOfSchema, fieldsOf } from "../../src/ir/projection.ts";
import type { Schema } from "../../src/ir/schema.ts";
import { dtypeFromDsl } from "../../src/polars/dtypes.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import { zeroFrame } from "../../src/polars/zero-frame.ts";

const polars = ownPolarsModule();
assert.ok(polars !== undefined);
const { native, eagerWrappers } = polars;

let device: Device;
before(async () => {
  device = await Device.open({ limits: "default" });
});
after(() => device.destroy());

const U32: DType = { kind: "UInt32" };
const F64: DType = { kind: "Float64" };
const I64: DType = { kind: "Int64" };
const BOOLEAN: DType = { kind: "Boolean" };

const FRAME = everyDtype(203);
const SCHEMA: Schema = zeroFrame(FRAME._df).fields.map(([name, dtype]) => ({ name, dtype: dtypeFromDsl(dtype) }));
const col = (name: string): Expr => {
  const field = SCHEMA.find((f) => f.name === name);
  assert.ok(field !== undefined, name);
  return column(name, field.dtype);
};

/** Every aggregate that can be put together, of an expression. */
function everyAggregate(arg: Expr, prefix = ""): readonly NamedExpr[] {
  const { dtype } = arg;
  const physical = physicalOf(dtype);
  const where = col("bool2");
  const named = (name: string, fn: AggregateName, result: DType, more: Parameters<typeof aggregate>[3] = {}): NamedExpr => ({
    name: `${prefix}${name}`,
    expr: aggregate(fn, fn === "len" ? null : arg, result, more),
  });
  const float: DType = physical === "f32" ? dtype : F64;
  return [
    named("len", "len", U32),
    named("count", "count", U32),
    named("nulls", "null_count", U32),
    named("first", "first", dtype),
    named("last", "last", dtype),
    named("first where", "first", dtype, { where }),
    named("last where", "last", dtype, { where }),
    ...(dtype.kind === "Null" || dtype.kind === "Opaque" ? [] : [named("min", "min", dtype), named("max", "max", dtype)]),
    ...(dtype.kind === "Boolean" ? [named("any", "any", BOOLEAN), named("all", "all", BOOLEAN)] : []),
    ...(physical === "code"
      ? []
      : [
          named("sum", "sum", physical === "bool" ? U32 : dtype),
          named("mean", "mean", float),
          named("var", "var", float),
          named("std", "std", float, { ddof: 0 }),
        ]),
  ];
}

interface Job {
  readonly keys: readonly string[];
  readonly aggregates: readonly NamedExpr[];
  readonly predicate?: Expr;
}

/** Ends of the parts: none, one row, a few, many. */
const CUTS = [0, 1, 1, 8, 90, 150, 203] as const;

const planOf = ({ keys, aggregates }: Job): Aggregate => {
  const own = keys.map((name) => named(name, col(name)));
  return {
    kind: "aggregate",
    input: { kind: "frame", source: 0, schema: SCHEMA },
    keys: own,
    aggregates,
    schema: [...fieldsOf(own), ...fieldsOf(aggregates)],
  };
};

/** Rows of the frame in batches, with dictionaries of their own. */
async function tableOf(frame: DataFrame): Promise<Table> {
  return { schema: SCHEMA, batches: await importFrame(native, device, frame._df, SCHEMA, 64) };
}

/** The partials as one, merged `arity` at a time; takes them over. */
async function merged(context: QueryContext, d: Decomposition, parts: readonly Table[], arity: number): Promise<Table> {
  let level = parts;
  while (level.length > 1) {
    const next: Table[] = [];
    for (let i = 0; i < level.length; i += arity) {
      const own = level.slice(i, i + arity);
      next.push(await mergePartials(context, d, { schema: d.schema, batches: own.flatMap((t) => t.batches) }));
      own.forEach(releaseTable);
    }
    level = next;
  }
  const [only] = level;
  assert.ok(only !== undefined);
  return only;
}

async function exported(table: Table): Promise<DataFrame> {
  const frame = eagerWrappers._DataFrame(await exportFrame(native, device, table.batches, table.schema));
  releaseTable(table);
  return frame;
}

async function withContext<T>(work: (context: QueryContext) => Promise<T>): Promise<T> {
  assert.ok(polars !== undefined);
  const held = device.stats.allocatedBytes;
  const dictionaries = new PolarsDictionaries(native, device);
  const sources = new PolarsSources(
    polars,
    device,
    new Map(),
    new Residents(0),
    { bound: () => 64, frameRows: null, fileBytes: null },
    "threads",
  );
  const result = await work({ device, guesses: null, dictionaries, sources });
  await dictionaries.close();
  assert.equal(device.stats.allocatedBytes, held, "bytes of device memory stayed in use");
  return result;
}

async function assertSame(job: Job, frame = FRAME, cuts: readonly number[] = CUTS): Promise<void> {
  const plan = planOf(job);
  const pipeline = { base: plan.input, predicate: job.predicate ?? null, outputs: columnsOfSchema(SCHEMA) };
  const d = decompose(plan);
  assert.ok(d !== null);
  await withContext(async (context) => {
    const whole = await tableOf(frame);
    const expected = await exported(await aggregateRows(context, plan, pipeline, whole));
    releaseTable(whole);
    for (const arity of [2, 32]) {
      const parts: Table[] = [];
      for (const [i, end] of cuts.entries()) {
        const start = i === 0 ? 0 : (cuts[i - 1] ?? 0);
        const rows = await tableOf(frame.slice(start, end - start));
        const part = await partialAggregate(context, d, pipeline, rows);
        releaseTable(rows);
        assert.equal(part.batches.length, 1);
        if (job.keys.length === 0) assert.equal(part.batches[0]?.rows, 1);
        parts.push(part);
      }
      const all = await merged(context, d, parts, arity);
      const actual = await exported(await finishPartials(context, d, all));
      releaseTable(all);
      const found = frameDifference(expected, actual, {});
      assert.equal(found, null, `by ${job.keys.join(", ")}, ${arity} at a time`);
    }
  });
}

const small = (limit: bigint): Expr => call("lt", [col("small"), literal(limit, I64)], BOOLEAN);

for (const name of COLUMNS) {
  test(`every aggregate of ${name}`, async () => {
    const aggregates = everyAggregate(col(name));
    await assertSame({ keys: [], aggregates, predicate: small(9n) });
    await assertSame({ keys: ["k"], aggregates });
  });
}

test("finite floats of all sizes", async () => {
  const finite = (name: string): Expr => call("is_finite", [col(name)], BOOLEAN);
  for (const name of ["f32", "f64"])
    for (const keys of [[], ["g"]]) await assertSame({ keys, aggregates: everyAggregate(col(name)), predicate: finite(name) });
});

test("keys of several dtypes, with nulls, NaN and zeros of both signs", async () => {
  const aggregates = everyAggregate(col("f64"));
  for (const keys of [["str"], ["cat", "g"], ["f64"], ["small", "bool"], ["dec"]])
    await assertSame({ keys, aggregates: keys.includes("f64") ? everyAggregate(col("i64")) : aggregates, predicate: small(5n) });
});

test("nothing of any part, and nothing of the whole", async () => {
  const functions: readonly AggregateName[] = ["len", "sum", "max", "first", "last", "any", "all"];
  const aggregates = ["f64", "str", "bool"].flatMap((name) =>
    everyAggregate(col(name), `${name} `).filter(({ expr }) => expr.kind === "aggregate" && functions.includes(expr.fn)),
  );
  for (const keys of [[], ["k"]]) {
    await assertSame({ keys, aggregates, predicate: small(-100n) });
    await assertSame({ keys, aggregates, predicate: small(-11n) });
    await assertSame({ keys, aggregates }, everyDtype(0), [0, 0, 0]);
    await assertSame({ keys, aggregates }, everyDtype(1), [0, 0, 1]);
  }
});

test("more unfinished aggregates than one accumulator takes, over more columns than bindings", async () => {
  const integers = ["i8", "i16", "i32", "u8", "u16", "u32", "small", "small2"];
  const long = (name: string): Expr => call("cast", [col(name)], I64);
  const args = [...integers.map(long), integers.map(long).reduce((a, b) => call("add", [a, b], I64))];
  const aggregates = args.flatMap((arg, i) => (["mean", "var"] as const).map((fn) => named(`${fn} ${i}`, aggregate(fn, arg, F64))));
  const predicate = call("or", [small(5n), call("lt", [col("i64"), long("row")], BOOLEAN)], BOOLEAN);
  const d = decompose(planOf({ keys: [], aggregates }));
  assert.ok(d !== null && d.unfinished.length > 1);
  for (const keys of [[], ["g"]]) await assertSame({ keys, aggregates, predicate });
});

test("what needs all rows at once is not put together", () => {
  const x = col("f64");
  const by = [{ expr: x, descending: false, nullsLast: false }];
  for (const expr of [
    aggregate("n_unique", x, U32),
    aggregate("quantile", x, F64, { options: [0.5, 0] }),
    aggregate("arg_first", x, U32, { by }),
    aggregate("implode", x, { kind: "Opaque", dsl: '{"List":"Float64"}' }),
    aggregate("first", x, F64, { by }),
  ])
    assert.equal(decompose(planOf({ keys: ["k"], aggregates: [named("len", aggregate("len", null, U32)), named("x", expr)] })), null);
});

test("another reference to a partial has its entries too; some of its columns have none", async () => {
  const plan = planOf({ keys: ["k"], aggregates: everyAggregate(col("f64")) });
  const d = decompose(plan);
  assert.ok(d !== null);
  await withContext(async (context) => {
    const rows = await tableOf(FRAME);
    const part = await partialAggregate(context, d, { base: plan.input, predicate: null, outputs: [] }, rows);
    releaseTable(rows);
    const [batch] = part.batches;
    assert.ok(batch !== undefined);
    const [again, some] = [retainBatch(batch), retainBatch(batch, ["k"])];
    releaseTable(part);
    assert.equal(again.states?.length, d.unfinished.length);
    assert.equal(some.states, undefined);
    releaseTable(await finishPartials(context, d, { schema: d.schema, batches: [again] }));
    releaseTable({ schema: d.schema, batches: [again, some] });
  });
});

test("too many groups are refused before anything is bound", async () => {
  const tight = await Device.open({ limits: "default", maxBindingBytes: 4096 });
  try {
    const plan = planOf({ keys: ["row"], aggregates: [named("var", aggregate("var", col("f64"), F64))] });
    const d = decompose(plan);
    assert.ok(d !== null && polars !== undefined);
    const context = {
      device: tight,
      guesses: null,
      dictionaries: new PolarsDictionaries(native, tight),
      sources: new PolarsSources(
        polars,
        tight,
        new Map(),
        new Residents(0),
        { bound: () => 64, frameRows: null, fileBytes: null },
        "threads",
      ),
    };
    assert.ok(partialRowsThatFit(context, d) < 203);
    const schema = SCHEMA.filter((f) => f.name === "row" || f.name === "f64");
    const rows = { schema, batches: await importFrame(native, tight, FRAME._df, schema, 203) };
    await assert.rejects(
      tight.scope(() => partialAggregate(context, d, { base: plan.input, predicate: null, outputs: [] }, rows)),
      OutOfDeviceMemoryError,
    );
    releaseTable(rows);
    assert.equal(tight.stats.allocatedBytes, 0);
  } finally {
    tight.destroy();
  }
});
