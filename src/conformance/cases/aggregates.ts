/** Aggregates of a column: of all rows, and of groups. */

import pl, { type Expr } from "nodejs-polars";
import { type Case, type ExpressionCase, expressions, SUMS, UNITLESS } from "../case.ts";

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
  "sortBy(row).first()": (e) => e.sortBy(c("row"), true).first(),
  "std()": (e) => e.std(),
  "sum()": (e) => e.sum(),
  "unique().count()": (e) => e.unique().count(),
  "var()": (e) => e.var(),
};

const NO_STRUCT = ["struct"];

/** Lists of bytes and decimals do not reach JavaScript, where results are compared. */
const LISTS: Readonly<Record<string, Aggregate>> = { "implode()": (e) => e.implode() };
const NO_LISTS_OF = [...NO_STRUCT, "bin", "dec"];

const SHAPES: Readonly<Record<string, Aggregate>> = { "kurtosis()": (e) => e.kurtosis(), "skew()": (e) => e.skew() };
const ungrouped = [
  ...expressions("Aggregates", AGGREGATES, { tolerance: SUMS, except: NO_STRUCT }),
  ...expressions("Aggregates", LISTS, { except: NO_LISTS_OF }),
  ...expressions("Aggregates", SHAPES, { tolerance: UNITLESS, except: NO_STRUCT }),
];

const bounds = expressions("Aggregates", {
  "entropy()": (e) => e.entropy(),
  "lowerBound()": (e) => e.lowerBound(),
  "upperBound()": (e) => e.upperBound(),
});

const within: ExpressionCase["within"] = (frame, exprs) => frame.groupBy("k", true).agg(...exprs);
const grouped = [
  ...expressions("Aggregates in groups", inGroups(AGGREGATES), { tolerance: SUMS, except: NO_STRUCT, within }),
  ...expressions("Aggregates in groups", inGroups({ ...LISTS, "e itself": (e) => e }), { except: NO_LISTS_OF, within }),
  ...expressions("Aggregates in groups", inGroups(SHAPES), { tolerance: UNITLESS, except: NO_STRUCT, within }),
];

function inGroups(aggregates: Readonly<Record<string, Aggregate>>): Readonly<Record<string, Aggregate>> {
  return Object.fromEntries(Object.entries(aggregates).map(([name, make]) => [`agg: ${name}`, make]));
}

export const AGGREGATE_CASES: readonly Case[] = [...ungrouped, ...bounds, ...grouped];
