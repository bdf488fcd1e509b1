/** Bits of integers, reinterpreted and physical integers: kernels, at both ends of every width. */

import { after, test } from "node:test";
import pl from "nodejs-polars";
import { FIXTURES, INTEGERS, TEMPORALS } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const col = pl.col;
const kernels = true;

/** Pairs whose common dtype is an integer. */
const PAIRS = INTEGERS.flatMap((a) =>
  INTEGERS.filter((b) => !(a.startsWith("i") && b === "u64") && !(b.startsWith("i") && a === "u64")).map((b) => [a, b] as const),
);

test("and, or, xor and not of integers", async () => {
  for (const { frame, partition } of FIXTURES) {
    const partitions = [partition];
    const both = PAIRS.flatMap(([a, b]) => [col(a).and(col(b)).as(`${a} & ${b}`), col(a).or(col(b)).as(`${a} | ${b}`)]);
    for (let i = 0; i < both.length; i += 24)
      await assertGpuEqualsCpu(() => frame.lazy().select(...both.slice(i, i + 24)), { partitions, kernels });
    await assertGpuEqualsCpu(() => frame.lazy().select(...INTEGERS.map((name) => col(name).not())), { partitions, kernels });
    const sql = INTEGERS.map((name) => `${name} XOR ${name === "u64" ? "u8" : "i8"} AS ${name}, ${name} & 5 AS ${name}_and`).join(", ");
    await assertGpuEqualsCpu(() => pl.SQLContext({ t: frame.lazy() }).execute(`SELECT ${sql} FROM t`), { partitions, kernels });
  }
});

test("reinterpreted and physical integers", async () => {
  for (const { frame, partition } of FIXTURES) {
    const partitions = [null, partition];
    await assertGpuEqualsCpu(
      () =>
        frame
          .lazy()
          .select(col("i64").reinterpret(false).as("unsigned"), col("u64").reinterpret(true).as("signed"), col("i64").reinterpret(true)),
      { partitions, kernels },
    );
    const names = [...INTEGERS, ...TEMPORALS, "f32", "f64", "bool"];
    await assertGpuEqualsCpu(() => frame.lazy().select(...names.map((name) => col(name).toPhysical())), { partitions, kernels });
  }
});

test("the nulls of a list match nothing", async () => {
  for (const { frame, partition } of FIXTURES) {
    await assertGpuEqualsCpu(
      () => frame.lazy().select(col("small").isIn([1, null, -3]).as("integers"), col("f64").isIn([1.5, null, Number.NaN, 0]).as("floats")),
      { partitions: [null, partition], kernels },
    );
  }
});
