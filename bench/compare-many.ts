/** Compares two results of many rows without nulls by polars itself, which is fast, and only counts the rows that differ. */
import pl, { type DataFrame } from "nodejs-polars";

/** Null when names, types, number of rows and values agree, rows in order, floats up to a relative `tolerance`; else the first difference in words. */
export function differenceOfMany(expected: DataFrame, actual: DataFrame, tolerance: number): string | null {
  const [shape, other] = [expected, actual].map(
    (frame) => `${frame.height} rows of ${frame.columns.join()} as ${frame.dtypes.map(String).join()}`,
  );
  if (shape !== other) return `expected ${shape}, got ${other}`;
  const renamed = actual.rename(Object.fromEntries(actual.columns.map((name) => [name, `${name} again`])));
  const agreeing = expected.columns.map((name, i) => {
    const [a, b] = [pl.col(name), pl.col(`${name} again`)];
    const agrees = expected.dtypes[i]?.equals(pl.Float64) ? a.minus(b).abs().ltEq(a.abs().mul(tolerance)) : a.eq(b);
    return agrees.sum().alias(name);
  });
  const counts = pl.concat([expected, renamed], { how: "horizontal" }).select(...agreeing);
  const wrong = counts.columns.find((name) => counts.getColumn(name).get(0) !== expected.height);
  if (wrong === undefined) return null;
  return `column ${wrong}: ${expected.height - Number(counts.getColumn(wrong).get(0))} of ${expected.height} rows differ`;
}
