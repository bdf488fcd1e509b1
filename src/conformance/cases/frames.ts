/** Methods of lazy frames, groups and the functions of the module, each as a query of its own. */

import pl, { type LazyDataFrame } from "nodejs-polars";
import { type Case, queries, SUMS } from "../case.ts";

const c = pl.col;
const few = (frame: LazyDataFrame) => frame.select("row", "k", "small", "str", "list");
const numbers = (frame: LazyDataFrame) => frame.select("small", "small2", "u8", "f64");
const other = (frame: LazyDataFrame) => frame.select("row", c("small").as("w")).head(4);
const keyed = (frame: LazyDataFrame) => frame.select("k", "g", c("row").as("other")).head(6);

const rows = queries("Frames", {
  "cache()": (f) => few(f).cache(),
  "clone()": (f) => few(f).clone(),
  "concat([a, b])": (f) => pl.concat([few(f), few(f).head(2)]),
  "concat(diagonal)": (f) => pl.concat([few(f), other(f)], { how: "diagonal" }),
  "concat(horizontal)": (f) => pl.concat([f.select("row"), f.select("str").head(2)], { how: "horizontal" }),
  "drop(k)": (f) => few(f).drop("k"),
  "dropNulls()": (f) => few(f).dropNulls(),
  "explode(list)": (f) => few(f).explode("list"),
  "fillNan(1)": (f) => f.select("f64", "small").fillNan(1),
  "fillNull(0)": (f) => numbers(f).fillNull(0),
  "filter(e)": (f) => few(f).filter(c("small").gt(0)),
  "filter(an aggregate)": (f) => few(f).filter(c("small").eq(c("small").max())),
  "head(2)": (f) => few(f).head(2),
  "intRange(0, 3)": (f) => f.select(pl.intRange(0, 3, 1, pl.Int64).as("i")),
  "last()": (f) => few(f).last(),
  "limit(3)": (f) => few(f).limit(3),
  "rename(k: key)": (f) => few(f).rename({ k: "key" }),
  "reverse()": (f) => few(f).reverse(),
  "select(names)": (f) => few(f).select("k", c("small").plus(1)),
  "select(lit)": (f) => f.select(pl.lit(1).as("one"), pl.lit("x").as("x")),
  "shift(1)": (f) => few(f).shift(1),
  "shiftAndFill(1, 0)": (f) => numbers(f).shiftAndFill(1, 0),
  "slice(-3, 2)": (f) => few(f).slice(-3, 2),
  "sort(small, descending)": (f) => few(f).sort("small", true, true, true),
  "sort([k, row])": (f) => few(f).sort(["k", "row"], [true, false], [false, true]),
  "tail(2)": (f) => few(f).tail(2),
  "unique(subset, last)": (f) => few(f).unique({ subset: ["k"], keep: "last", maintainOrder: true }),
  "unnest(struct)": (f) => f.select("row", "struct").unnest("struct"),
  "unpivot(small)": (f) => few(f).unpivot(["row"], ["small", "k"]),
  "withColumn(e)": (f) => few(f).withColumn(c("small").mul(2).as("twice")),
  "withColumns(a, b)": (f) => few(f).withColumns(c("small").mul(2).as("twice"), pl.lit("x").as("x")),
  "withColumnRenamed(k, key)": (f) => few(f).withColumnRenamed("k", "key"),
  "withRowIndex(n, 3)": (f) => few(f).withRowIndex("n", 3),
  "argSortBy([k, row])": (f) => f.select(pl.argSortBy([c("k"), c("row")], [true, false]).as("i")),
});

const unordered = queries(
  "Frames",
  {
    "unique()": (f) => f.select("k", "g").unique(),
    "unique(none)": (f) => f.select("k", "str").unique({ keep: "none" }),
    "groupBy(k).len()": (f) => few(f).groupBy("k").len("n"),
  },
  { order: "any" },
);

const statistics = queries(
  "Whole-frame statistics",
  {
    "max()": (f) => numbers(f).max(),
    "mean()": (f) => numbers(f).mean(),
    "median()": (f) => numbers(f).median(),
    "min()": (f) => numbers(f).min(),
    "quantile(0.25)": (f) => numbers(f).quantile(0.25),
    "std()": (f) => numbers(f).std(),
    "sum()": (f) => numbers(f).sum(),
    "sum() of every dtype": (f) => f.select("str", "bool", "date", "i8").sum(),
    "min() of every dtype": (f) => f.select("str", "bool", "date", "us", "cat").min(),
    "var()": (f) => numbers(f).var(),
    "cov(a, b)": (f) => numbers(f).select(pl.cov("small", "small2").as("c")),
    "pearsonCorr(a, b)": (f) => numbers(f).select(pl.pearsonCorr("small", "small2").as("c")),
    "spearmanRankCorr(a, b)": (f) => numbers(f).select(pl.spearmanRankCorr("small", "small2").as("c")),
  },
  SUMS,
);

const horizontal = queries(
  "Horizontal functions",
  {
    "allHorizontal([a, b])": (f) => f.select(pl.allHorizontal([c("bool"), c("bool2")]).as("s")),
    "anyHorizontal([a, b])": (f) => f.select(pl.anyHorizontal([c("bool"), c("bool2")]).as("s")),
    "maxHorizontal([a, b])": (f) => f.select(pl.maxHorizontal([c("i8"), c("i64"), c("f64")]).as("s")),
    "minHorizontal([a, b])": (f) => f.select(pl.minHorizontal([c("i8"), c("i64")]).as("s")),
    "sumHorizontal([a, b])": (f) => f.select(pl.sumHorizontal([c("small"), c("small2")]).as("s")),
  },
  SUMS,
);

const groups = queries(
  "Groups",
  {
    "groupBy(k).head(1)": (f) => few(f).groupBy("k", true).head(1),
    "groupBy(k).tail(1)": (f) => few(f).groupBy("k", true).tail(1),
    "groupBy(k, g).agg(several)": (f) =>
      f.groupBy(["k", "g"], true).agg(c("small").sum().as("s"), c("f32").max().as("m"), pl.len().as("n"), c("str").first().as("t")),
    "groupBy(expression)": (f) => f.groupBy(c("small").gt(0), true).agg(c("row").max().as("m")),
    "agg((a * b).sum() / c.mean())": (f) => f.groupBy("k", true).agg(c("small").mul(c("small2")).sum().div(c("small").count()).as("x")),
    "groupByDynamic(1y)": (f) =>
      f
        .select("us", "small")
        .dropNulls()
        .sort("us")
        .slice(2, 6)
        .groupByDynamic({ indexColumn: "us", every: "100y" })
        .agg(c("small").sum().as("s")),
    "groupByDynamic(1mo, startBy window)": (f) =>
      f
        .select("us", "small")
        .dropNulls()
        .sort("us")
        .slice(2, 6)
        .groupByDynamic({ indexColumn: "us", every: "1mo", startBy: "window" })
        .agg(c("small").sum().as("s")),
    "groupByDynamic(integers)": (f) =>
      f.select("row", "small").groupByDynamic({ indexColumn: "row", every: "3i" }).agg(c("small").sum().as("s")),
    "groupByRolling(2i)": (f) =>
      f.select("row", "small").groupByRolling({ indexColumn: "row", period: "2i" }).agg(c("small").sum().as("s")),
  },
  SUMS,
);

const joins = queries(
  "Joins",
  {
    "join(on: k)": (f) => few(f).join(keyed(f), { on: "k", how: "inner" }),
    "join(left)": (f) => few(f).join(keyed(f), { on: "k", how: "left" }),
    "join(left, reversed)": (f) => keyed(f).join(few(f), { on: "k", how: "left" }),
    "join(full)": (f) => few(f).join(keyed(f), { on: "k", how: "full" }),
    "join(semi)": (f) => few(f).join(keyed(f), { on: "k", how: "semi" }),
    "join(anti)": (f) => few(f).join(keyed(f), { on: "k", how: "anti" }),
  },
  { order: "any" },
);
const orderedJoins = queries("Joins", {
  "join(two keys)": (f) => f.select("k", "g", "row").join(keyed(f), { on: ["k", "g"], how: "left", maintainOrder: "left_right" }),
  "join(cross)": (f) => few(f).head(3).join(other(f), { how: "cross" }),
  "join(maintainOrder: right)": (f) => few(f).join(keyed(f), { on: "k", maintainOrder: "right" }),
  "join(coalesce full)": (f) => few(f).join(keyed(f), { on: "k", how: "full", coalesce: true, maintainOrder: "left_right" }),
  "join(nullsEqual)": (f) => few(f).join(keyed(f), { on: "k", nullsEqual: true, maintainOrder: "left_right" }),
  "joinAsof(on: row)": (f) => few(f).joinAsof(other(f), { on: "row" }),
  "joinAsof(forward)": (f) => few(f).joinAsof(other(f), { on: "row", strategy: "forward" }),
});

const sql = queries("SQL", {
  "SELECT .. WHERE": (f) => pl.SQLContext({ f }).execute("SELECT row, small * 2 AS x FROM f WHERE small > 0"),
  "GROUP BY": (f) => pl.SQLContext({ f }).execute("SELECT k, SUM(small) AS s, COUNT(*) AS n FROM f GROUP BY k ORDER BY k NULLS LAST"),
  JOIN: (f) => pl.SQLContext({ a: few(f), b: other(f) }).execute("SELECT a.row, b.w FROM a JOIN b ON a.row = b.row ORDER BY a.row"),
  "CASE, LIKE": (f) => pl.SQLContext({ f }).execute("SELECT CASE WHEN str LIKE '%pp%' THEN 1 ELSE 0 END AS c FROM f"),
  "ORDER BY .. LIMIT": (f) => pl.SQLContext({ f }).execute("SELECT row, str FROM f ORDER BY row DESC LIMIT 3"),
});

export const FRAME_CASES: readonly Case[] = [
  ...rows,
  ...unordered,
  ...statistics,
  ...horizontal,
  ...groups,
  ...joins,
  ...orderedJoins,
  ...sql,
];
