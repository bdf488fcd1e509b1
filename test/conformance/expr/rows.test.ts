/** Expressions that change the number of rows: alone, nested, side by side, beside single values, and where lengths differ. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, assertQuietlyEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(40);
const c = pl.col;
const lazy = () => frame.lazy();
const select = (...exprs: Expr[]) => assertGpuEqualsCpu(() => lazy().select(...exprs), { anyZero: true });

const DTYPES = [
  "i8",
  "i64",
  "u64",
  "f32",
  "f64",
  "bool",
  "date",
  "us",
  "zoned",
  "d_ms",
  "time",
  "str",
  "cat",
  "dec",
  "bin",
  "null",
  "list",
];

for (const { name, frame: rows, partition } of FIXTURES.filter((f) => f.name !== "203 rows")) {
  test(`every dtype, ${name}`, async () => {
    const partitions = [partition];
    await assertGpuEqualsCpu(() => rows.lazy().select(pl.all().head(4)), { partitions });
    await assertGpuEqualsCpu(() => rows.lazy().select(pl.all().filter(c("bool"))), { partitions });
    await assertGpuEqualsCpu(() => rows.lazy().select(pl.all().gatherEvery(3, 1)), { partitions });
    for (const dtype of DTYPES) {
      await assertGpuEqualsCpu(() => rows.lazy().select(c(dtype).dropNulls()), { partitions });
    }
  });
}

for (const dtype of DTYPES.filter((d) => d !== "list" && d !== "null")) {
  test(`distinct values of ${dtype}`, async () => {
    const any = { order: "any", anyZero: true } as const;
    const pair = () => pl.concat([frame.lazy().select(dtype), frame.head(15).lazy().select(dtype)]);
    await assertGpuEqualsCpu(() => pair().select(c(dtype).unique()), any);
    await assertGpuEqualsCpu(() => pair().select(c(dtype).uniqueCounts()), { partitions: [7] });
    await assertGpuEqualsCpu(() => pair().select(c(dtype).argUnique()), { partitions: [7] });
    await assertGpuEqualsCpu(() => pair().select(c(dtype).mode()), any);
    if (dtype !== "dec" && dtype !== "bin") await assertGpuEqualsCpu(() => pair().select(c(dtype).valueCounts(true)), any);
    await assertGpuEqualsCpu(() => pair().select(c(dtype).valueCounts().as("counts").struct.field("count")), any);
  });
}

test("what is no list is exploded, what is no float has its NaNs dropped, as it is", async () => {
  for (const { frame: rows, partition } of FIXTURES.filter((f) => f.name !== "203 rows")) {
    const partitions = [partition];
    const others = DTYPES.filter((d) => d !== "list" && d !== "f32" && d !== "f64");
    await assertGpuEqualsCpu(() => rows.lazy().select(others.map((d) => c(d).explode())), { partitions });
    await assertGpuEqualsCpu(() => rows.lazy().select(others.map((d) => c(d).dropNans())), { partitions });
  }
  await select(c("i64").explode().add(1).as("a"), c("i64").explode().as("b"));
});

test("differences without the first ones", async () => {
  for (const { frame: rows, partition } of FIXTURES.filter((f) => f.name !== "203 rows")) {
    const partitions = [partition];
    for (const n of [0, 1, 3].filter((steps) => steps <= rows.height))
      await assertGpuEqualsCpu(() => rows.lazy().select(["i8", "u64", "f64", "us", "date"].map((d) => c(d).diff(n, "drop"))), {
        partitions,
      });
  }
  await assertQuietlyEqualsCpu(() => frame.lazy().head(1).select(c("i8").diff(3, "drop")));
  await assertSameError(() => frame.lazy().head(4).select(c("i8").diff(5, "drop")));
  await select(c("small").diff(2, "drop").add(c("small2").diff(2, "drop")).as("sum"), c("small").max().as("most"));
});

test("a constant behind the rows", async () => {
  for (const { frame: rows, partition } of FIXTURES.filter((f) => f.frame.height > 0 && f.frame.height < 203)) {
    const partitions = [partition];
    await assertGpuEqualsCpu(() => rows.lazy().select(DTYPES.map((d) => c(d).extendConstant(1, 2))), { partitions });
    await assertGpuEqualsCpu(() => rows.lazy().select(["i8", "u16", "time", "str", "bool"].map((d) => c(d).extendConstant(-300.5, 3))), {
      partitions,
    });
    await assertGpuEqualsCpu(() => rows.lazy().select(["i64", "us", "cat"].map((d) => c(d).extendConstant(null, 1))), { partitions });
  }
  await select(c("small").extendConstant(7, 2).add(1).as("a"), c("i32").max().as("most"));
  await assertFallsBack(() => lazy().select(c("i64").extendConstant(1, 0)), /a constant up to/);
});

test("distinct values of nothing, of one row, of nulls", async () => {
  for (const rows of [frame.head(0), frame.head(1), frame.filter(c("i64").isNull())])
    for (const make of [() => c("i64").unique(), () => c("i64").uniqueCounts(), () => c("i64").argUnique(), () => c("i64").mode()])
      await assertGpuEqualsCpu(() => rows.lazy().select(make()), { order: "any" });
});

test("slices", async () => {
  for (const make of [
    () => c("i64").head(3),
    () => c("i64").head(0),
    () => c("i64").head(100),
    () => c("i64").tail(3),
    () => c("i64").tail(100),
    () => c("i64").slice(5, 7),
    () => c("i64").slice(-6, 4),
    () => c("i64").slice(-100, 97),
    () => c("i64").slice(39, 5),
    () => c("i64").slice(60, 5),
    () => c("i64").slice({ offset: 7, length: 100 }),
  ])
    await select(make());
});

test("gathered rows", async () => {
  await select(c("i64").gather([0, 5, 5, 39, 1]), c("str").gather([0, 5, 5, 39, 1]));
  await select(c("str").gather([2]));
  await select(c("i64").dropNulls().gather([1, 0]));
  await select(c("i64").gather(pl.Series("rows", [3, null, 1], pl.UInt32)));
  await assertSameError(() => lazy().select(c("i64").gather([0, 40])));
});

for (const { name, frame: rows, partition } of FIXTURES) {
  test(`rows gathered by a column, every dtype, ${name}`, async () => {
    const height = Math.max(1, rows.height);
    const numbers = () => c("row").mul(7).plus(3).modulo(height);
    const some = () => pl.when(c("row").modulo(3).eq(1)).then(pl.lit(null)).otherwise(numbers());
    for (const by of [numbers, some])
      await assertGpuEqualsCpu(() => rows.lazy().select(pl.all().gather(by())), { partitions: [partition] });
  });
}

test("rows gathered by expressions", async () => {
  const numbers = () => c("row").mul(7).modulo(40);
  await select(c("str").gather(c("i64").argSort()), c("i64").gather(c("i64").argSort()));
  await select(c("str").gather(c("i64").argSort()).as("a"), c("str").gather(numbers()).as("b"), c("i64"));
  await select(c("str").gather(c("i64").argSort().head(5)));
  await select(c("str").gather(numbers().filter(c("bool"))));
  await select(c("i64").add(1).gather(numbers()).mul(2).as("x"));
  await select(c("i64").head(20).gather(numbers().modulo(20)));
  await select(c("i64").gather(c("f64").argMax()));
  await select(c("i64").gather(c("row").sub(60).cast(pl.Int64)));
  await select(c("i64").gather(c("row").sort(true).cast(pl.Int8)));
  await select(c("str").gather(c("row").gather(numbers())));
  await assertGpuEqualsCpu(() => lazy().select("row", "str", "f64").withColumns(c("str").gather(numbers()).as("g")), {});
  await assertGpuEqualsCpu(() => lazy().select("row", "i64", "str").sort("i64").withColumns(c("row").gather(numbers()).as("g")), {});
  await assertSameError(() => lazy().select(c("i64").gather(c("row").add(5))));
  await assertSameError(() =>
    frame
      .head(0)
      .lazy()
      .select(c("i64").gather(pl.lit(0).add(c("row").sum()))),
  );
});

test("every n-th row", async () => {
  for (const [n, offset] of [
    [1, 0],
    [2, 0],
    [3, 2],
    [7, 39],
    [5, 40],
    [100, 0],
  ] as const)
    await select(c("i64").gatherEvery(n, offset), c("str").gatherEvery(n, offset));
  await assertSameError(() => lazy().select(c("i64").gatherEvery(0, 0)));
});

test("what is not a number", async () => {
  await select(c("f64").dropNans());
  await select(c("f32").dropNans());
  await select(c("i8").dropNans());
});

test("filters", async () => {
  await select(c("i64").filter(c("i32").gt(0)), c("str").filter(c("i32").gt(0)));
  await select(
    c("i64")
      .add(c("i32"))
      .filter(c("bool").and(c("f64").isNotNull())),
  );
  await select(c("i64").filter(pl.lit(true)));
  await select(c("i64").filter(pl.lit(false)));
  await select(c("i64").filter(c("f64").gt(c("f64").min())));
  await select(c("i64").sum().filter(c("bool")));
});

test("one inside the other, and expressions around them", async () => {
  await select(c("i64").filter(c("bool")).head(3));
  await select(c("i64").dropNulls().gatherEvery(2).tail(4).add(1).as("x"));
  await select(c("str").dropNulls().head(5).eq(pl.lit("apple")));
  await select(c("i32").head(5).mul(c("i16").tail(5)).add(c("u8").slice(3, 5)).as("sum"));
  await select(c("i64").dropNulls().argUnique().filter(pl.lit(true)).gatherEvery(2).cast(pl.Float64));
  await select(pl.when(c("bool").head(6)).then(c("i64").head(6)).otherwise(c("i32").tail(6)).as("x"));
  await select(c("i64").head(7).as("x").prefix("a_"));
});

test("side by side", async () => {
  await select(c("i64").head(5), c("str").tail(5), c("f64").slice(3, 5));
  await select(c("i64").head(40), c("str"), c("i32").add(1));
  await select(c("i64").head(5), c("f64").min().as("least"), pl.lit("x").as("text"));
  await select(c("i64").head(0), c("f64").min().as("least"), pl.lit(1).as("one"));
  await select(pl.all().head(5));
});

test("as columns of the frame", async () => {
  await assertGpuEqualsCpu(() => lazy().select("row", "i64").withColumns(c("i64").head(40).as("again"), c("row").tail(40).as("row")), {});
  await assertSameError(() => lazy().withColumns(c("i64").head(3).as("x")));
  await assertSameError(() => lazy().withColumns(c("i64").head(1).as("x")));
});

test("lengths that differ: polars repeats single rows, or rejects", async () => {
  await assertSameError(() => lazy().select(c("i64").head(3), c("str").head(4)));
  await assertSameError(() => lazy().select(c("i64").head(1), c("str")));
  await assertSameError(() => lazy().select(c("i64").head(3).add(c("i32").head(2))));
  await assertQuietlyEqualsCpu(() => lazy().select(c("i64").head(1).add(c("i32")).as("x")));
});

test("what stays on CPU polars", async () => {
  await assertQuietlyEqualsCpu(() => lazy().select(c("i64").filter(c("bool")).gather(c("row").modulo(2))));
  await assertFallsBack(() => lazy().select(c("i64").head(3).add(c("i32").max())), /aggregate beside/);
});
