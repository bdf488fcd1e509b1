/** Unique: every keep, all columns and subsets, dtypes, order. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const lazy = () => frame.lazy().select("row", "k", "g", "small", "str", "f64", "bool", "cat", "us");
const PARTITIONS = [null, 64] as const;

for (const keep of ["first", "last", "none"] as const) {
  test(`keep ${keep} of subsets, in row order`, async () => {
    for (const subset of [["k"], ["k", "g"], ["str", "bool"], ["f64"], ["cat", "small"]]) {
      await assertGpuEqualsCpu(() => lazy().unique({ subset, keep, maintainOrder: true }), { partitions: PARTITIONS });
    }
  });
}

test("any row of a group has the group's key", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .unique({ subset: ["k", "g"], keep: "any" })
        .select("k", "g"),
    { order: "any", partitions: PARTITIONS },
  ));

test("whole rows, without order", async () => {
  await assertGpuEqualsCpu(() => lazy().select("k", "bool", "str").unique(), { order: "any", partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => lazy().select("f64", "us").unique(), { order: "any", partitions: PARTITIONS, anyZero: true });
});

test("no rows, one row, rows that are all the same", async () => {
  for (const rows of [0, 1]) await assertGpuEqualsCpu(() => lazy().head(rows).unique({ keep: "first", maintainOrder: true }));
  const same = pl.DataFrame({ a: [1, 1, 1, 1], b: ["x", "x", "x", "x"] });
  for (const keep of ["first", "last", "none", "any"] as const)
    await assertGpuEqualsCpu(() => same.lazy().unique({ keep, maintainOrder: true }));
});

test("of a filtered and computed input", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .filter(pl.col("bool"))
        .withColumns(pl.col("small").modulo(pl.lit(3).cast(pl.Int64)).as("m"))
        .unique({ subset: ["m"], keep: "last", maintainOrder: true }),
    { partitions: PARTITIONS },
  ));

for (const keep of ["first", "last", "none"] as const)
  test(`keep ${keep} of filtered rows, all, some and none, with other names`, async () => {
    for (const predicate of [pl.col("row").gtEq(0), pl.col("bool"), pl.col("row").gt(150), pl.col("row").lt(0)])
      await assertGpuEqualsCpu(
        () =>
          lazy()
            .filter(predicate)
            .select("row", "g", "str", "k")
            .rename({ k: "g2", g: "k" })
            .unique({ subset: ["k", "str"], keep, maintainOrder: true }),
        { partitions: PARTITIONS },
      );
    const shared = lazy().filter(pl.col("bool"));
    await assertGpuEqualsCpu(
      () =>
        pl.concat([
          shared.unique({ subset: ["k"], keep, maintainOrder: true }),
          shared.unique({ subset: ["g"], keep, maintainOrder: true }),
        ]),
      { partitions: PARTITIONS },
    );
  });

test("a column that is not there", () => assertSameError(() => lazy().unique({ subset: ["absent"], keep: "first" })));
