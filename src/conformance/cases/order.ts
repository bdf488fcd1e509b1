/** Expressions that look at other rows. */

import pl from "nodejs-polars";
import { type Case, expressions, SUMS } from "../case.ts";

const c = pl.col;
const NO_STRUCT = { except: ["struct"] };

const moves = expressions(
  "Order",
  {
    "argSort()": (e) => e.argSort(),
    "argUnique()": (e) => e.argUnique(),
    "backwardFill()": (e) => e.backwardFill(),
    "diff(1)": (e) => e.diff(1, "ignore"),
    "diff(2, drop)": (e) => e.diff(2, "drop"),
    "dropNans()": (e) => e.dropNans(),
    "dropNulls()": (e) => e.dropNulls(),
    "explode()": (e) => e.explode(),
    "extendConstant(1, 2)": (e) => e.extendConstant(1, 2),
    "fillNull(forward)": (e) => e.fillNull("forward"),
    "fillNull(max)": (e) => e.fillNull("max"),
    "fillNull(zero)": (e) => e.fillNull("zero"),
    "filter(other)": (e) => e.filter(c("bool")),
    "forwardFill()": (e) => e.forwardFill(),
    "gather([0, 2])": (e) => e.gather([0, 2]),
    "gather(column)": (e) => e.gather(c("row")),
    "gatherEvery(2)": (e) => e.gatherEvery(2),
    "head(2)": (e) => e.head(2),
    "isDuplicated()": (e) => e.isDuplicated(),
    "isFirstDistinct()": (e) => e.isFirstDistinct(),
    "isUnique()": (e) => e.isUnique(),
    "peakMax()": (e) => e.peakMax(),
    "peakMin()": (e) => e.peakMin(),
    "rank()": (e) => e.rank(),
    "rank(dense, descending)": (e) => e.rank("dense", true),
    "rank(ordinal)": (e) => e.rank("ordinal"),
    "reverse()": (e) => e.reverse(),
    "shift(1)": (e) => e.shift(1),
    "shift(-2)": (e) => e.shift(-2),
    "shiftAndFill(1, 0)": (e) => e.shiftAndFill(1, 0),
    "slice(1, 3)": (e) => e.slice(1, 3),
    "sort()": (e) => e.sort(),
    "sort(descending, nulls last)": (e) => e.sort(true, true),
    "sortBy(row, descending)": (e) => e.sortBy(c("row"), true),
    "tail(2)": (e) => e.tail(2),
    "unique(maintainOrder)": (e) => e.unique(true),
    "uniqueCounts()": (e) => e.uniqueCounts(),
    "valueCounts(sort)": (e) => e.valueCounts(true),
  },
  NO_STRUCT,
);

const running = expressions(
  "Cumulative and rolling",
  {
    "cumCount()": (e) => e.cumCount(),
    "cumMax()": (e) => e.cumMax(),
    "cumMin(reverse)": (e) => e.cumMin(true),
    "cumProd()": (e) => e.cumProd(),
    "cumSum()": (e) => e.cumSum(),
    "cumSum(reverse)": (e) => e.cumSum(true),
    "ewmMean(0.5)": (e) => e.ewmMean({ alpha: 0.5 }),
    "ewmStd(0.5)": (e) => e.ewmStd({ alpha: 0.5 }),
    "ewmVar(0.5)": (e) => e.ewmVar({ alpha: 0.5 }),
    "interpolate()": (e) => e.interpolate(),
    "interpolate(nearest)": (e) => e.interpolate("nearest"),
    "pctChange()": (e) => e.pctChange(),
    "rollingMax(3)": (e) => e.rollingMax({ windowSize: 3 }),
    "rollingMean(3)": (e) => e.rollingMean({ windowSize: 3 }),
    "rollingMedian(3)": (e) => e.rollingMedian({ windowSize: 3 }),
    "rollingMin(3)": (e) => e.rollingMin({ windowSize: 3 }),
    "rollingQuantile(3)": (e) => e.rollingQuantile({ quantile: 0.25, windowSize: 3 }),
    "rollingStd(3)": (e) => e.rollingStd({ windowSize: 3 }),
    "rollingSum(3)": (e) => e.rollingSum({ windowSize: 3 }),
    "rollingSum(3, center)": (e) => e.rollingSum({ windowSize: 3, minPeriods: 1, center: true }),
    "rollingVar(3)": (e) => e.rollingVar({ windowSize: 3 }),
  },
  { ...NO_STRUCT, tolerance: SUMS },
);

const windows = expressions(
  "Windows",
  {
    "over(k)": (e) => e.over("k"),
    "max().over(k)": (e) => e.max().over("k"),
    "sum().over(k, g)": (e) => e.sum().over("k", "g"),
    "count().over(k)": (e) => e.count().over("k"),
    "shift(1).over(k)": (e) => e.shift(1).over("k"),
    "cumSum().over(k)": (e) => e.cumSum().over("k"),
    "rank().over(k)": (e) => e.rank().over("k"),
    "first().over(g)": (e) => e.first().over("g"),
  },
  { ...NO_STRUCT, tolerance: SUMS },
);

export const ORDER: readonly Case[] = [...moves, ...running, ...windows];
