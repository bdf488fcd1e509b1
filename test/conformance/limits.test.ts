/** WebGPU's default limits (8 storage buffers in a stage, bindings of 128 MiB): more columns than bindings, and columns that fill several. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype, INTEGERS } from "../../src/conformance/fixture.ts";
import { GPUEngine, type GPUEngineOptions } from "../../src/index.ts";
import { assertGpuEqualsCpu, closeEngines } from "./harness.ts";

after(closeEngines);

const engine: GPUEngineOptions = { limits: "default" };
const frame = everyDtype(40);
const lazy = () => frame.lazy();
const c = pl.col;
const OPTIONS = { engine, partitions: [17], anyZero: true } as const;
const MANY = ["i8", "i64", "u16", "u64", "f32", "f64", "bool", "date", "us", "d_ns", "str", "cat"];

test("every column passes through a filter, a sort and a slice", () =>
  assertGpuEqualsCpu(() => lazy().filter(c("row").gt(2)).sort("row", true, false, true).slice(1, 20), OPTIONS));

test("one expression over more columns than bindings", () =>
  assertGpuEqualsCpu(
    () =>
      lazy().select(
        pl.maxHorizontal(INTEGERS.map((n) => c(n).cast(pl.Float64))).as("max"),
        pl.allHorizontal(MANY.map((n) => c(n).isNotNull())).as("all"),
      ),
    OPTIONS,
  ));

test("more keys than bindings: grouping, distinct rows, sorting, joining", async () => {
  await assertGpuEqualsCpu(() => lazy().groupBy(MANY, true).agg(pl.len().as("n"), c("row").max().as("last")), OPTIONS);
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .select(...MANY)
        .unique({ keep: "last", maintainOrder: true }),
    OPTIONS,
  );
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .select("row", ...MANY)
        .sort(
          MANY.map((n) => c(n)),
          MANY.map((_, i) => i % 2 === 0),
          MANY.map((_, i) => i % 3 === 0),
          true,
        ),
    OPTIONS,
  );
  const on = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "bool", "date"];
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .join(
          lazy()
            .head(30)
            .select(...on),
          { on, how: "semi" },
        )
        .select("row"),
    OPTIONS,
  );
});

test("more aggregated columns than bindings, with and without groups, behind a filter", async () => {
  const aggregates = [
    ...["i8", "u16", "f64", "bool", "str"].map((n) => c(n).max().as(`${n} max`)),
    ...["i64", "u64", "date", "us"].map((n) => c(n).count().as(`${n} count`)),
  ];
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy("k", true)
        .agg(...aggregates, c("str").first().as("first")),
    OPTIONS,
  );
  await assertGpuEqualsCpu(
    () =>
      lazy()
        .filter(
          c("row")
            .gt(5)
            .and(c("bool").or(c("bool2"))),
        )
        .select(...aggregates, c("small").sum().as("s")),
    OPTIONS,
  );
});

test("joins, unions and windows", async () => {
  await assertGpuEqualsCpu(() => lazy().join(lazy().head(20), { leftOn: ["small", "g"], rightOn: ["small2", "g"], how: "left" }), {
    ...OPTIONS,
    order: "any",
  });
  await assertGpuEqualsCpu(
    () => pl.concat([lazy(), lazy().filter(c("bool"))]).select("row", "str", c("small").sum().over("g").as("s")),
    OPTIONS,
  );
});

/** 20 million rows make 153 MiB: more than one binding of 128 MiB. */
const ROWS = 20_000_000;

test("a column larger than one binding: filter, aggregates, group-by, the probe side of a join", async () => {
  const numbers = pl
    .DataFrame([pl.intRange(0, ROWS, 1, pl.Int64, true).alias("row")])
    .withColumns(c("row").cast(pl.Float64).div(8).as("x"), c("row").modulo(pl.lit(1000).cast(pl.Int64)).as("k"));
  const names = pl.DataFrame([pl.Series("k", [1, 5, 999, 1000], pl.Int64), pl.Series("name", ["a", "b", "c", "d"])]);
  const gpu = new GPUEngine({ limits: "default", raiseOnFail: true });
  const queries = [
    () => numbers.lazy().filter(c("x").gt(2_499_990)).select("row", "x"),
    () => numbers.lazy().select(c("x").sum().as("s"), c("x").max().as("m"), c("row").min().as("l"), pl.len().as("n")),
    () => numbers.lazy().groupBy("k", true).agg(c("row").sum().as("s"), c("x").max().as("m"), pl.len().as("n")),
    () => numbers.lazy().join(names.lazy(), { on: "k" }).groupBy("name").agg(c("row").sum().as("s")).sort("name"),
  ];
  try {
    for (const query of queries) {
      const [expected, actual] = [await query().collect(), await query().collect({ engine: gpu })];
      assert.ok(expected.frameEqual(actual), query.toString());
    }
  } finally {
    await gpu.close();
  }
});
