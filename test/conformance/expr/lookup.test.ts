/** Elementwise expressions without a kernel: CPU polars evaluates them on the distinct combinations of their arguments. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const col = pl.col;
const frame = everyDtype(203);
const partitions = [null, 64];

const EXPRESSIONS: Readonly<Record<string, () => readonly Expr[]>> = {
  "texts of several columns": () => [
    pl.concatString([col("str"), col("str2"), col("g")], "-").as("concat"),
    pl.format("{}:{}", col("str"), col("small")).as("format"),
    col("str").str.contains(col("g")).as("contains"),
    col("small").cast(pl.String).as("text of integers"),
    col("date").cast(pl.String).as("text of dates"),
  ],
  decimals: () => [
    col("dec").add(col("dec")).as("sum"),
    col("dec")
      .mul(col("small").cast(pl.Decimal(10, 0)))
      .as("product"),
    col("dec")
      .gt(col("small").cast(pl.Decimal(10, 2)))
      .as("comparison"),
    col("dec").cast(pl.Float64).as("float"),
    col("small").cast(pl.Decimal(10, 2)).as("decimal"),
  ],
  structs: () => [
    pl.struct([col("small"), col("str")]).as("struct"),
    pl
      .struct([col("k"), col("date")])
      .struct.field("date")
      .as("field"),
  ],
  "time zones": () => [
    col("zoned").dt.hour().as("hour"),
    col("zoned").dt.day().as("day"),
    col("utc").dt.strftime("%Y-%m-%d %H").as("strftime"),
  ],
  "numbers and text": () => [
    col("k").replace([0, 1], [10, 20]).as("replace"),
    col("small").hash(1).as("hash"),
    col("small").repeatBy(col("k")).as("repeat"),
  ],
  constants: () => [pl.lit([1, 2]).as("list"), col("small").as("small")],
};

test("every kind of expression over every number of rows", async (t) => {
  for (const { name, frame: fixture, partition } of FIXTURES)
    for (const [kind, make] of Object.entries(EXPRESSIONS))
      await t.test(`${kind}, ${name}`, () => assertGpuEqualsCpu(() => fixture.lazy().select(...make()), { partitions: [null, partition] }));
});

const signed = () =>
  pl.DataFrame([
    pl.Series("x", [0, -0, 0, -0, Number.NaN, null, Number.POSITIVE_INFINITY, -0, 0, null, 1, 1], pl.Float64),
    pl.Series("k", [1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1], pl.Int64),
  ]);

test("zeros of both signs, infinities and not-a-numbers are told apart", async () => {
  const frame = signed();
  await assertGpuEqualsCpu(() => frame.lazy().select(col("x").cast(pl.String).as("text"), pl.struct([col("x"), col("k")]).as("struct")), {
    partitions: [null, 5, 1],
  });
  await assertGpuEqualsCpu(() => frame.lazy().select(pl.format("{} {}", col("x"), col("k")).as("text")), { partitions: [null, 5] });
});

test("a single combination is a column, not a scalar, to polars", async () => {
  const frame = pl.DataFrame({ a: [0.1, 0.1, 0.1], b: [0.3, 0.3, 0.3] });
  const quotient = () => pl.struct([col("a").div(col("b"))]).as("quotient");
  for (const rows of [3, 1, 0]) await assertGpuEqualsCpu(() => frame.head(rows).lazy().select(quotient()), { partitions: [null, 1] });
});

test("in filters, and where nothing else is read", async () => {
  await assertGpuEqualsCpu(() => frame.lazy().filter(col("small").cast(pl.String).str.contains("1")), { partitions });
  await assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .filter(col("str").str.contains(col("g")))
        .select(pl.col("row")),
    { partitions },
  );
  await assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .withColumns(pl.struct([col("k"), col("g")]).as("s"))
        .select(col("row")),
    { partitions },
  );
  await assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .withColumns(col("small").cast(pl.String).as("text"))
        .filter(col("k").gt(1).and(col("text").str.startsWith("-")))
        .select(col("text"), col("row"))
        .head(5),
    { partitions },
  );
});

test("as keys of groups, sorts, joins and windows, and in aggregates", async () => {
  const text = () => col("small").cast(pl.String).as("text");
  await assertGpuEqualsCpu(() => frame.lazy().groupBy(text()).agg(pl.col("row").sum().as("sum")), { partitions });
  await assertGpuEqualsCpu(
    () => frame.lazy().groupBy("k").agg(text().max().as("max"), pl.col("zoned").dt.hour().sum().as("hours"), pl.col("row").count().as("n")),
    { partitions },
  );
  await assertGpuEqualsCpu(() => frame.lazy().select(text().nUnique().as("n"), pl.col("zoned").dt.hour().max().as("hour")), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().sort([text(), col("row")]), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().withColumns(col("row").max().over(text()).as("w")), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().withColumns(text().nUnique().over("k").as("w")), { partitions });
  const right = pl.DataFrame({ name: ["1", "-3", "12", null], label: ["a", "b", "c", "d"] });
  const context = () => pl.SQLContext({ l: frame.lazy(), r: right.lazy() });
  await assertGpuEqualsCpu(() => context().execute("SELECT l.row, r.label FROM l JOIN r ON CAST(l.small AS VARCHAR) = r.name"), {
    partitions,
  });
});

test("over lookups, kernels go on", async () => {
  await assertGpuEqualsCpu(() => frame.lazy().select(col("zoned").dt.hour().add(col("small")).mul(2).as("x")), { partitions });
  await assertGpuEqualsCpu(
    () => frame.lazy().select(pl.when(col("bool")).then(col("small").cast(pl.String)).otherwise(col("str")).as("x")),
    { partitions },
  );
});

test("ranges of constants are one value, a range is as many as it says", async () => {
  const ranges = () => pl.intRanges(0, 3);
  await assertGpuEqualsCpu(() => frame.lazy().select(ranges()), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().select(ranges(), col("row").sum().as("sum")), { partitions });
  await assertGpuEqualsCpu(() => frame.lazy().select(ranges(), col("row")), { partitions });
});

test("what polars rejects on values is rejected with its message", async () => {
  for (const measure of [col("cat").skew(), col("cat").kurtosis()]) await assertSameError(() => frame.lazy().select(measure));
  await assertSameError(() => frame.lazy().select(col("small").cast(pl.UInt8, true)));
  await assertSameError(() => frame.lazy().select(col("k").replaceStrict([1, 2], [10, 20])));
});

test("what sees other rows is not looked up", async () => {
  const frame = pl.DataFrame({ a: [1, 2, 2], b: [2, 3, 3], s: ["x", "y", "y"] });
  await assertFallsBack(() => frame.lazy().select(col("a").isIn(col("b")).as("in")), /IsIn a computed list/);
  const column = pl.Series([1, 2, 3]);
  const texts = pl.Series(["x", "x", "y"]);
  await assertFallsBack(() => frame.lazy().select(col("a").add(column).as("sum")), /constant/);
  await assertFallsBack(() => frame.lazy().select(col("s").eq(texts).as("eq")), /constant/);
});
