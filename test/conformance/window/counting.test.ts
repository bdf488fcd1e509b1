/** Window functions that count and compare rows: ranks, distinctness, running values, differences, peaks. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, INTEGERS, ROWS, random, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const c = pl.col;
/** Each frame with the partitions that it is tested in: few rows in many, many rows in some. */
const frames = ROWS.map((rows) => ({ frame: everyDtype(rows), partitions: rows > 7 ? [null, 70] : [3] }));
const plain = frames[0]?.frame.columns.filter((name) => !["null", "list", "struct", "dec"].includes(name)) ?? [];
const numbers = [...INTEGERS, "f32", "f64"];

async function ofAll(names: readonly string[], make: (e: Expr) => Expr, options = {}): Promise<void> {
  // Expressions of nodejs-polars take longer to make than small queries take to run: once for all frames.
  const exprs = names.map((name) => make(c(name)));
  for (const { frame, partitions } of frames) await assertGpuEqualsCpu(() => frame.lazy().select(exprs), { partitions, ...options });
}

test("rank by every method", async () => {
  for (const method of ["average", "min", "max", "dense", "ordinal"] as const) {
    await ofAll(plain, (e) => e.rank({ method, descending: false }));
    await ofAll(plain, (e) => e.rank({ method, descending: true }).over("k"));
  }
});

test("which rows are duplicated, unique, first or last", async () => {
  await ofAll(plain, (e) => e.isDuplicated());
  await ofAll(plain, (e) => e.isUnique().over("k"));
  await ofAll(plain, (e) => e.isFirstDistinct());
});

test("running counts, sums and products", async () => {
  for (const reverse of [false, true]) {
    await ofAll(plain, (e) => e.cumCount(reverse));
    await ofAll([...INTEGERS, "bool", "d_ms", "d_us"], (e) => e.cumSum(reverse));
    await ofAll([...INTEGERS, "bool"], (e) => e.cumProd(reverse));
    await ofAll(INTEGERS, (e) => e.cumSum(reverse).over("k"));
  }
  await ofAll(plain, (e) => e.cumCount().over("k"));
});

test("running extremes", async () => {
  for (const reverse of [false, true]) {
    await ofAll([...numbers, ...TEMPORALS, "bool"], (e) => e.cumMin(reverse));
    await ofAll([...numbers, ...TEMPORALS, "bool"], (e) => e.cumMax(reverse).over("g"));
  }
});

/** Floats that do not cancel out, over several tiles of a scan. */
function floats(rows: number): pl.DataFrame {
  const next = random(5);
  return pl.DataFrame({
    f64: Array.from({ length: rows }, () => (next() < 0.1 ? null : next() * 10)),
    k: Array.from({ length: rows }, () => Math.floor(next() * 3)),
  });
}

test("running sums of floats", async () => {
  const many = floats(5000).withColumns(c("f64").cast(pl.Float32).as("f32"));
  for (const reverse of [false, true]) {
    await assertGpuEqualsCpu(() => many.lazy().select(c("f64").cumSum(reverse), c("f32").cumSum(reverse)), {
      rel: 1e-12,
      partitions: [null, 999],
    });
    await assertGpuEqualsCpu(() => many.lazy().select(c("f64").cumSum(reverse).over("k")), { rel: 1e-12, partitions: [null] });
  }
  const odd = pl.DataFrame({ x: [-0, -0, null, 1, Number.POSITIVE_INFINITY, 2, Number.NEGATIVE_INFINITY, 3, Number.NaN] });
  await assertGpuEqualsCpu(() => odd.lazy().select(c("x").cumSum(), c("x").cumSum(true).as("r")));
  const huge = pl.DataFrame({ x: [1e300, 1, -1e300, 5, -1e40, 3, 1e40, 0.5] });
  await assertGpuEqualsCpu(() => huge.lazy().select(c("x").cumSum(), c("x").rollingSum({ windowSize: 3 }).as("w")));
});

test("running values over many tiles", async () => {
  const many = pl.DataFrame({
    i: Array.from({ length: 9000 }, (_, row) => (row * 7919) % 1000),
    k: Array.from({ length: 9000 }, (_, row) => row % 2),
  });
  const ints = () => many.lazy().select(c("i").cast(pl.Int64), "k");
  await assertGpuEqualsCpu(() => ints().select(c("i").cumSum(), c("i").cumMax().as("m"), c("i").cumSum(true).over("k").as("r")), {
    partitions: [null, 4000],
  });
});

test("differences and relative changes", async () => {
  for (const n of [1, -2, 0, 300]) {
    await ofAll(
      INTEGERS.filter((name) => name !== "u64"),
      (e) => e.diff(n, "ignore"),
    );
    await ofAll(["f32", "f64", "date", "ms", "us", "ns", "utc", "d_ms", "d_us", "d_ns"], (e) => e.diff(n, "ignore"));
    await ofAll(numbers, (e) => e.pctChange(n));
  }
  await ofAll(["i32", "f64", "us"], (e) => e.diff(1, "ignore").over("k"));
});

test("peaks", async () => {
  await ofAll([...numbers, ...TEMPORALS, "bool"], (e) => e.peakMax());
  await ofAll([...numbers, ...TEMPORALS, "bool"], (e) => e.peakMin());
});
