/** The schema oracle: what polars answers over empty frames is what it makes of the data, and dangerous questions are never asked. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { DataFrame, Expr } from "nodejs-polars";
import { install } from "../../src/intercept/install.ts";
import { exprFromDsl } from "../../src/polars/composing.ts";
import { type DslDtype, type DslExpr, type DslFields, isList, tag } from "../../src/polars/dsl.ts";
import { dslText } from "../../src/polars/dsl-text.ts";
import { ownPolarsModule } from "../../src/polars/module.ts";
import type { NativeDataFrame } from "../../src/polars/native.ts";
import { isOracleError, type OracleError, type OutputColumn, SchemaOracle } from "../../src/polars/oracle.ts";
import { type ReadPlan, readPlan } from "../../src/polars/plan-reading.ts";
import { zeroFrame } from "../../src/polars/zero-frame.ts";
import { everyDtype, planCases } from "./plan-cases.ts";

const module = ownPolarsModule();
assert(module);
const { pl, native } = module;
const tracking = install(module, { collect: ({ runOnCpu }) => runOnCpu() });
const { cases, dispose } = planCases(pl);
after(dispose);
const oracle = new SchemaOracle(module);

const nativeOf = (frame: DataFrame): NativeDataFrame => (frame as unknown as { _df: NativeDataFrame })._df;
const fieldsOf = (frame: DataFrame): DslFields => zeroFrame(nativeOf(frame)).fields;
const data = everyDtype(pl);
const all = oracle.leaf(nativeOf(data));
const probe = pl.DataFrame({ a: [1] }).lazy();

function read(frame: { _ldf: never }): ReadPlan {
  const tracked = tracking.planOf(frame._ldf);
  assert(!("untracked" in tracked));
  const plan = readPlan(tracked);
  assert(!("unreadable" in plan));
  return plan;
}
/** The DSL of an expression of the public API. */
function dslOf(expr: Expr): DslExpr {
  const { plan } = read(probe.select(expr) as never);
  const first = "Select" in plan ? plan.Select.expr[0] : undefined;
  assert(first !== undefined);
  return first;
}
function columnsOf(answer: readonly OutputColumn[] | OracleError | undefined): readonly OutputColumn[] {
  assert(answer !== undefined);
  assert(!isOracleError(answer), isOracleError(answer) ? answer.error.message : "");
  return answer;
}
function errorOf(answer: object | undefined): OracleError {
  assert(answer !== undefined && isOracleError(answer));
  return answer;
}

for (const { name, make } of cases.filter((c) => c.name !== "sinkCSV")) {
  test(`the schema of ${name} is that of its result`, () => {
    const { plan, sources } = read(make() as never);
    const answer = oracle.plan(plan, new Map([...sources].map(([id, frame]) => [id, oracle.leaf(frame)])));
    assert(!isOracleError(answer), isOracleError(answer) ? answer.error.message : "");
    assert.deepEqual(answer.fields, fieldsOf(make().collectSync()));
    assert.equal(answer.frame.height, 0);
  });
}

test("expressions are answered together, with their own names", () => {
  const exprs = [
    pl.col("i32").add(pl.col("u32")),
    pl.col("f32").mul(2).as("twice"),
    pl.lit(1),
    pl.col(["i8", "u8"]).sum(),
    pl.len(),
    pl.col("missing"),
    pl.col("g").prefix("p_"),
  ].map(dslOf);
  const answers = oracle.expressions(all, exprs);
  const shown = answers.map((answer) =>
    isOracleError(answer) ? answer.kind : answer.map(({ name, dtype }) => `${name} ${dslText(dtype)}`).join(", "),
  );
  assert.deepEqual(shown, [
    'i32 "Int64"',
    'twice "Float64"',
    'literal "Float64"',
    'i8 "Int64", u8 "Int64"',
    'len "UInt32"',
    "polars",
    'p_g "String"',
  ]);
  assert.match(errorOf(answers[5]).error.message, /missing/);
  assert.deepEqual(oracle.expressions(all, exprs), answers);
});

test("each expression equals its own select on data", () => {
  const names = ["i8", "i64", "u32", "u64", "f32", "f64", "bool", "str", "date", "ms", "duration", "time", "cat", "dec", "struct"];
  const functions: readonly ((e: Expr) => Expr)[] = [
    (e) => e.sum(),
    (e) => e.mean(),
    (e) => e.min(),
    (e) => e.cumSum(),
    (e) => e.eq(pl.col("i32")),
    (e) => e.add(pl.lit(1)),
    (e) => e.isNull(),
    (e) => e.abs(),
    (e) => e.rank(),
    (e) => e.cast(pl.Float32),
    (e) => e.diff(1, "ignore"),
    (e) => e.over("g"),
  ];
  const exprs = names.flatMap((name) => functions.map((f) => f(pl.col(name))));
  const answers = oracle.expressions(all, exprs.map(dslOf));
  let compared = 0;
  for (const [i, expr] of exprs.entries()) {
    const answer = answers[i];
    let want: DslFields;
    try {
      want = fieldsOf(data.lazy().select(expr).collectSync());
    } catch {
      continue;
    }
    if (answer !== undefined && isOracleError(answer) && answer.kind === "refused") continue;
    assert.deepEqual(
      columnsOf(answer).map(({ name, dtype }) => [name, dtype]),
      want,
      dslText(dslOf(expr)),
    );
    compared++;
  }
  assert(compared > 120, `${compared}`);
});

test("in a group-by a bare column is a list and a sum is not", () => {
  const answers = oracle.expressions(all, [pl.col("i32"), pl.col("i32").sum(), pl.col("f64").first()].map(dslOf), {
    keys: [dslOf(pl.col("g"))],
  });
  assert.deepEqual(
    answers.map((answer) => columnsOf(answer)[0]?.dtype),
    [{ List: "Int32" }, "Int32", "Float64"],
  );
});

test("constant positions and samples are answered although they fail on empty frames", () => {
  const answers = oracle.expressions(
    all,
    [pl.col("i32").gather([0, 2]), pl.col("i32").sample({ n: 3 }), pl.col("date").quantile(0.5)].map(dslOf),
  );
  assert.deepEqual(
    answers.map((answer) => columnsOf(answer)[0]?.dtype),
    ["Int32", "Int32", { Datetime: ["Microseconds", null] }],
  );
});

test("a literal Series as a new column or an operand is answered although its length is not that of the empty input", () => {
  const series = pl.Series("s", [1, 2, 3, 4, 5, 6], pl.Int64);
  for (const frame of [data.lazy().select("i64").withColumns(series), data.lazy().select(pl.col("i32").add(series))]) {
    const { plan, sources } = read(frame as never);
    const answer = oracle.plan(plan, new Map([...sources].map(([id, source]) => [id, oracle.leaf(source)])));
    assert(!isOracleError(answer), isOracleError(answer) ? answer.error.message : "");
    assert.deepEqual(answer.fields, fieldsOf(frame.collectSync()));
  }
});

test("boundaries of a dynamic group-by are there", () => {
  const data = pl.DataFrame([pl.Series("at", [new Date(0), new Date(7_200_000)], pl.Datetime("ms")), pl.Series("v", [1, 2], pl.Int32)]);
  const frame = data.lazy().groupByDynamic({ indexColumn: "at", every: "1h", includeBoundaries: true }).agg(pl.col("v").sum());
  const { plan, sources } = read(frame as never);
  const answer = oracle.plan(plan, new Map([...sources].map(([id, source]) => [id, oracle.leaf(source)])));
  assert(!isOracleError(answer));
  assert.deepEqual(answer.fields, fieldsOf(frame.collectSync()));
});

test("non-finite literals and deep expressions are answered", () => {
  let deep = pl.col("i32");
  for (let i = 0; i < 3; i++) deep = deep.add(pl.col("u8"));
  let tree = dslOf(deep);
  const leaf = dslOf(pl.col("u8"));
  for (let i = 0; i < 400; i++) tree = { BinaryExpr: { left: tree, op: "Plus", right: leaf } };
  const answers = oracle.expressions(all, [
    dslOf(pl.col("f32").add(pl.lit(Number.NaN))),
    dslOf(pl.when(pl.col("bool")).then(pl.lit(Number.POSITIVE_INFINITY)).otherwise(pl.col("i8"))),
    tree,
  ]);
  assert.deepEqual(
    answers.map((answer) => columnsOf(answer)[0]?.dtype),
    ["Float64", "Float64", "Int32"],
  );
});

test("whatever constants were asked about before, names and dtypes are polars' own", () => {
  const fresh = new SchemaOracle(module);
  const constants: readonly (readonly [dtype: string, values: readonly (number | bigint)[]])[] = [
    ["Int8", [-128]],
    ["UInt8", [255]],
    ["Int32", [0, 70_000]],
    ["Int64", [9007199254740993n]],
    ["UInt64", [18446744073709551615n]],
    ["Float32", [0.1]],
    ["Float64", [-3, 1e300, Number.NaN]],
  ];
  const literals = constants.flatMap(([dtype, values]) => values.map((value): DslExpr => ({ Literal: { Scalar: { [dtype]: value } } })));
  const exprs = ["Plus", "Minus", "Multiply", "Eq", "NotEq", "Lt", "LtEq", "Gt", "GtEq"].flatMap((op) =>
    data.columns.flatMap((Column) =>
      literals.flatMap((literal): DslExpr[] => [
        { BinaryExpr: { left: { Column }, op, right: literal } },
        { BinaryExpr: { left: literal, op, right: { Column } } },
      ]),
    ),
  );
  const empty = nativeOf(data).slice(0, 0);
  for (const [i, answer] of fresh.expressions(all, exprs).entries()) {
    const expr = exprs[i] ?? "";
    const found = isOracleError(answer) ? null : answer.map(({ name, dtype }) => [name, dtype]);
    assert.deepEqual(found, fieldsAsked(empty, expr), dslText(expr));
  }
});

/** What polars says itself of an expression over a frame; null where it objects. */
function fieldsAsked(frame: NativeDataFrame, expr: DslExpr): DslFields | null {
  try {
    return zeroFrame(
      frame
        .lazy()
        .select([exprFromDsl(native, expr)])
        .collectSync("in-memory"),
    ).fields;
  } catch {
    return null;
  }
}

test("an objection is that to the constants that were given", () => {
  const fresh = new SchemaOracle(module);
  const answers = [3, 4].map((value) => fresh.expressions(all, [dslOf(pl.col("missing").add(pl.lit(value)))])[0]);
  for (const answer of answers) assert(answer !== undefined && isOracleError(answer));
  const filter = (value: number) => fresh.node({ Filter: { input: { Source: 0 }, predicate: dslOf(pl.col("i32").add(value)) } }, [all]);
  for (const value of [3, 4]) {
    const answer = filter(value);
    assert(isOracleError(answer));
    assert.match(answer.error.message, new RegExp(`${value}\\.0`));
  }
});

test("functions that end the process on a Struct are refused, wherever the Struct comes from", () => {
  const struct = pl.struct([pl.col("i8"), pl.col("i16")]);
  const deadly: readonly Expr[] = [
    pl.col("struct").exp(),
    pl.col("struct").log(2),
    pl.col("struct").pctChange(1),
    pl.col("struct").ewmMean({ alpha: 0.5 } as never),
    struct.exp(),
    pl.all().exp(),
    pl.col("struct").first().exp().sum(),
  ];
  for (const answer of oracle.expressions(all, deadly.map(dslOf))) assert.equal(errorOf(answer).kind, "refused");
  const harmless = oracle.expressions(all, [pl.col("f64").exp(), pl.col("struct").struct.field("x").exp()].map(dslOf));
  assert.deepEqual(
    harmless.map((answer) => columnsOf(answer)[0]?.dtype),
    ["Float64", "Float64"],
  );
  const node = oracle.node(
    {
      HStack: {
        input: { Source: 0 },
        exprs: [dslOf(pl.col("struct").exp())],
        options: { run_parallel: true, duplicate_check: true, should_broadcast: true },
      },
    },
    [all],
  );
  assert.equal(errorOf(node).kind, "refused");
});

test("answers that depend on rows are refused", () => {
  const answers = oracle.expressions(
    all,
    [pl.col("struct").cast(pl.Int32), pl.col("list").lst.slice(pl.col("i8").cast(pl.Int64) as never, 2)].map(dslOf),
  );
  for (const answer of answers) assert.equal(errorOf(answer).kind, "refused");
});

test("polars' own error comes back", () => {
  const { plan, sources } = read(data.lazy().filter(pl.col("absent").gt(1)).select("g") as never);
  const answer = errorOf(oracle.plan(plan, new Map([...sources].map(([id, source]) => [id, oracle.leaf(source)]))));
  assert.equal(answer.kind, "polars");
  assert.match(answer.error.message, /absent/);
});

test("supertypes are those of when/then/otherwise on data", () => {
  const names = ["i8", "i32", "i64", "u8", "u32", "u64", "f32", "f64", "bool", "str", "date", "ms", "cat", "list"];
  const dtypes = new Map<string, DslDtype>(all.fields);
  let impossible = 0;
  for (const a of names) {
    for (const b of names) {
      const got = oracle.supertype(dtypes.get(a) ?? "", dtypes.get(b) ?? "");
      let want: DslDtype | undefined;
      try {
        want = fieldsOf(
          data
            .lazy()
            .select(pl.when(pl.lit(true)).then(pl.col(a)).otherwise(pl.col(b)).as("x"))
            .collectSync(),
        )[0]?.[1];
      } catch {
        if (got !== undefined) continue;
        impossible++;
      }
      assert.deepEqual(got, want, `${a} ${b}`);
    }
  }
  assert(impossible > 10);
});

test("a frame of any columns can be had without data", () => {
  const zero = oracle.ofFields(all.fields);
  assert(!isOracleError(zero));
  assert.deepEqual(zero.fields, all.fields);
  assert(isList(zero.fields) && tag(zero.fields[0]?.[1] ?? "")[0] === "String");
});

test("a missing file is polars' own error", () => {
  const { plan } = read(pl.scanParquet("/nowhere/at-all.parquet").select("x") as never);
  assert.match(errorOf(oracle.plan(plan, new Map())).error.message, /No such file|not found|nowhere/i);
});
