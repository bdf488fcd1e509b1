/** The ledger of expressions that fall back: each with its reason, so that the list in the translator stays true. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, type ComparisonOptions, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(40, "none");
const small = pl.col("small");
const x = pl.col("x");

/** What is selected, the reason, and how its answers compare where they are not the same at every run. */
type Entry = readonly [make: () => Expr, reason: RegExp, options?: ComparisonOptions];

const LEDGER: Readonly<Record<string, Entry>> = {
  "cumProd of floats": [() => x.cumProd(), /CumProd of Float64/],
  "diff that drops rows from the end": [() => small.diff(-1, "drop"), /Diff that drops rows/],
  "entropy of Float32": [() => x.abs().cast(pl.Float32).entropy(), /Entropy as Float32/, { rel: 1e-5 }],
  "product of floats": [() => x.product(), /Product of Float64/],
  "shift by the number of rows": [() => Reflect.apply(small.shift, small, [pl.len().sub(3)]), /Shift by something else than a constant/],
  "rank at random": [() => pl.col("row").rank("random").mul(0), /Rank by the method Random/],
};

test("every entry of the ledger falls back for its reason, with polars' answer", async (t) => {
  const lazy = frame.withColumns(small.mul(0.37).as("x"));
  for (const [name, [make, reason, options]] of Object.entries(LEDGER))
    await t.test(name, () => assertFallsBack(() => lazy.lazy().select(make().as("out")), reason, options));
});
