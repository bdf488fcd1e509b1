/** Plans for the tests of their wire form: one of every kind by hand, and random ones that share nodes and expressions. */

import type { DType, DTypeKind, TimeUnit } from "../../../src/ir/dtype.ts";
import { type AggregateExpr, aggregate, call, column, type Expr, type LiteralValue, literal, lookup, named } from "../../../src/ir/expr.ts";
import { AGGREGATES, FUNCTIONS, type FunctionName } from "../../../src/ir/functions.ts";
import { FIRST_INPUT, type JoinKind, type JoinOutput, type Plan, type PlanKind } from "../../../src/ir/plan.ts";
import type { Schema } from "../../../src/ir/schema.ts";
import { WINDOW_FUNCTIONS } from "../../../src/ir/windows.ts";

const simple = <K extends Exclude<DTypeKind, "Datetime" | "Duration" | "Categorical" | "Enum" | "Decimal" | "Opaque">>(kind: K) => [
  { kind },
];

/** Every dtype, in every form. */
export const DTYPES: readonly DType[] = Object.values({
  Boolean: simple("Boolean"),
  String: simple("String"),
  Binary: simple("Binary"),
  Date: simple("Date"),
  Time: simple("Time"),
  Null: simple("Null"),
  Int8: simple("Int8"),
  Int16: simple("Int16"),
  Int32: simple("Int32"),
  Int64: simple("Int64"),
  UInt8: simple("UInt8"),
  UInt16: simple("UInt16"),
  UInt32: simple("UInt32"),
  UInt64: simple("UInt64"),
  Float32: simple("Float32"),
  Float64: simple("Float64"),
  Datetime: (["ms", "us", "ns"] as const).flatMap((unit: TimeUnit) =>
    [null, "", "Europe/Zürich"].map((zone) => ({ kind: "Datetime", unit, zone }) as const),
  ),
  Duration: (["ms", "us", "ns"] as const).map((unit: TimeUnit) => ({ kind: "Duration", unit }) as const),
  Categorical: [{ kind: "Categorical", dsl: '{"Categorical":{}}' }],
  Enum: [
    { kind: "Enum", dsl: '{"Enum":["a","b"]}' },
    { kind: "Enum", dsl: '{"Enum":[]}' },
  ],
  Decimal: [{ kind: "Decimal", dsl: '{"Decimal":[38,10]}' }],
  Opaque: [{ kind: "Opaque", dsl: '{"List":"Int64"}' }],
} as const satisfies Record<DTypeKind, readonly DType[]>).flat();

/** Values that formats lose. */
export const VALUES: readonly LiteralValue[] = [
  ...[null, true, false],
  ...[0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.MIN_VALUE, -Number.MAX_VALUE, 0.1, 2 ** 53 + 2],
  ...[0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n, 2n ** 53n + 1n, 2n ** 127n - 1n, -(2n ** 127n), -(2n ** 64n)],
  ...["", "a", "\0", "\uFEFFmark", "Zürich €", "日本語", "👩‍👩‍👧", "\u{10FFFF}", "a\u0301", '"\\\n'],
];

const INT: DType = { kind: "Int64" };
const schema: Schema = DTYPES.map((dtype, i) => ({ name: `${i} ü`, dtype }));
const a = column("a", INT);
const isOdd = call("eq", [call("mod", [a, literal(2n, INT)], INT), literal(1n, INT)], { kind: "Boolean" });

/** Expressions of every kind. */
export const EXPRS: readonly Expr[] = Object.values({
  column: [a, column("", { kind: "Null" }), column("👩‍👩‍👧", { kind: "String" })],
  literal: [...VALUES.map((value) => literal(value, INT)), ...DTYPES.map((dtype) => literal(null, dtype))],
  call: [isOdd, call("round", [a], INT, [2]), call("coalesce", [], INT, [-0, Number.NaN, 1e300, 0])],
  lookup: [lookup('{"Column":"value"}', isOdd, { kind: "String" })],
  aggregate: [
    aggregate("len", null, INT),
    aggregate("var", a, INT, { ddof: 0 }),
    aggregate("std", isOdd, INT),
    aggregate("first", a, INT, { where: isOdd, by: [{ expr: isOdd, descending: true, nullsLast: false }] }),
    aggregate("arg_first", null, INT, { by: [{ expr: a, descending: false, nullsLast: true }] }),
    aggregate("quantile", a, INT, { where: isOdd, options: [0.25, 1] }),
  ],
} satisfies Record<Expr["kind"], readonly Expr[]>).flat();

const frame: Plan = { kind: "frame", source: 3, schema };
const every = EXPRS.map((expr, i) => named(`e${i}`, expr));

const JOINS: readonly JoinKind[] = ["inner", "left", "right", "full", "semi", "anti", "cross"];
const OUTPUT: readonly JoinOutput[] = [
  { name: "x", from: "left", left: "a", right: null },
  { name: "y", from: "right", left: null, right: "" },
  { name: "z", from: "coalesce", left: "a", right: "b" },
];

/** Plans of every kind, with optional parts there and absent. */
export const PLANS: readonly Plan[] = Object.values({
  scan: [
    { kind: "scan", dsl: "{}", format: "parquet", predicate: null, slice: null, schema, fileSchema: [] },
    { kind: "scan", dsl: "", format: "", predicate: isOdd, slice: { offset: -3, length: 2 ** 53 - 1 }, schema: [], fileSchema: schema },
    { kind: "scan", dsl: "{}", format: "csv", predicate: a, slice: { offset: 0, length: 0 }, schema, fileSchema: schema },
  ],
  frame: [frame, { kind: "frame", source: 0, schema: [] }, { kind: "frame", source: FIRST_INPUT + 1, schema }],
  cpu: [
    { kind: "cpu", node: "MergeSorted", dsl: "{}", inputs: [], reasons: [], schema },
    { kind: "cpu", node: "", dsl: "{}", inputs: [frame, frame], reasons: ["no form", "", "ü"], schema },
  ],
  project: [
    { kind: "project", input: frame, exprs: every, schema },
    { kind: "project", input: frame, exprs: [], schema: [] },
  ],
  filter: [{ kind: "filter", input: frame, predicate: isOdd, schema }],
  slice: [
    { kind: "slice", input: frame, offset: -5, length: null, schema },
    { kind: "slice", input: frame, offset: 0, length: 0, schema },
  ],
  sort: [
    { kind: "sort", input: frame, by: [], limit: null, schema },
    {
      kind: "sort",
      input: frame,
      by: [
        { expr: a, descending: true, nullsLast: false },
        { expr: isOdd, descending: false, nullsLast: true },
      ],
      limit: 0,
      schema,
    },
  ],
  aggregate: [
    { kind: "aggregate", input: frame, keys: [], aggregates: every, schema },
    { kind: "aggregate", input: frame, keys: every, aggregates: [], schema },
  ],
  join: JOINS.map(
    (how, i): Plan => ({
      kind: "join",
      left: frame,
      right: i === 0 ? frame : { kind: "frame", source: 9, schema: [] },
      leftOn: how === "cross" ? [] : [a, isOdd],
      rightOn: how === "cross" ? [] : [isOdd, a],
      how,
      nullsEqual: i % 2 === 0,
      ordered: i % 3 === 0,
      output: OUTPUT.slice(0, i % 4),
      schema,
    }),
  ),
  distinct: (["first", "last", "none", "any"] as const).map(
    (keep): Plan => ({ kind: "distinct", input: frame, subset: ["a", "ü"], keep, schema }),
  ),
  union: [
    { kind: "union", inputs: [frame, frame], schema },
    { kind: "union", inputs: [], schema },
  ],
  hconcat: [
    { kind: "hconcat", inputs: [frame, frame], lengths: "broadcast", schema },
    { kind: "hconcat", inputs: [frame], lengths: "pad", schema },
  ],
  row_index: [{ kind: "row_index", input: frame, name: "index", offset: 2 ** 40, schema }],
  asof_join: (["backward", "forward", "nearest"] as const).map(
    (strategy, i): Plan => ({
      kind: "asof_join",
      left: frame,
      right: frame,
      leftOn: a,
      rightOn: a,
      leftBy: [a, isOdd].slice(0, i),
      rightBy: [isOdd, a].slice(0, i),
      strategy,
      allowEqual: i === 1,
      tolerance: [null, 0, 2.5][i] ?? null,
      output: OUTPUT.slice(0, i),
      schema,
    }),
  ),
  range_join: [
    { kind: "range_join", left: frame, right: frame, from: a, to: a, key: a, leftBy: [], rightBy: [], output: OUTPUT, schema },
    { kind: "range_join", left: frame, right: frame, from: a, to: a, key: a, leftBy: [isOdd], rightBy: [a], output: [], schema },
  ],
  require: [
    { kind: "require", input: frame, condition: { kind: "unique", by: [a, isOdd] }, schema },
    { kind: "require", input: frame, condition: { kind: "ascending", key: a, by: [] }, schema },
  ],
  explode: [
    { kind: "explode", input: frame, columns: ["a", "ü"], emptyAsNull: true, keepNulls: false, schema },
    { kind: "explode", input: frame, columns: [], emptyAsNull: false, keepNulls: true, schema },
  ],
  gather: [
    { kind: "gather", input: frame, rows: [3, null, 0, 2 ** 32 - 1], schema },
    { kind: "gather", input: frame, rows: [], schema },
  ],
  gather_by: [{ kind: "gather_by", input: frame, by: frame, schema }],
  lookup: [
    { kind: "lookup", input: frame, args: [], outputs: [], schema },
    { kind: "lookup", input: frame, args: ["a", "ü"], outputs: DTYPES.map((dtype, i) => ({ name: `${i}`, dsl: "{}", dtype })), schema },
  ],
  window: [
    {
      kind: "window",
      input: frame,
      partitionBy: [a],
      orderBy: [{ expr: a, descending: true, nullsLast: false }],
      functions: WINDOW_FUNCTIONS.map((fn) => ({ name: fn, call: { fn, args: [a, a], options: [1, -2], dtype: INT } })),
      schema,
    },
    { kind: "window", input: frame, partitionBy: [], orderBy: [], functions: [], schema },
  ],
} satisfies Record<PlanKind, readonly Plan[]>).flat();

/** Numbers in [0, 1), the same for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const isFunctionName = (name: string): name is FunctionName => Object.hasOwn(FUNCTIONS, name);
const FUNCTION_NAMES = Object.keys(FUNCTIONS).filter(isFunctionName);

/** A plan that means nothing, of up to `size` nodes; inputs and arguments are taken from all that was made before. */
export function randomPlan(seed: number, size: number): Plan {
  const random = randomNumbers(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const pick = <T>(items: readonly [T, ...T[]] | readonly T[], fallback: T): T => items[below(items.length)] ?? fallback;
  const some = <T>(make: () => T): T[] => Array.from({ length: below(4) }, make);
  const dtype = () => pick(DTYPES, INT);
  const text = () => String(pick(VALUES, ""));
  const fields = (): Schema => some(() => ({ name: text(), dtype: dtype() }));
  const exprs: Expr[] = [a];
  const expr = (): Expr => {
    const arg = pick(exprs, a);
    const made: readonly Expr[] = [
      column(text(), dtype()),
      literal(pick(VALUES, null), dtype()),
      call(
        pick(FUNCTION_NAMES, "add"),
        some(() => pick(exprs, a)),
        dtype(),
        some(() => random() * 2 ** below(60)),
      ),
      lookup(text(), arg, dtype()),
      aggregate(pick<AggregateExpr["fn"]>(AGGREGATES, "len"), below(2) === 0 ? null : arg, dtype(), {
        ddof: below(3),
        where: below(2) === 0 ? null : pick(exprs, a),
        by: some(() => ({ expr: pick(exprs, a), descending: below(2) === 0, nullsLast: below(2) === 0 })),
        options: some(() => random() * 2 ** below(60)),
      }),
      arg,
    ];
    const chosen = pick(made, arg);
    exprs.push(chosen);
    return chosen;
  };
  const nodes: Plan[] = [frame];
  const input = () => pick(nodes, frame);
  const namedExprs = () => some(() => named(text(), expr()));
  const bool = () => below(2) === 0;
  const joinOutput = () => ({
    name: text(),
    from: pick(["left", "right", "coalesce"] as const, "left"),
    left: bool() ? null : text(),
    right: bool() ? null : text(),
  });
  const make: Record<PlanKind, () => Plan> = {
    scan: () => ({
      kind: "scan",
      dsl: text(),
      format: text(),
      predicate: bool() ? null : expr(),
      slice: bool() ? null : { offset: below(9), length: below(9) },
      schema: fields(),
      fileSchema: fields(),
    }),
    frame: () => ({ kind: "frame", source: below(2 ** 32), schema: fields() }),
    cpu: () => ({ kind: "cpu", node: text(), dsl: text(), inputs: some(input), reasons: some(text), schema: fields() }),
    project: () => ({ kind: "project", input: input(), exprs: namedExprs(), schema: fields() }),
    filter: () => ({ kind: "filter", input: input(), predicate: expr(), schema: fields() }),
    slice: () => ({ kind: "slice", input: input(), offset: below(9) - 4, length: bool() ? null : below(9), schema: fields() }),
    sort: () => ({
      kind: "sort",
      input: input(),
      by: some(() => ({ expr: expr(), descending: bool(), nullsLast: bool() })),
      limit: bool() ? null : below(9),
      schema: fields(),
    }),
    aggregate: () => ({ kind: "aggregate", input: input(), keys: namedExprs(), aggregates: namedExprs(), schema: fields() }),
    join: () => ({
      kind: "join",
      left: input(),
      right: input(),
      leftOn: some(expr),
      rightOn: some(expr),
      how: pick(JOINS, "inner"),
      nullsEqual: bool(),
      ordered: bool(),
      output: some(joinOutput),
      schema: fields(),
    }),
    distinct: () => ({
      kind: "distinct",
      input: input(),
      subset: some(text),
      keep: pick(["first", "last", "none", "any"] as const, "any"),
      schema: fields(),
    }),
    union: () => ({ kind: "union", inputs: some(input), schema: fields() }),
    hconcat: () => ({
      kind: "hconcat",
      inputs: some(input),
      lengths: pick(["pad", "broadcast", "equal"] as const, "pad"),
      schema: fields(),
    }),
    row_index: () => ({ kind: "row_index", input: input(), name: text(), offset: below(2 ** 32), schema: fields() }),
    asof_join: () => ({
      kind: "asof_join",
      left: input(),
      right: input(),
      leftOn: expr(),
      rightOn: expr(),
      leftBy: some(expr),
      rightBy: some(expr),
      strategy: pick(["backward", "forward", "nearest"] as const, "nearest"),
      allowEqual: bool(),
      tolerance: bool() ? null : random() * 9,
      output: some(joinOutput),
      schema: fields(),
    }),
    range_join: () => ({
      kind: "range_join",
      left: input(),
      right: input(),
      from: expr(),
      to: expr(),
      key: expr(),
      leftBy: some(expr),
      rightBy: some(expr),
      output: some(joinOutput),
      schema: fields(),
    }),
    require: () => ({
      kind: "require",
      input: input(),
      condition: bool() ? { kind: "unique", by: some(expr) } : { kind: "ascending", key: expr(), by: some(expr) },
      schema: fields(),
    }),
    explode: () => ({ kind: "explode", input: input(), columns: some(text), emptyAsNull: bool(), keepNulls: bool(), schema: fields() }),
    gather: () => ({ kind: "gather", input: input(), rows: some(() => (bool() ? null : below(2 ** 32))), schema: fields() }),
    gather_by: () => ({ kind: "gather_by", input: input(), by: input(), schema: fields() }),
    lookup: () => ({
      kind: "lookup",
      input: input(),
      args: some(text),
      outputs: some(() => ({ name: text(), dsl: text(), dtype: dtype() })),
      schema: fields(),
    }),
    window: () => ({
      kind: "window",
      input: input(),
      partitionBy: some(expr),
      orderBy: some(() => ({ expr: expr(), descending: bool(), nullsLast: bool() })),
      functions: some(() => ({
        name: text(),
        call: { fn: pick(WINDOW_FUNCTIONS, "shift"), args: some(expr), options: some(() => below(9) - 4), dtype: dtype() },
      })),
      schema: fields(),
    }),
  };
  for (let i = 0; i < size; i += 1) nodes.push(pick(Object.values(make), make.frame)());
  return { kind: "union", inputs: nodes.slice(-3), schema: fields() };
}
