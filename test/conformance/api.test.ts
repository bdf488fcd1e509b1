/**
 * Every public method of LazyDataFrame and Expr over small fixtures: on the GPU, or by falling back, the engine gives CPU polars' answer, and
 * where CPU polars rejects the call the same error.
 */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type DataFrame, type Expr, type LazyDataFrame } from "nodejs-polars";
import { frameDifference } from "../../src/conformance/difference.ts";
import { everyDtype } from "../../src/conformance/fixture.ts";
import { GPUEngine } from "../../src/index.ts";

const engine = new GPUEngine({ warn: "silent" });
after(() => engine.close());

const c = pl.col;
const frame = everyDtype(7);
/** Structs are left out: `exp`, `log` and `pctChange` of them end the process inside CPU polars. */
const COLUMNS = ["small", "f64", "bool", "str", "us", "list"];

type Answer = { readonly frame: DataFrame } | { readonly error: string };

async function answer(run: () => Promise<DataFrame>): Promise<Answer> {
  try {
    return { frame: await run() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

/** Whether CPU polars accepts it; both answers are the same. */
async function compare(what: string, make: () => LazyDataFrame, order: "exact" | "any" = "exact"): Promise<boolean> {
  const cpu = await answer(() => make().collect());
  const gpu = await answer(() => make().collect({ engine }));
  if ("error" in cpu || "error" in gpu) {
    assert.deepEqual("error" in gpu ? gpu.error : "a result", "error" in cpu ? cpu.error : "a result", what);
    return "frame" in cpu;
  }
  const found = frameDifference(cpu.frame, gpu.frame, { order, rel: 1e-12 });
  assert.equal(found, null, what);
  return true;
}

/** What CPU polars does with it. Some rejections are panics inside polars, which end the process where they happen on another thread. */
function verdict(make: () => LazyDataFrame): "accepts" | "rejects" | "panics" {
  try {
    make().collectSync();
    return "accepts";
  } catch (error) {
    return /unwrap\(\)|^activate '/.test(String(error instanceof Error ? error.message : error)) ? "panics" : "rejects";
  }
}

type Method = (e: Expr) => Expr;

/** Methods whose result has one value or one for each row: all columns that CPU polars accepts go into one query. */
const SAME_LENGTH: Readonly<Record<string, Method>> = {
  abs: (e) => e.abs(),
  alias: (e) => e.alias("other"),
  all: (e) => e.all(),
  and: (e) => e.and(c("bool2")),
  any: (e) => e.any(),
  arccos: (e) => e.arccos(),
  arcsinh: (e) => e.arcsinh(),
  arctan: (e) => e.arctan(),
  argMax: (e) => e.argMax(),
  argMin: (e) => e.argMin(),
  argSort: (e) => e.argSort(),
  backwardFill: (e) => e.backwardFill(),
  "cast to Int32": (e) => e.cast(pl.Int32),
  "cast to Float64": (e) => e.cast(pl.Float64),
  "cast to String": (e) => e.cast(pl.String),
  "strict cast to Int8": (e) => e.cast(pl.Int8, true),
  ceil: (e) => e.ceil(),
  clip: (e) => e.clip(-1, 5),
  cos: (e) => e.cos(),
  count: (e) => e.count(),
  cumCount: (e) => e.cumCount(),
  cumMax: (e) => e.cumMax(),
  cumMin: (e) => e.cumMin(true),
  cumProd: (e) => e.cumProd(),
  cumSum: (e) => e.cumSum(),
  degrees: (e) => e.degrees(),
  diff: (e) => e.diff(1, "ignore"),
  div: (e) => e.div(c("small2")),
  dot: (e) => e.dot(c("small2")),
  eq: (e) => e.eq(e),
  "eq with a number": (e) => e.eq(1),
  ewmMean: (e) => e.ewmMean({ alpha: 0.5 }),
  exp: (e) => e.exp(),
  fillNan: (e) => e.fillNan(0),
  fillNull: (e) => e.fillNull(1),
  "fillNull forward": (e) => e.fillNull("forward"),
  first: (e) => e.first(),
  floor: (e) => e.floor(),
  forwardFill: (e) => e.forwardFill(),
  gt: (e) => e.gt(e),
  "gt a number": (e) => e.gt(2),
  hash: (e) => e.hash(),
  implode: (e) => e.implode(),
  interpolate: (e) => e.interpolate(),
  isDuplicated: (e) => e.isDuplicated(),
  isFinite: (e) => e.isFinite(),
  isFirstDistinct: (e) => e.isFirstDistinct(),
  isIn: (e) => e.isIn([1, 2, 7]),
  "isIn texts": (e) => e.isIn(["a", "apple"]),
  isInfinite: (e) => e.isInfinite(),
  isNan: (e) => e.isNan(),
  isNotNan: (e) => e.isNotNan(),
  isNotNull: (e) => e.isNotNull(),
  isNull: (e) => e.isNull(),
  isUnique: (e) => e.isUnique(),
  keepName: (e) => e.as("other").keepName(),
  kurtosis: (e) => e.kurtosis(),
  last: (e) => e.last(),
  log: (e) => e.log(),
  log1p: (e) => e.log1p(),
  lowerBound: (e) => e.lowerBound(),
  lt: (e) => e.lt(c("small")),
  max: (e) => e.max(),
  mean: (e) => e.mean(),
  median: (e) => e.median(),
  min: (e) => e.min(),
  minus: (e) => e.minus(1),
  modulo: (e) => e.modulo(3),
  mul: (e) => e.mul(e),
  nUnique: (e) => e.nUnique(),
  neq: (e) => e.neq(c("k")),
  not: (e) => e.not(),
  nullCount: (e) => e.nullCount(),
  or: (e) => e.or(c("bool2")),
  over: (e) => e.max().over("k"),
  "over rows": (e) => e.over("k"),
  pctChange: (e) => e.pctChange(),
  peakMax: (e) => e.peakMax(),
  plus: (e) => e.plus(e),
  pow: (e) => e.pow(2),
  prefix: (e) => e.prefix("p_"),
  product: (e) => e.product(),
  quantile: (e) => e.quantile(0.5),
  radians: (e) => e.radians(),
  rank: (e) => e.rank(),
  reinterpret: (e) => e.reinterpret(true),
  replace: (e) => e.replace([1], [2]),
  reverse: (e) => e.reverse(),
  rollingMax: (e) => e.rollingMax({ windowSize: 2 }),
  rollingSum: (e) => e.rollingSum({ windowSize: 2 }),
  round: (e) => e.round(1),
  shift: (e) => e.shift(1),
  shiftAndFill: (e) => e.shiftAndFill(1, 0),
  sin: (e) => e.sin(),
  skew: (e) => e.skew(),
  sort: (e) => e.sort(),
  sortBy: (e) => e.sortBy(c("row"), true),
  std: (e) => e.std(),
  suffix: (e) => e.suffix("_s"),
  sum: (e) => e.sum(),
  tanh: (e) => e.tanh(),
  toPhysical: (e) => e.toPhysical(),
  upperBound: (e) => e.upperBound(),
  var: (e) => e.var(),
  when: (e) => pl.when(c("bool")).then(e).otherwise(pl.lit(null)),
  "str.concat": (e) => e.str.concat("-"),
  "str.contains": (e) => e.str.contains("p+"),
  "str.decode": (e) => e.str.decode("hex", false),
  "str.encode": (e) => e.str.encode("hex"),
  "str.endsWith": (e) => e.str.endsWith("e"),
  "str.extract": (e) => e.str.extract("(p+)", 1),
  "str.lengths": (e) => e.str.lengths(),
  "str.padStart": (e) => e.str.padStart(8, "*"),
  "str.padEnd": (e) => e.str.padEnd(8, "*"),
  "str.replace": (e) => e.str.replace("p", "P"),
  "str.replaceAll": (e) => e.str.replaceAll("p", "P"),
  "str.slice": (e) => e.str.slice(1, 3),
  "str.split": (e) => e.str.split("p"),
  "str.startsWith": (e) => e.str.startsWith("a"),
  "str.stripChars": (e) => e.str.stripChars(" "),
  "str.strptime": (e) => e.str.strptime(pl.Date, "%Y-%m-%d"),
  "str.toLowerCase": (e) => e.str.toLowerCase(),
  "str.toUpperCase": (e) => e.str.toUpperCase(),
  "str.zFill": (e) => e.str.zFill(6),
  "dt.day": (e) => e.dt.day(),
  "dt.hour": (e) => e.dt.hour(),
  "dt.minute": (e) => e.dt.minute(),
  "dt.month": (e) => e.dt.month(),
  "dt.nanosecond": (e) => e.dt.nanosecond(),
  "dt.ordinalDay": (e) => e.dt.ordinalDay(),
  "dt.second": (e) => e.dt.second(),
  "dt.strftime": (e) => e.dt.strftime("%Y"),
  "dt.timestamp": (e) => e.dt.timestamp(),
  "dt.truncate": (e) => e.dt.truncate("1mo"),
  "dt.week": (e) => e.dt.week(),
  "dt.weekday": (e) => e.dt.weekday(),
  "dt.year": (e) => e.dt.year(),
  "lst.argMax": (e) => e.lst.argMax(),
  "lst.contains": (e) => e.lst.contains("p"),
  "lst.first": (e) => e.lst.first(),
  "lst.get": (e) => e.lst.get(0),
  "lst.head": (e) => e.lst.head(2),
  "lst.join": (e) => e.lst.join("+"),
  "lst.lengths": (e) => e.lst.lengths(),
  "lst.max": (e) => e.lst.max(),
  "lst.reverse": (e) => e.lst.reverse(),
  "lst.slice": (e) => e.lst.slice(0, 1),
  "lst.sort": (e) => e.lst.sort(),
  "lst.unique": (e) => e.lst.unique(),
};

/** Methods whose result has a length of its own: one column in each query. */
const OTHER_LENGTH: Readonly<Record<string, Method>> = {
  argUnique: (e) => e.argUnique(),
  dropNans: (e) => e.dropNans(),
  dropNulls: (e) => e.dropNulls(),
  explode: (e) => e.explode(),
  extendConstant: (e) => e.extendConstant(1, 2),
  filter: (e) => e.filter(c("bool")),
  gather: (e) => e.gather([0, 2]),
  gatherEvery: (e) => e.gatherEvery(2),
  head: (e) => e.head(2),
  mode: (e) => e.mode().sort(),
  slice: (e) => e.slice(1, 3),
  tail: (e) => e.tail(2),
  unique: (e) => e.unique().sort(),
  uniqueCounts: (e) => e.uniqueCounts(),
};

for (const [name, method] of Object.entries(SAME_LENGTH)) {
  test(`Expr.${name}`, async () => {
    const of = (column: string) => () => frame.lazy().select(method(c(column)).as(column));
    const good = COLUMNS.filter((column) => verdict(of(column)) === "accepts");
    const bad = COLUMNS.find((column) => verdict(of(column)) === "rejects");
    if (bad !== undefined) assert.equal(await compare(`${name} of ${bad}`, of(bad)), false);
    assert.ok(good.length > 0, "CPU polars accepts it for some column");
    assert.ok(
      await compare(`${name} of ${good.join(", ")}`, () => frame.lazy().select(...good.map((column) => method(c(column)).as(column)))),
    );
  });
}

for (const [name, method] of Object.entries(OTHER_LENGTH)) {
  test(`Expr.${name}`, async () => {
    for (const column of ["small", "str", "f64", "list"])
      await compare(`${name} of ${column}`, () => frame.lazy().select(method(c(column)).as(column)));
  });
}

const numbers = () => frame.lazy().select("small", "small2", "u8");
const few = () => frame.lazy().select("row", "k", "small", "str", "list");
const other = () => frame.lazy().select("row", c("small").as("w")).head(4);

const FRAMES: Readonly<Record<string, () => LazyDataFrame>> = {
  cache: () => few().cache(),
  clone: () => few().clone(),
  drop: () => few().drop("k"),
  dropNulls: () => few().dropNulls(),
  explode: () => few().explode("list"),
  fillNan: () => frame.lazy().select("f64", "small").fillNan(1),
  fillNull: () => numbers().fillNull(0),
  filter: () => few().filter(c("small").gt(0)),
  "filter by an aggregate": () => few().filter(c("small").eq(c("small").max())),
  "groupBy agg": () => few().groupBy("k").agg(c("small").sum().as("s")),
  "groupBy head": () => few().groupBy("k", true).head(1),
  "groupBy len": () => few().groupBy("k", true).len("n"),
  "groupBy tail": () => few().groupBy("k", true).tail(1),
  groupByRolling: () =>
    frame.lazy().select("row", "small").groupByRolling({ indexColumn: "row", period: "2i" }).agg(c("small").sum().as("s")),
  groupByDynamic: () =>
    frame
      .lazy()
      .select("us", "small")
      .dropNulls()
      .sort("us")
      .head(2)
      .groupByDynamic({ indexColumn: "us", every: "100y" })
      .agg(c("small").sum().as("s")),
  head: () => few().head(2),
  join: () => few().join(other(), { on: "row" }),
  "join semi": () => few().join(other(), { on: "row", how: "semi" }),
  "join cross": () => few().join(other(), { how: "cross" }),
  joinAsof: () => few().joinAsof(other(), { on: "row" }),
  last: () => few().last(),
  limit: () => few().limit(3),
  max: () => numbers().max(),
  mean: () => numbers().mean(),
  median: () => numbers().median(),
  min: () => numbers().min(),
  quantile: () => numbers().quantile(0.25),
  rename: () => few().rename({ k: "key" }),
  reverse: () => few().reverse(),
  select: () => few().select("k", c("small").plus(1)),
  shift: () => few().shift(1),
  shiftAndFill: () => numbers().shiftAndFill(1, 0),
  slice: () => few().slice(-3, 2),
  sort: () => few().sort("small", true, true, true),
  std: () => numbers().std(),
  sum: () => numbers().sum(),
  "sum of texts": () => few().sum(),
  tail: () => few().tail(2),
  unique: () => few().select("k").unique(),
  "unique of a subset": () => few().unique({ subset: ["k"], keep: "last", maintainOrder: true }),
  unnest: () => frame.lazy().select("row", "struct").unnest("struct"),
  unpivot: () => few().unpivot(["row"], ["small"]),
  var: () => numbers().var(),
  withColumn: () => few().withColumn(c("small").mul(2).as("twice")),
  withColumns: () => few().withColumns(c("small").mul(2).as("twice"), pl.lit("x").as("x")),
  withColumnRenamed: () => few().withColumnRenamed("k", "key"),
  withRowIndex: () => few().withRowIndex("n", 3),
  "pl.concat": () => pl.concat([few(), few().head(2)]),
  "pl.concat diagonal": () => pl.concat([few(), other()], { how: "diagonal" }),
  "pl.concatList": () => frame.lazy().select(pl.concatList([c("small"), c("small2")]).as("l")),
  "pl.concatString": () => frame.lazy().select(pl.concatString([c("str"), c("g")], "-").as("s")),
  "pl.struct": () => frame.lazy().select(pl.struct([c("small"), c("str")]).as("s")),
  "pl.sumHorizontal": () => numbers().select(pl.sumHorizontal([c("small"), c("small2")]).as("s")),
  "pl.anyHorizontal": () => frame.lazy().select(pl.anyHorizontal([c("bool"), c("bool2")]).as("s")),
  "pl.intRange": () => frame.lazy().select(pl.intRange(0, 3, 1, pl.Int64).as("i")),
  "pl.quantile": () => numbers().select(pl.quantile("small", 0.5)),
  "pl.cov": () => numbers().select(pl.cov("small", "small2").as("c")),
  "pl.list": () => numbers().select(pl.list("small").as("l")),
  "a missing column": () => few().select("absent"),
  "a wrong dtype": () => few().filter(c("str").plus(c("row"))),
};

const UNORDERED = new Set(["unique", "join", "join semi", "groupBy len"]);

for (const [name, make] of Object.entries(FRAMES))
  test(`LazyDataFrame: ${name}`, async () => void (await compare(name, make, UNORDERED.has(name) ? "any" : "exact")));
