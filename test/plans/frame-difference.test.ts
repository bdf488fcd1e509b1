/** Results of every dtype can be compared, also of those that nodejs-polars has no JavaScript values for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import pl from "nodejs-polars";
import { frameDifference } from "../../src/fallback/frame-difference.ts";

const c = pl.col;
const money = (...cents: readonly (bigint | null)[]) => pl.DataFrame([pl.Series("m", [...cents], pl.Decimal(10, 2))]);
const FORMS: Readonly<Record<string, (frame: pl.DataFrame) => pl.DataFrame>> = {
  decimals: (frame) => frame,
  "128-bit integers": (frame) => frame.select(c("m").toPhysical()),
  "structs of decimals": (frame) => frame.select(pl.struct([c("m")]).as("s")),
  "lists of decimals": (frame) => frame.select(c("m").repeatBy(pl.lit(2))),
};

for (const [name, form] of Object.entries(FORMS)) {
  test(`${name}: the same, another value, a null`, () => {
    const expected = form(money(15000n, 22500n));
    assert.equal(frameDifference(expected, form(money(15000n, 22500n)), {}), null);
    assert.match(frameDifference(expected, form(money(15000n, 22501n)), {}) ?? "", /^row 1/);
    assert.match(frameDifference(expected, form(money(null, 22500n)), {}) ?? "", /^row 0/);
  });
}

test("f32 may differ by `single`, f64 by `rel`", () => {
  const of = (value: number, dtype: pl.DataType) => pl.DataFrame([pl.Series("x", [value], dtype)]);
  const tolerance = { rel: 1e-12, single: 1e-6 };
  const above = 1 + 2 ** -23;
  assert.equal(frameDifference(of(1, pl.Float32), of(above, pl.Float32), tolerance), null);
  assert.match(frameDifference(of(1, pl.Float32), of(1 + 2 ** -19, pl.Float32), tolerance) ?? "", /^row 0/);
  assert.match(frameDifference(of(1, pl.Float64), of(above, pl.Float64), tolerance) ?? "", /^row 0/);
  assert.match(frameDifference(of(1, pl.Float32), of(above, pl.Float32), { rel: 1e-12 }) ?? "", /^row 0/);
});
