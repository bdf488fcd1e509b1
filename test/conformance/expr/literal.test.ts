/** Literals of every kind, selectors, and the names that expressions give their columns. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;

const literals = () => [
  pl.lit(1).as("number"),
  pl.lit(-0).as("negative zero"),
  pl.lit(Number.NaN).as("nan"),
  pl.lit(Number.NEGATIVE_INFINITY).as("infinity"),
  pl.lit(5e-324).as("subnormal"),
  pl.lit(18446744073709551615n).as("bigint"),
  pl.lit(true).as("boolean"),
  pl.lit("日本語").as("text"),
  pl.lit("").as("empty"),
  pl.lit(null).as("nothing"),
  pl.lit(new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 4))).as("date"),
  pl.lit(-3).cast(pl.Int8).as("i8"),
  pl.lit(2.5).cast(pl.Float32).as("f32"),
  pl.lit(1).add(pl.lit(2)).mul(pl.lit(0.1)).as("computed"),
];

test("literals alone give one row", () => assertGpuEqualsCpu(() => frame.lazy().select(...literals()), { partitions }));

for (const { name, frame: sized } of FIXTURES)
  test(`literals beside a column over ${name}`, () =>
    assertGpuEqualsCpu(() => sized.lazy().select(col("row"), ...literals()), { partitions }));

test("literals of SQL", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: frame.lazy() }).execute(
        `SELECT row, 1 AS i, 1.5 AS d, -9223372036854775807 AS least, 'x' AS t, NULL AS n, TRUE AS b, DATE '0001-01-01' AS day,
          INTERVAL '1 day' AS span, CAST(3 AS TINYINT) AS tiny FROM f`,
      ),
    { partitions },
  ));

test("selectors: all, lists, patterns, dtypes, exclusions", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          pl.all().exclude("bin", "struct").suffix("_all"),
          col(["i8", "i16"]).add(col("small")).suffix("_listed"),
          col("^d_.*$").prefix("p_"),
          pl.exclude("row", "i8").isNull().suffix("_null"),
          col("^f(32|64)$").mul(2).suffix("_twice"),
        ),
    { partitions },
  ));

test("names: the first column's, its own again, with a prefix or suffix, an alias", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          col("small").add(col("i8")),
          pl.lit(3).add(col("small2")).as("lit first"),
          col("i16").as("other").add(1).keepName(),
          col("i32").add(1).prefix("before_"),
          col("u8").add(1).suffix("_after"),
          col("f64").as("x").as("y"),
        ),
    { partitions },
  ));

test("withColumns replaces in place and adds behind", () =>
  assertGpuEqualsCpu(() => frame.lazy().withColumns(col("small").mul(2), col("str").str.toUpperCase().as("new"), pl.lit(7).as("i8")), {
    partitions,
  }));

test("names that polars rejects are rejected with its message", async () => {
  await assertSameError(() => frame.lazy().select(col("small"), col("small")));
  await assertSameError(() => frame.lazy().select(col("nowhere")));
  await assertSameError(() => frame.lazy().withColumns(col("nowhere").add(1).as("x")));
  await assertSameError(() => frame.lazy().select(col("str").add(1)));
  await assertSameError(() => frame.lazy().filter(col("small")));
});

test("literals without a device form are looked up, also where nothing else is selected", async () => {
  const list = () => pl.lit([1, 2, 3]).as("list");
  for (const lazy of [frame.lazy(), frame.slice(0, 0).lazy(), frame.head(1).lazy()]) {
    await assertGpuEqualsCpu(() => lazy.select(col("row"), list()), { partitions });
    await assertGpuEqualsCpu(() => lazy.select(list(), pl.lit(5).sum().as("sum")), { partitions });
    await assertGpuEqualsCpu(() => lazy.select(list(), col("i32").max().as("max")), { partitions });
    await assertGpuEqualsCpu(() => lazy.select(col("row").add(pl.lit(5).count()).as("count")), { partitions });
    await assertGpuEqualsCpu(() => lazy.groupBy("k").agg(list(), pl.lit(5).sum().as("sum"), col("i32").max().as("max")), { partitions });
  }
});
