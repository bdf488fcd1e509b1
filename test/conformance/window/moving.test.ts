/** Window functions that move values: shift, reverse, fills, sorts; of every dtype, alone and inside of groups. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, ROWS } from "../../../src/conformance/fixture.ts";
import { assertFallsBack, assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
/** Each frame with the partitions that it is tested in: few rows in many, many rows in some. */
const frames = ROWS.map((rows) => ({ frame: everyDtype(rows), partitions: rows > 7 ? [null, 70] : [3] }));
const values = frames[0]?.frame.columns.filter((name) => name !== "null") ?? [];
const plain = values.filter((name) => !["list", "struct", "dec"].includes(name));

/** Each column's function, on frames of every size. */
async function ofAll(names: readonly string[], make: (e: Expr) => Expr, options = {}): Promise<void> {
  // Expressions of nodejs-polars take longer to make than small queries take to run: once for all frames.
  const exprs = names.map((name) => make(c(name)));
  for (const { frame, partitions } of frames) await assertGpuEqualsCpu(() => frame.lazy().select(exprs), { partitions, ...options });
}

test("shift of every dtype", async (t) => {
  for (const n of [1, -2, 0, 1000, -1000]) await t.test(String(n), () => ofAll(values, (e) => e.shift(n)));
});

test("shift inside of groups", async () => {
  await ofAll(values, (e) => e.shift(1).over("k"));
  await ofAll(plain, (e) => e.shift(-1).over("k", "g"));
});

test("shiftAndFill", async () => {
  for (const n of [1, -2, 0, 500, -500]) {
    await ofAll(["i8", "i64", "u32", "f32", "f64"], (e) => e.shiftAndFill(n, 3));
    await ofAll(["f64"], (e) => e.shiftAndFill(n, 1.5).over("k"));
  }
});

test("reverse", async () => {
  await ofAll(values, (e) => e.reverse());
  await ofAll(values, (e) => e.reverse().over("g"));
  for (const { frame, partitions } of frames) await assertGpuEqualsCpu(() => frame.lazy().select(values).reverse(), { partitions });
});

test("frames shifted as a whole", async () => {
  for (const { frame, partitions } of frames) {
    await assertGpuEqualsCpu(() => frame.lazy().select(values).shift(2), { partitions });
    await assertGpuEqualsCpu(() => frame.lazy().select("i32", "f64").shiftAndFill(1, 7), { partitions });
  }
});

test("fillNull forward and backward", async () => {
  for (const strategy of ["forward", "backward"] as const) {
    await ofAll(values, (e) => e.fillNull(strategy));
    await ofAll(plain, (e) => e.fillNull(strategy).over("k"));
  }
  await ofAll(plain, (e) => e.forwardFill());
  await ofAll(plain, (e) => e.backwardFill());
});

test("fillNull with a statistic or a constant", async () => {
  const numbers = ["i8", "i16", "i32", "small", "u8", "u16", "u32", "f32"];
  for (const strategy of ["min", "max", "zero", "one"] as const) await ofAll([...numbers, "i64", "f64"], (e) => e.fillNull(strategy));
  await ofAll(["i8", "i16", "i32", "u8", "u16", "u32", "f64"], (e) => e.fillNull("mean"), { rel: 1e-12 });
  for (const wide of ["i64", "u64"])
    await assertFallsBack(() => everyDtype(7).lazy().select(c(wide).fillNull("mean")), /FillNull by the mean of U?Int64/);
  await ofAll(["str", "bool", "date", "us"], (e) => e.fillNull("zero"));
  await ofAll(["str", "bool", "date", "us"], (e) => e.fillNull("min"));
});

test("sort and sortBy inside of an expression", async () => {
  const sortable = plain.filter((name) => !["f32", "f64"].includes(name));
  for (const reverse of [false, true]) {
    await ofAll(sortable, (e) => e.sort(reverse));
    await ofAll(sortable, (e) => e.sort({ descending: reverse, nullsLast: true }));
    await ofAll(["f32", "f64"], (e) => e.sort(reverse), { anyZero: true });
    await ofAll(plain, (e) => e.sortBy([c("k"), c("row")], [reverse, false]));
  }
  await ofAll(sortable, (e) => e.sort().over("k"));
  await ofAll(plain, (e) => e.sortBy([c("row")], [true]).over("g"));
});

test("argSort", async () => {
  for (const reverse of [false, true]) await ofAll(plain, (e) => e.argSort(reverse));
  for (const { frame, partitions } of frames)
    await assertGpuEqualsCpu(() => frame.lazy().select(pl.argSortBy([c("k"), c("row")], [true, false]).as("at")), { partitions });
});
