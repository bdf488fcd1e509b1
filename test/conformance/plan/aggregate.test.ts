/** Aggregates of whole frames: in a select, as frame statistics, over no rows, over only nulls. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
const lazy = () => frame.lazy();
const c = pl.col;
const PARTITIONS = [null, 64] as const;

test("integers, booleans, points in time and strings", async () => {
  await assertGpuEqualsCpu(
    () =>
      lazy().select(
        ...["i8", "i64", "u16", "u64"].flatMap((n) => [c(n).sum().as(`${n} s`), c(n).min().as(`${n} l`), c(n).max().as(`${n} h`)]),
      ),
    { partitions: PARTITIONS },
  );
  await assertGpuEqualsCpu(
    () =>
      lazy().select(
        ...["date", "us", "bool", "str", "f64", "f32"].flatMap((n) => [c(n).min().as(`${n} l`), c(n).max().as(`${n} h`)]),
        pl.len().as("n"),
        c("bool").sum().as("t"),
        c("bool").any().as("any"),
        c("bool").all().as("all"),
      ),
    { partitions: PARTITIONS, anyZero: true },
  );
  await assertGpuEqualsCpu(
    () =>
      lazy().select(
        ...["i64", "bool", "us", "str", "cat", "dec", "list"].flatMap((n) => [
          c(n).first().as(`${n} f`),
          c(n).last().as(`${n} l`),
          c(n).count().as(`${n} c`),
          c(n).nullCount().as(`${n} n`),
        ]),
      ),
    { partitions: PARTITIONS },
  );
  await assertGpuEqualsCpu(() => lazy().select(...["i8", "f64", "bool", "us", "str", "cat", "null"].map((n) => c(n).nUnique())), {
    partitions: PARTITIONS,
  });
});

test("means and variances", () =>
  assertGpuEqualsCpu(
    () =>
      lazy().select(
        c("small").mean().as("m"),
        c("small2").std().as("s"),
        c("small").var().as("v"),
        c("bool").mean().as("b"),
        c("i16").mean().as("i"),
      ),
    { rel: 1e-12, partitions: PARTITIONS },
  ));

test("expressions of aggregates, mixed with constants", () =>
  assertGpuEqualsCpu(
    () => lazy().select(c("small").sum().plus(c("small2").max()).as("a"), pl.len().gt(5).as("b"), c("small").max().minus(1).as("d")),
    { partitions: PARTITIONS },
  ));

test("an aggregate beside columns is repeated", () =>
  assertGpuEqualsCpu(
    () =>
      lazy().select("row", c("small").max().as("m"), c("small").minus(c("small").min()).as("d"), c("small").eq(c("small").max()).as("is")),
    { partitions: PARTITIONS },
  ));

test("over the rows that a filter keeps", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .filter(c("bool").and(c("small").gt(0)))
        .select(c("row").sum().as("s"), pl.len().as("n"), c("str").first().as("f")),
    { partitions: PARTITIONS },
  ));

test("no rows, and only nulls", async () => {
  const none = everyDtype(0);
  const nulls = pl.DataFrame([
    pl.Series("small", [null, null], pl.Int64),
    pl.Series("f64", [null, null], pl.Float64),
    pl.Series("bool", [null, null], pl.Bool),
    pl.Series("str", [null, null], pl.String),
  ]);
  for (const few of [none, nulls]) {
    await assertGpuEqualsCpu(() =>
      few
        .lazy()
        .select(
          ...["small", "f64", "bool", "str"].flatMap((n) => [
            c(n).count().as(`${n} c`),
            c(n).first().as(`${n} f`),
            c(n).nUnique().as(`${n} u`),
            c(n).max().as(`${n} h`),
          ]),
          ...["small", "f64"].flatMap((n) => [c(n).sum().as(`${n} s`), c(n).mean().as(`${n} m`), c(n).std().as(`${n} d`)]),
          c("bool").any().as("any"),
          c("bool").all().as("all"),
          pl.len().as("n"),
        ),
    );
  }
});

test("statistics of frames", async () => {
  const numbers = () => lazy().select("i8", "i64", "u8", "u32", "small");
  for (const fn of ["sum", "min", "max"] as const) await assertGpuEqualsCpu(() => numbers()[fn](), { partitions: PARTITIONS });
  for (const fn of ["mean", "std", "var"] as const)
    await assertGpuEqualsCpu(() => lazy().select("small", "small2", "i8")[fn](), { rel: 1e-12, partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => lazy().select("us", "bool", "f64", "date").max(), { anyZero: true });
});

test("statistics of frames with columns of every dtype", async () => {
  const rest = ["list", "struct", "null"];
  const all = () => lazy().select("i8", "u64", "small", "bool", "date", "str", "cat", "bin", ...rest);
  for (const fn of ["min", "max", "mean", "std", "var", "median"] as const)
    await assertGpuEqualsCpu(() => all()[fn](), { rel: 1e-12, partitions: [64] });
  await assertGpuEqualsCpu(() => all().sum(), { partitions: [64] });
  await assertGpuEqualsCpu(() => all().quantile(0.3), { partitions: [64] });
  await assertGpuEqualsCpu(() => lazy().select("dec", "time", "d_us").median(), { partitions: [64] });
  await assertGpuEqualsCpu(() => lazy().select("dec", "time", "zoned").max(), { partitions: [64] });
  await assertGpuEqualsCpu(() => everyDtype(0).lazy().select("i8", "date", "str", "f64").median(), { partitions: [null] });
});

test("means of dates", () =>
  assertGpuEqualsCpu(
    () =>
      lazy()
        .groupBy("k", true)
        .agg(c("date").mean().as("m"), c("date").filter(c("bool")).mean().as("f")),
    {
      partitions: PARTITIONS,
    },
  ));

test("windows over groups", () =>
  assertGpuEqualsCpu(
    () =>
      lazy().select(
        "row",
        c("small").sum().over("k").as("a"),
        pl.len().over("k", "g").as("n"),
        c("small").minus(c("small").min().over("g")).as("b"),
        c("str").first().over("bool").as("f"),
        c("small").max().over("str").eq(c("small")).as("top"),
      ),
    { partitions: PARTITIONS },
  ));
