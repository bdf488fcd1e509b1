/** Numeric functions of one value: every numeric dtype, halves, signed zeros, subnormals, infinities and NaN, bit by bit. */

import { after, test } from "node:test";
import pl, { type Expr } from "nodejs-polars";
import { everyDtype, FIXTURES, FLOATS, INTEGERS } from "../../../src/conformance/fixture.ts";
import { assertGpuEqualsCpu, closeEngines } from "../harness.ts";

after(closeEngines);

const frame = everyDtype(203);
/** One engine for the file: 203 rows are four partitions, smaller fixtures one. */
const partitions = [64];
const col = pl.col;

const FUNCTIONS = {
  abs: (e: Expr) => e.abs(),
  floor: (e: Expr) => e.floor(),
  ceil: (e: Expr) => e.ceil(),
  "round 0": (e: Expr) => e.round(0),
} as const;
const each = (names: readonly string[]): Expr[] =>
  names.flatMap((name) => Object.entries(FUNCTIONS).map(([fn, of]) => of(col(name)).as(`${fn}(${name})`)));

test("integers", () => assertGpuEqualsCpu(() => frame.lazy().select(...each(INTEGERS)), { partitions }));

test("floats", () =>
  assertGpuEqualsCpu(
    () =>
      frame
        .lazy()
        .select(
          ...each(FLOATS),
          ...FLOATS.flatMap((n) => [1, 2, 5].map((decimals) => col(n).round(decimals).as(`round(${n}, ${decimals})`))),
        ),
    { partitions },
  ));

test("SQRT, SIGN, negation and ROUND of SQL", () =>
  assertGpuEqualsCpu(
    () =>
      pl.SQLContext({ f: frame.lazy() }).execute(
        `SELECT SQRT(f64) AS root, SQRT(f32) AS root32, SQRT(ABS(small)) AS roots, SIGN(f64) AS s64, SIGN(small) AS si, SIGN(u8) AS su, -f64 AS neg, -i8 AS negi,
          ROUND(f64, 1) AS r1, FLOOR(f64) AS f, CEIL(f32) AS c, ABS(i64) AS a FROM f`,
      ),
    { partitions },
  ));

for (const { name, frame: sized } of FIXTURES)
  test(`numeric functions over ${name}`, () => assertGpuEqualsCpu(() => sized.lazy().select(...each(["i64", "f64"])), { partitions }));
