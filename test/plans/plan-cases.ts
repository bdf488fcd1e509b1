/** Lazy queries over every plan node and many expressions that nodejs-polars can make; the material of the plan tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type polars from "nodejs-polars";
import type { DataFrame, Expr, LazyDataFrame } from "nodejs-polars";

type Polars = typeof polars;

/** `unordered`: rows come in another order at every run. `opaque`: polars itself cannot serialise it. */
export interface PlanCase {
  readonly name: string;
  readonly make: () => LazyDataFrame;
  readonly unordered?: boolean;
}

const day = (n: number): Date => new Date(Date.UTC(2024, 0, n, 1, 2, 3, 4));

/** Every common dtype; nulls, NaN and infinities included. */
export function everyDtype(pl: Polars): DataFrame {
  const integers = [1, -2, null, 4, 5, 127];
  const naturals = [1, 2, null, 4, 5, 255];
  const floats = [1.5, -0.25, null, Number.NaN, 5, Number.POSITIVE_INFINITY];
  const dates = [day(31), day(2), null, new Date(-1), day(9), day(1)];
  return pl.DataFrame([
    pl.Series("g", ["a", "b", "a", "b", "a", "c"], pl.String),
    pl.Series("i8", integers, pl.Int8),
    pl.Series("i16", integers, pl.Int16),
    pl.Series("i32", integers, pl.Int32),
    pl.Series("i64", integers, pl.Int64),
    pl.Series("u8", naturals, pl.UInt8),
    pl.Series("u16", naturals, pl.UInt16),
    pl.Series("u32", naturals, pl.UInt32),
    pl.Series("u64", [1n, 2n, null, 4n, 5n, 18446744073709551615n], pl.UInt64),
    pl.Series("f32", floats, pl.Float32),
    pl.Series("f64", floats, pl.Float64),
    pl.Series("bool", [true, false, null, true, false, true], pl.Bool),
    pl.Series("str", ["apple", "Bär", null, "", " Pie ", "3132"], pl.String),
    pl.Series("date", dates, pl.Date),
    pl.Series("ms", dates, pl.Datetime("ms")),
    pl.Series("us", dates, pl.Datetime("us", "UTC")),
    pl.Series("duration", [1000, 90061001, null, -5, 0, 7], pl.Duration("ms")),
    pl.Series("time", [0, 3723000000000, null, 86399999999999, 1, 2], pl.Time),
    pl.Series("cat", ["x", "y", null, "x", "z", "y"], pl.Categorical),
    pl.Series("dec", [150n, 225n, null, -300n, 0n, 1n], pl.Decimal(10, 2)),
    pl.Series("list", [[1, 2], [], null, [3, null], [4], [5, 6, 7]], pl.List(pl.Int64)),
    pl.Series(
      "struct",
      [1, 2, 3, 4, 5, 6].map((x) => ({ x, y: `${x}` })),
    ),
  ]);
}

/** Column names that JavaScript objects would reorder. */
export function numberedColumns(pl: Polars): DataFrame {
  return pl.DataFrame([
    pl.Series("b", [1, 2], pl.Int64),
    pl.Series("10", [3, 4], pl.Int64),
    pl.Series("0", ["x", "y"], pl.String),
    pl.Series("__proto__", [1, 2], pl.Int32),
  ]);
}

/** Calls one of several methods that take no arguments. */
function apply<Name extends string, R>(receiver: { readonly [K in Name]: () => R }, name: Name): R {
  return receiver[name]();
}

export interface PlanCases {
  readonly cases: readonly PlanCase[];
  /** Removes the files that the scans read. */
  dispose(): void;
}

export function planCases(pl: Polars): PlanCases {
  const all = everyDtype(pl);
  const left = pl.DataFrame([
    pl.Series("id", [1, 2, 3, 3, null, 6], pl.Int64),
    pl.Series("k", ["a", "b", "a", "c", null, "b"], pl.String),
    pl.Series("v", [0.5, 1.5, null, 3.5, 4.5, 5.5], pl.Float64),
  ]);
  const right = pl.DataFrame([
    pl.Series("id", [1, 3, 3, null, 7], pl.Int64),
    pl.Series("k", ["a", "a", "x", null, "b"], pl.String),
    pl.Series("w", [10, 30, 31, 40, 70], pl.Int64),
  ]);
  const third = pl.DataFrame([pl.Series("id", [1, 2], pl.Int64), pl.Series("z", [7, 8], pl.Int64)]);
  const sorted = pl.DataFrame([
    pl.Series("t", [0, 1, 2, 3, 5, 8], pl.Int64),
    pl.Series("k", ["a", "b", "a", "b", "a", "b"], pl.String),
    pl.Series("v", [1.5, 2.5, 3.5, 4.5, 5.5, 6.5], pl.Float64),
  ]);
  const timed = sorted.withColumns(
    pl.Series(
      "at",
      [0, 1, 2, 3, 5, 8].map((h) => new Date(Date.UTC(2024, 0, 1, h, 30))),
      pl.Datetime("ms"),
    ),
  );
  const folder = mkdtempSync(join(tmpdir(), "polars-webgpu-plans-"));
  const file = (name: string): string => join(folder, name);
  left.writeCSV(file("t.csv"));
  left.writeParquet(file("t.parquet"));
  left.writeIPC(file("t.ipc"));
  left.writeJSON(file("t.ndjson"), { format: "lines" });

  const cases: PlanCase[] = [];
  const add = (name: string, make: () => LazyDataFrame, unordered = false): void => void cases.push({ name, make, unordered });
  const l = (): LazyDataFrame => left.lazy();
  const r = (): LazyDataFrame => right.lazy();
  const v = (): Expr => pl.col("v");

  add("leaf", l);
  add("filter", () => l().filter(v().gt(1)));
  add("select", () => l().select("id", v().mul(2).as("twice")));
  add("withColumns", () => l().withColumns(v().sum().as("s"), pl.col("id").cast(pl.Int32).as("c")));
  add("drop", () => l().drop("v"));
  add("rename", () => l().rename({ v: "value" }));
  add("sort", () => l().sort([pl.col("k"), v()], [true, false], [false, true]));
  add("head", () => l().head(2));
  add("tail", () => l().tail(2));
  add("slice", () => l().slice(1, 0));
  add("unique", () => l().unique({ subset: ["k"], keep: "first", maintainOrder: true }));
  add("unique any", () => l().unique(), true);
  add("groupBy", () => l().groupBy("k").agg(v().sum().as("s"), pl.len().as("n"), v().first().as("f")));
  add("groupBy keys with names", () =>
    l()
      .groupBy([pl.col("k"), pl.col("id").modulo(2).as("odd")])
      .agg(v()),
  );
  add("groupBy head", () => l().groupBy("k").head(1), true);
  add("groupByRolling", () => sorted.lazy().groupByRolling({ indexColumn: "t", period: "2i" }).agg(v().sum().as("s")));
  add("groupByDynamic", () => timed.lazy().groupByDynamic({ indexColumn: "at", every: "2h" }).agg(v().sum().as("s")));
  for (const how of ["inner", "left", "semi", "anti"] as const) add(`join ${how}`, () => l().join(r(), { on: "id", how }));
  add("join full", () => l().join(r(), { on: ["id", "k"], how: "full" } as never), true);
  add("join cross", () => l().join(third.lazy(), { how: "cross", suffix: "_r" }));
  add("join different names", () => l().join(r().rename({ id: "key" }), { leftOn: "id", rightOn: "key" }));
  add("join twice", () => l().join(r(), { on: "id" }).join(third.lazy(), { on: "id", how: "left" }));
  add("join with a joined side", () => l().join(r().join(third.lazy(), { on: "id" }), { on: "id" }));
  add("self join", () => l().join(left.lazy(), { on: "id" }));
  add("joinAsof", () => sorted.lazy().joinAsof(sorted.lazy().withColumns(v().as("q")), { on: "t", strategy: "forward" }));
  add("concat vertical", () => pl.concat([l().select("id"), r().select("id"), third.lazy().select("id")]));
  add("concat diagonal", () => pl.concat([l(), r()], { how: "diagonal" }));
  add("concat horizontal", () => pl.concat([r().rename({ id: "other" }), third.lazy()], { how: "horizontal" }));
  add("cache twice", () => {
    const cached = l().filter(v().gt(1)).cache();
    return cached.join(cached, { on: "id" });
  });
  add("explode", () => all.lazy().select("g", "list").explode("list"));
  add("unpivot", () => l().unpivot(["k"], ["v"]));
  add("unnest", () => all.lazy().select("g", "struct").unnest("struct"));
  add("withRowIndex", () => l().withRowIndex("row", 5));
  for (const name of ["sum", "min", "max", "mean", "median", "std", "var", "reverse"] as const)
    add(`frame ${name}`, () => apply(l().select("v"), name));
  add("frame quantile", () => l().select("v").quantile(0.25));
  add("frame fillNull", () => l().select("v").fillNull(0));
  add("frame fillNan", () => l().select("v").fillNan(1));
  add("frame dropNulls", () => l().dropNulls("id"));
  add("frame shift", () => l().shift(1));
  add("clone", () => l().filter(v().gt(1)).clone());
  add("columns read on the way", () => {
    const frame = l();
    void frame.columns;
    return frame.filter(v().gt(1));
  });
  add("numbered columns", () => numberedColumns(pl).lazy().withColumns(pl.col("0").as("2")));
  add("scanCSV", () => pl.scanCSV(file("t.csv")).filter(v().gt(1)));
  add("scanParquet", () => pl.scanParquet(file("t.parquet")).select("k", "v"));
  add("scanIPC", () => pl.scanIPC(file("t.ipc")).head(3));
  add("scanJson", () => pl.scanJson(file("t.ndjson")).select("v"));
  add("scan joined with memory", () => pl.scanParquet(file("t.parquet")).join(r(), { on: "id" }));
  add("sinkCSV", () => l().sinkCSV(file("unused.csv")));

  const numbers = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64"];
  const scalar = (name: string, expr: () => Expr): void => add(`expr ${name}`, () => all.lazy().select(expr()));
  for (const name of [
    "sum",
    "min",
    "max",
    "mean",
    "std",
    "first",
    "last",
    "nUnique",
    "count",
    "cumSum",
    "isNull",
    "abs",
    "argMax",
    "product",
  ] as const) {
    scalar(name, () => apply(pl.cols(numbers), name));
  }
  for (const name of ["add", "sub", "mul", "div", "modulo", "eq", "lt", "gtEq"] as const)
    scalar(`${name} pairs`, () => pl.cols(numbers)[name](pl.col("i32")));
  for (const name of ["sqrt", "floor", "exp", "isNan"] as const)
    scalar(name, () => (name === "sqrt" ? pl.col("f64").pow(0.5) : apply(pl.cols("f32", "f64"), name)));
  scalar("when", () =>
    pl.when(pl.col("i32").gt(1)).then(pl.col("f64")).when(pl.col("bool")).then(pl.lit(1)).otherwise(pl.lit(null)).as("w"),
  );
  scalar("over", () => pl.col("i64").sum().over("g"));
  scalar("isIn", () => pl.col("str").isIn(["apple", "pear"]));
  scalar("isIn series", () => pl.col("i64").isIn(pl.Series([1, 4])));
  scalar("cast strict date", () => pl.col("date").cast(pl.String));
  scalar("dates", () => pl.struct([pl.col("date").dt.year().as("y"), pl.col("ms").dt.hour().as("h")]).as("parts"));
  scalar("string", () => pl.col("str").str.contains("p"));
  scalar("big integer", () => pl.col("u64").eq(pl.lit(18446744073709551615n)));
  scalar("negative zero", () => pl.col("f64").mul(-0));
  scalar("list", () => pl.col("list").lst.sum());
  scalar("wildcard", () => pl.all().exclude("g").nullCount());
  scalar("regex", () => pl.col("^i.*$").fillNull(pl.lit(3n)));
  scalar("literal series", () => pl.lit(pl.Series("s", [1, 2, 3, 4, 5, 6])));
  scalar("rolling", () => pl.col("f64").rollingMean({ windowSize: 2 }));

  const sql = (name: string, query: string, unordered = false): void =>
    add(`sql ${name}`, () => pl.SQLContext({ left, right: r(), third }).execute(query), unordered);
  sql("where", "SELECT id, v FROM left WHERE v > 1");
  sql("other order", "SELECT third.z, left.k FROM third JOIN left ON third.id = left.id");
  sql("self join", "SELECT a.v, b.k FROM left AS a JOIN left AS b ON a.id = b.id");
  sql("subquery and union", "SELECT id FROM right WHERE id IN (SELECT id FROM left) UNION ALL SELECT id FROM left");
  sql("group by", "SELECT k, SUM(v) AS s, COUNT(*) AS n FROM left GROUP BY k ORDER BY k");
  sql("integers", "SELECT id + 9007199254740993 AS big, id / 2 AS half FROM left");
  sql("values", "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS t(x, y)");
  sql("comment first", "-- what\n /* and */ (SELECT id FROM third)");
  sql("show tables", "SHOW TABLES");
  sql("explain", "EXPLAIN SELECT id FROM left WHERE v > 1");
  add("sql create table", () => {
    const context = pl.SQLContext({ left, right: r() });
    context.execute("CREATE TABLE made AS SELECT id, v FROM left WHERE v > 1", { eager: true });
    return context.execute("SELECT made.id, right.w FROM made JOIN right ON made.id = right.id");
  });
  add("sql table replaced", () => {
    const context = pl.SQLContext({ left: third });
    const first = context.execute("SELECT * FROM left");
    context.register("left", left);
    return pl.concat([first.select("id"), context.execute("SELECT * FROM left").select("id")]);
  });
  return { cases, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}
