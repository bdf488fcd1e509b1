/** Join: every kind and key dtype, null keys, several keys, duplicates, names of the output, empty sides. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import pl, { type LazyDataFrame } from "nodejs-polars";
import { everyDtype } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, assertSameError, closeEngines } from "../harness.ts";

after(closeEngines);

const left = everyDtype(40);
const right = everyDtype(25, "none").withColumns(pl.col("row").plus(100).cast(pl.Int32).as("row"));
const KINDS = ["inner", "left", "right", "full", "semi", "anti"] as const;
const ORDERED = { inner: "left_right", left: "left_right", right: "right_left", semi: "left", anti: "left", full: "none" } as const;
const ORDERS = ["none", "left", "right", "left_right", "right_left"] as const;
const PARTITIONS = [7] as const;

interface Options {
  readonly how: (typeof KINDS)[number];
  readonly on?: readonly string[];
  readonly leftOn?: unknown;
  readonly rightOn?: unknown;
  readonly suffix?: string;
  readonly coalesce?: boolean;
  readonly nullsEqual?: boolean;
  readonly validate?: "1:m" | "m:1" | "1:1";
  readonly maintainOrder?: (typeof ORDERS)[number];
}

/** The types of nodejs-polars know fewer options of joins than it has. */
function joined(a: LazyDataFrame, b: LazyDataFrame, options: Options): LazyDataFrame {
  const result: unknown = Reflect.apply(a.join, a, [b, { maintainOrder: ORDERED[options.how], ...options }]);
  assert.ok(pl.LazyDataFrame.isLazyDataFrame(result));
  return result;
}

const few = ["row", "k", "g", "str", "small", "bool", "cat"] as const;
const l = () => left.lazy().select(...few);
const r = () => right.lazy().select(...few);
const check = (make: () => LazyDataFrame, how: string) =>
  assertGpuEqualsCpu(make, { order: how === "full" ? "any" : "exact", partitions: PARTITIONS, anyZero: true });

for (const how of KINDS) {
  test(`${how}: one key with duplicates on both sides, with and without nulls being equal`, async () => {
    await check(() => joined(l(), r(), { how, on: ["k"] }), how);
    await check(() => joined(l(), l().head(30), { how, on: ["small"], nullsEqual: true }), how);
    await check(() => joined(l(), l().head(30), { how, on: ["small"], nullsEqual: false }), how);
  });

  test(`${how}: several keys, strings of other frames, computed keys`, async () => {
    await assertGpuEqualsCpu(() => joined(l(), r(), { how, on: ["k", "g"] }), {
      order: how === "full" ? "any" : "exact",
      partitions: [null, 3],
    });
    await check(() => joined(l(), r(), { how, leftOn: ["str"], rightOn: ["g"] }), how);
    await check(() => joined(l(), r(), { how, leftOn: [pl.col("small").plus(1).cast(pl.Int64)], rightOn: ["k"], suffix: "_r" }), how);
  });

  test(`${how}: columns that are coalesced or kept, and their names`, async () => {
    for (const coalesce of [true, false]) {
      await check(() => joined(l(), r(), { how, on: ["k"], coalesce, suffix: "_other" }), how);
      await check(() => joined(l(), r(), { how, leftOn: ["k", "small"], rightOn: ["small", "k"], coalesce, suffix: "_other" }), how);
    }
  });

  test(`${how}: filters on both sides, of rows that match and that do not, with null keys`, async () => {
    const some = pl.col("row").lt(17).or(pl.col("k").isNull());
    const others = pl.col("row").modulo(3).neq(0);
    const nothing = pl.col("row").lt(0);
    for (const nullsEqual of [false, true]) {
      await check(() => joined(l().filter(some), r(), { how, on: ["k"], nullsEqual }), how);
      await check(() => joined(l(), r().filter(others), { how, on: ["k"], nullsEqual }), how);
      await check(() => joined(l().filter(others), r().filter(some.not()), { how, on: ["k", "g"], nullsEqual }), how);
    }
    await check(() => joined(l().filter(nothing), r().filter(others), { how, on: ["small"] }), how);
    await check(() => joined(l().filter(others), r().filter(nothing), { how, on: ["small"] }), how);
  });

  test(`${how}: filters below columns that are renamed, computed and keys`, async () => {
    const named = () => r().filter(pl.col("row").gt(104)).rename({ k: "key", small: "tiny" });
    await check(() => joined(l(), named(), { how, leftOn: ["k"], rightOn: ["key"] }), how);
    const computed = () => l().filter(pl.col("row").gt(4)).withColumns(pl.col("small").plus(1).cast(pl.Int64).as("next"));
    await check(() => joined(computed(), named(), { how, leftOn: ["next"], rightOn: ["key"] }), how);
    // one table on both sides, filtered once and read twice
    const shared = l().filter(pl.col("row").lt(30));
    await check(() => joined(shared, shared.filter(pl.col("bool")), { how, on: ["k"], suffix: "_r" }), how);
  });

  test(`${how}: one side far larger than the other, keys that repeat and keys that do not`, async () => {
    const many = () =>
      pl.concat(
        Array.from({ length: 30 }, (_, i) =>
          l().withColumns(
            pl
              .col("row")
              .plus(100 * i)
              .cast(pl.Int32)
              .as("row"),
          ),
        ),
      );
    const distinctRows = () => many().select("row", "g", "str");
    await check(() => joined(r().head(9), many(), { how, on: ["k"] }), how);
    await check(() => joined(many(), r().head(9), { how, on: ["k"] }), how);
    await check(() => joined(r().head(9), distinctRows(), { how, on: ["row"] }), how);
    await check(() => joined(distinctRows(), r().head(9), { how, on: ["row"] }), how);
    if (how !== "inner") return;
    const inAnyOrder = (make: () => LazyDataFrame) => assertGpuEqualsCpu(make, { order: "any", partitions: PARTITIONS, anyZero: true });
    const some = pl.col("row").modulo(3).neq(0);
    for (const few of [r().head(9), r().filter(some), r().head(0)]) {
      await inAnyOrder(() => joined(few, many(), { how, on: ["k"], maintainOrder: "none", suffix: "_far" }));
      await inAnyOrder(() => joined(few, many().filter(some), { how, on: ["k", "g"], nullsEqual: true, maintainOrder: "none" }));
      await inAnyOrder(() => joined(few, distinctRows(), { how, on: ["row"], maintainOrder: "none", coalesce: false }));
    }
  });

  test(`${how}: nothing on either side, no matches`, async () => {
    await check(() => joined(l().head(0), r(), { how, on: ["k"] }), how);
    await check(() => joined(l(), r().head(0), { how, on: ["str"] }), how);
    await check(() => joined(l().head(0), r().head(0), { how, on: ["k"] }), how);
    await check(() => joined(l(), r(), { how, on: ["row"] }), how);
  });
}

for (const key of ["i8", "u64", "f32", "f64", "bool", "date", "us", "zoned", "d_ms", "time", "str", "dec", "bin"]) {
  test(`a key of dtype ${key}`, async () => {
    const a = () => left.lazy().select("row", key);
    const b = () => left.lazy().select(pl.col("row").as("other"), key).tail(25);
    await check(() => joined(a(), b(), { how: "inner", on: [key] }), "inner");
    await check(() => joined(a(), b(), { how: "left", on: [key], nullsEqual: true }), "left");
  });
}

test("integer keys of different widths", async () => {
  const small = left.lazy().select("row", pl.col("small").cast(pl.Int8).as("x"));
  const wide = () => left.lazy().select(pl.col("row").as("other"), pl.col("small2").as("y"));
  for (const how of ["inner", "left", "semi", "anti"] as const)
    await check(() => joined(small, wide(), { how, leftOn: ["x"], rightOn: ["y"] }), how);
});

test("cross joins", async () => {
  await assertGpuEqualsCpu(() => l().join(r().select("row", "str").head(3), { how: "cross", suffix: "_r" }), { partitions: PARTITIONS });
  await assertGpuEqualsCpu(() => l().head(4).join(r().head(0), { how: "cross" }));
  await assertGpuEqualsCpu(() => l().head(0).join(r().head(2), { how: "cross" }));
});

test("chains of joins, and a frame with itself", async () => {
  await assertGpuEqualsCpu(
    () =>
      joined(joined(l(), r(), { how: "inner", on: ["k", "g"] }), l().select("row", "small"), {
        how: "left",
        on: ["row"],
        suffix: "_again",
      }),
    { partitions: PARTITIONS },
  );
  await assertGpuEqualsCpu(() => joined(l(), l(), { how: "inner", on: ["row"] }).filter(pl.col("small").gt(0)), { partitions: PARTITIONS });
});

test("aggregated sides", () =>
  assertGpuEqualsCpu(
    () =>
      joined(l(), r().groupBy("k", true).agg(pl.col("row").max().as("top"), pl.col("str").first().as("s")), {
        how: "left",
        on: ["k"],
      }).sort("row", false, false, true),
    { partitions: PARTITIONS },
  ));

for (const how of KINDS) {
  test(`${how}: every order that can be asked for`, async () => {
    for (const maintainOrder of ORDERS) {
      const decided = how === "semi" || how === "anti" || maintainOrder.includes("_");
      await assertGpuEqualsCpu(() => joined(l(), r(), { how, on: ["k"], maintainOrder }), {
        order: decided ? "exact" : "any",
        partitions: PARTITIONS,
        anyZero: true,
      });
    }
    const byRight = { how, on: ["small"], maintainOrder: "right_left" } as const;
    await assertGpuEqualsCpu(() => joined(l(), l().head(30), { ...byRight, nullsEqual: true }), { partitions: PARTITIONS });
    await assertGpuEqualsCpu(() => joined(l().head(0), r(), byRight), { partitions: [null] });
  });
}

test("keys that must not repeat", async () => {
  const once = () => l().unique({ subset: ["k"], keep: "first", maintainOrder: true });
  const rows = () => r().select("row", "k", "g");
  for (const how of ["inner", "left", "full"] as const) {
    const order = how === "full" ? "any" : "exact";
    await assertGpuEqualsCpu(() => joined(once(), rows(), { how, on: ["k"], validate: "1:m" }), { order, partitions: PARTITIONS });
    await assertGpuEqualsCpu(() => joined(rows(), once(), { how, on: ["k"], validate: "m:1" }), { order, partitions: PARTITIONS });
    await assertGpuEqualsCpu(() => joined(once(), once().filter(pl.col("row").gt(3)), { how, on: ["k"], validate: "1:1" }), { order });
    for (const validate of ["1:m", "m:1", "1:1"] as const)
      await assertSameError(() => joined(rows(), rows(), { how, on: ["k"], validate }));
  }
});

test("cross joins in the order of the right side", () =>
  assertGpuEqualsCpu(() => {
    const result: unknown = Reflect.apply(l().join, l(), [
      r().select("row").head(3),
      { how: "cross", suffix: "_r", maintainOrder: "right_left" },
    ]);
    assert.ok(pl.LazyDataFrame.isLazyDataFrame(result));
    return result;
  }));

test("errors of polars", async () => {
  await assertSameError(() => joined(l(), r(), { how: "inner", on: ["absent"] }));
  await assertSameError(() => joined(l(), r(), { how: "inner", leftOn: ["k"], rightOn: ["str"] }));
});
