/** The ledger of expressions that fall back: each with its reason, so that the list in the translator stays true. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype } from "../fixture.ts";
import { assertFallsBack, type ComparisonOptions, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(40, "none");
const small = pl.col("small");
const x = pl.col("x");

/** What is selected, the reason, and how its answers compare where they are not the same at every run. */
type Entry = readonly [make: () => Expr, reason: RegExp, options?: ComparisonOptions];

const LEDGER: Readonly<Record<string, Entry>> = {
  argSort: [() => small.argSort(), /ArgSort has no kernel/],
  cumCount: [() => small.cumCount(), /cumulative functions have no kernel/],
  cumMax: [() => small.cumMax(), /cumulative functions have no kernel/],
  cumMin: [() => small.cumMin(), /cumulative functions have no kernel/],
  cumProd: [() => small.cumProd(), /cumulative functions have no kernel/],
  cumSum: [() => small.cumSum(), /cumulative functions have no kernel/],
  entropy: [() => x.abs().entropy(), /Entropy has no kernel/],
  ewmMean: [() => x.ewmMean(), /exponentially weighted functions have no kernel/],
  ewmStd: [() => x.ewmStd(), /exponentially weighted functions have no kernel/],
  ewmVar: [() => x.ewmVar(), /exponentially weighted functions have no kernel/],
  extendConstant: [() => x.extendConstant(1, 2), /ExtendConstant changes the number of rows/],
  "fillNull with a strategy": [() => small.fillNull("forward"), /FillNull with a strategy has no kernel/],
  implode: [() => small.implode(), /aggregate Implode/],
  interpolate: [() => x.interpolate(), /Interpolate has no kernel/],
  isDuplicated: [() => small.isDuplicated(), /IsDuplicated needs the whole column/],
  isFirstDistinct: [() => small.isFirstDistinct(), /IsFirstDistinct needs the whole column/],
  isUnique: [() => small.isUnique(), /IsUnique needs the whole column/],
  pctChange: [() => x.pctChange(), /PctChange has no kernel/],
  peakMax: [() => small.peakMax(), /PeakMax has no kernel/],
  peakMin: [() => small.peakMin(), /PeakMin has no kernel/],
  product: [() => x.product(), /Product has no kernel/],
  rank: [() => small.rank(), /Rank has no kernel/],
  reverse: [() => small.reverse(), /Reverse has no kernel/],
  "rolling sum": [() => x.rollingSum({ windowSize: 3 }), /rolling functions have no kernel/],
  shift: [() => small.shift(1), /Shift has no kernel/],
  shiftAndFill: [() => small.shiftAndFill(1, 0), /ShiftAndFill has no kernel/],
  sort: [() => small.sort(), /sorting inside an expression/],
  sortBy: [() => small.sortBy([pl.col("row")]), /sorting inside an expression/],
  "window of rows": [() => small.shift(1).over("k"), /a window function that is not an aggregate/],
};

test("every entry of the ledger falls back for its reason, with polars' answer", async (t) => {
  const lazy = frame.withColumns(small.mul(0.37).as("x"));
  for (const [name, [make, reason, options]] of Object.entries(LEDGER))
    await t.test(name, () => assertFallsBack(() => lazy.lazy().select(make().as("out")), reason, options));
});
