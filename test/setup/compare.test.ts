/** The comparison of results that demo and benchmark rely on finds every kind of difference. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pl from "nodejs-polars";
import { difference, largestDeviation, summingTolerance } from "../../bench/compare.ts";

const frame = (values: readonly number[]) => pl.DataFrame({ x: pl.Series("x", [...values], pl.Float64) });

test("frames that agree", () => {
  assert.equal(difference(frame([1, 2.5]), frame([1, 2.5])), null);
  assert.equal(difference(frame([1e9 + 0.25, 0.1]), frame([(1e9 + 0.25) * (1 + 5e-13), 0.1])), null);
  assert.equal(difference(frame([Number.NaN]), frame([Number.NaN])), null);
  const dates = pl.DataFrame({ d: [new Date("1995-01-01")], s: ["a"], n: [null] });
  assert.equal(difference(dates, dates.clone()), null);
});

test("names, types, heights and values that differ are named", () => {
  assert.match(difference(frame([1]), frame([1]).rename({ x: "y" })) ?? "", /^columns: expected x; got y/);
  assert.match(difference(frame([1]), pl.DataFrame({ x: pl.Series("x", [1], pl.Int64) })) ?? "", /^type of x/);
  assert.match(difference(frame([1]), frame([1, 2])) ?? "", /^rows: expected 1, got 2/);
  assert.match(difference(frame([1, 0.5]), frame([1, 0.5 + 1e-11])) ?? "", /^row 1, column x/);
  assert.match(difference(frame([1]), frame([Number.NaN])) ?? "", /^row 0, column x/);
});

test("integers, strings and dates are compared exactly, null equals only null", () => {
  const integers = (value: number) => pl.DataFrame({ i: pl.Series("i", [value], pl.Int64) });
  assert.match(difference(integers(9007199254740990), integers(9007199254740991)) ?? "", /^row 0, column i/);
  assert.match(difference(pl.DataFrame({ s: ["a"] }), pl.DataFrame({ s: ["b"] })) ?? "", /^row 0, column s/);
  assert.match(difference(pl.DataFrame({ s: ["a", null] }), pl.DataFrame({ s: ["a", ""] })) ?? "", /^row 1, column s/);
  const date = (text: string) => pl.DataFrame({ d: pl.Series("d", [new Date(text)], pl.Date) });
  assert.match(difference(date("1995-01-01"), date("1995-01-02")) ?? "", /^row 0, column d/);
});

test("a wider tolerance for sums of many rows, and how far floats are apart", () => {
  const [expected, actual] = [frame([1, 0.5]), frame([1, 0.5 * (1 + 1e-11)])];
  assert.match(difference(expected, actual, summingTolerance(1000)) ?? "", /^row 1, column x/);
  assert.equal(difference(expected, actual, summingTolerance(1_000_000)), null);
  assert.ok(Math.abs(largestDeviation(expected, actual) - 1e-11) < 1e-15);
  assert.equal(largestDeviation(expected, expected.clone()), 0);
});
