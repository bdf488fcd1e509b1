/** Aggregates of a column: of all rows, and of groups. */

import pl, { type Expr } from "nodejs-polars";
import { type Case, expressions, SUMS } from "../case.ts";

const c = pl.col;

type Aggregate = (e: Expr) => Expr;

const AGGREGATES: Readonly<Record<string, Aggregate>> = {
  "all()": (e) => e.all(),
  "any()": (e) => e.any(),
  "any(Kleene)": (e) => e.any(false),
  "argMax()": (e) => e.argMax(),
  "argMin()": (e) => e.argMin(),
  "count()": (e) => e.count(),
  "dot(other)": (e) => e.dot(c("small2")),
  "filter(other).sum()": (e) => e.filter(c("bool")).sum(),
  "first()": (e) => e.first(),
  "implode()": (e) => e.implode(),
  "kurtosis()": (e) => e.kurtosis(),
  "last()": (e) => e.last(),
  "max()": (e) => e.max(),
  "mean()": (e) => e.mean(),
  "median()": (e) => e.median(),
  "min()": (e) => e.min(),
  "mode()": (e) => e.mode().sort(),
  "nUnique()": (e) => e.nUnique(),
  "nullCount()": (e) => e.nullCount(),
  "product()": (e) => e.product(),
  "quantile(0.5)": (e) => e.quantile(0.5),
  "quantile(0.25, linear)": (e) => e.quantile(0.25, "linear"),
  "skew()": (e) => e.skew(),
  "sortBy(row).first()": (e) => e.sortBy(c("row"), true).first(),
  "std()": (e) => e.std(),
  "sum()": (e) => e.sum(),
  "unique().count()": (e) => e.unique().count(),
  "var()": (e) => e.var(),
};

const NO_STRUCT = ["struct"];
const ungrouped = expressions("Aggregates", AGGREGATES, { tolerance: SUMS, except: NO_STRUCT });

const bounds = expressions("Aggregates", {
  "entropy()": (e) => e.entropy(),
  "lowerBound()": (e) => e.lowerBound(),
  "upperBound()": (e) => e.upperBound(),
});

const grouped = expressions("Aggregates in groups", inGroups(AGGREGATES), {
  tolerance: SUMS,
  except: NO_STRUCT,
  within: (frame, exprs) => frame.groupBy("k", true).agg(...exprs),
});

function inGroups(aggregates: Readonly<Record<string, Aggregate>>): Readonly<Record<string, Aggregate>> {
  return Object.fromEntries(Object.entries({ ...aggregates, "e itself": (e: Expr) => e }).map(([name, make]) => [`agg: ${name}`, make]));
}

export const AGGREGATE_CASES: readonly Case[] = [...ungrouped, ...bounds, ...grouped];
