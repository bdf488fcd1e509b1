/** Aggregates that are made of others, or that polars computes of another form of its input: products, entropy, modes, decimals, nulls in groups. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { FIXTURES, INTEGERS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
const frames = FIXTURES.filter((f) => f.frame.height < 100);
const SUMS = { rel: 1e-12 };

for (const { name, frame, partition } of frames) {
  const partitions = [partition];
  const whole = (names: readonly string[], make: (e: Expr) => Expr) =>
    assertGpuEqualsCpu(() => frame.lazy().select(names.map((n) => make(c(n)))), { partitions, ...SUMS });
  const grouped = (names: readonly string[], make: (e: Expr) => Expr) =>
    assertGpuEqualsCpu(
      () =>
        frame
          .lazy()
          .groupBy("k", true)
          .agg(...names.map((n) => make(c(n)).as(n))),
      { partitions, ...SUMS },
    );

  test(`products of integers, ${name}`, async () => {
    const names = [...INTEGERS, "bool"];
    await whole(names, (e) => e.product());
    await grouped(names, (e) => e.product());
    await grouped(["small"], (e) => e.filter(c("bool")).product());
    await assertGpuEqualsCpu(() => frame.lazy().select("row", c("small").product().over("g").as("p")), { partitions });
  });

  test(`entropy, ${name}`, async () => {
    // Logarithms take long to compile on a software adapter.
    await whole(["i32", "dec"], (e) => e.entropy());
    await whole(["time"], (e) => e.entropy(10, false));
    await whole(["small"], (e) => e.filter(e.gt(0)).entropy(2));
    await grouped(["u8"], (e) => e.entropy());
  });

  test(`modes in groups, ${name}`, async () => {
    await grouped(["small", "bool", "str", "cat", "date", "f64", "null"], (e) => e.mode().sort());
    await grouped(["small"], (e) => e.mode().max());
    await grouped(["str"], (e) => e.mode().count());
  });

  test(`decimals as floats, ${name}`, async () => {
    for (const over of [whole, grouped]) {
      await over(["dec"], (e) => e.mean());
      await over(["dec"], (e) => e.std());
      await over(["dec"], (e) => e.quantile(0.3, "linear"));
      await over(["dec"], (e) => e.filter(c("bool")).median());
      await over(["dec"], (e) => e.any(false));
    }
  });

  test(`aggregates that are null in groups, ${name}`, async () => {
    for (const make of [(e: Expr) => e.sum(), (e: Expr) => e.filter(c("bool")).sum()])
      await grouped(["date", "zoned", "time", "cat"], make);
    for (const make of [(e: Expr) => e.mean(), (e: Expr) => e.median()]) await grouped(["str", "cat", "list"], make);
    for (const make of [(e: Expr) => e.std(), (e: Expr) => e.var()]) await grouped(["date", "us", "str", "list"], make);
    await grouped(["bool", "str", "null"], (e) => e.quantile(0.5));
    await grouped(["list"], (e) => e.min());
    await assertGpuEqualsCpu(() => frame.lazy().select("row", c("us").sum().over("k").as("s"), c("list").max().over("g").as("m")), {
      partitions,
    });
  });
}

test("correlations of ranks", async () => {
  for (const { frame, partition } of frames)
    await assertGpuEqualsCpu(
      () => frame.lazy().select(pl.spearmanRankCorr("small", "small2").as("r"), pl.spearmanRankCorr("i32", "f64").as("s"), pl.len()),
      { partitions: [partition], rel: 1e-12, abs: 1e-12 },
    );
  const [{ frame } = { frame: pl.DataFrame() }] = frames.filter((f) => f.frame.height === 40);
  await assertGpuEqualsCpu(() => frame.lazy().groupBy("k", true).agg(pl.spearmanRankCorr("small", "small2").as("r")), {
    rel: 1e-12,
    abs: 1e-12,
  });
});

test("the least text, code or bytes, of several the first", async () => {
  const frame = pl.DataFrame({ s: ["b", null, "a", "c", "a"], k: [1, 1, 2, 2, 2] }).withColumn(c("s").cast(pl.Categorical).as("cat"));
  const least = () => [c("s").argMin().as("s"), c("cat").argMin().as("cat")];
  await assertGpuEqualsCpu(() => frame.lazy().select(...least()));
  await assertGpuEqualsCpu(() =>
    frame
      .lazy()
      .groupBy("k", true)
      .agg(...least()),
  );
});

test("what stays with polars", async () => {
  const [{ frame } = { frame: pl.DataFrame({ k: [1] }) }] = frames.filter((f) => f.frame.height === 40);
  await assertFallsBack(() => frame.lazy().groupBy("k", true).agg(c("small").mode().first().isNull().as("m")), /the rows of a mode/, {
    order: "any",
  });
  await assertFallsBack(() => frame.lazy().select(c("f64").product()), /Product of Float64/);
  await assertFallsBack(() => frame.lazy().groupBy("k", true).agg(c("us").mean()), /mean of Datetime/);
});
