/** Rows over an index that ascends, and groups of windows over it, for the tests of groupByDynamic and groupByRolling. */

import pl, { type DataFrame, type Expr, type LazyDataFrame } from "nodejs-polars";
import { random } from "../../../src/conformance/fixture.ts";

const c = pl.col;

/** Numbers that ascend from `start` with gaps up to 2 * `gap` and repetitions, and values drawn for each of them. */
export function ascendingNumbers(seed: number, start: number, gap: number, rows: number) {
  const next = random(seed);
  let at = start;
  const numbers = Array.from({ length: rows }, () => {
    at += Math.floor(next() * 3) * Math.floor(next() * gap);
    return at;
  });
  const drawn = <T>(values: readonly T[]): T[] =>
    numbers.map(() => values[Math.floor(next() * values.length)]).filter((v) => v !== undefined);
  return { numbers, drawn };
}

/** The Int64 column `i` as integers of 32 bits, days, and times in steps of half an hour. */
export const withIndexes = (rows: DataFrame): DataFrame =>
  rows.withColumns(
    c("i").cast(pl.Int32).as("i32"),
    c("i").cast(pl.Int32).cast(pl.Date).as("date"),
    c("i").mul(1_800_000).cast(pl.Int64).cast(pl.Datetime("ms")).as("ms"),
    c("i").mul(1_800_000_000).cast(pl.Int64).cast(pl.Datetime("us")).as("us"),
    c("i").mul(1_800_000_000_000).cast(pl.Int64).cast(pl.Datetime("ns", "UTC")).as("ns"),
  );

/** The groups by options that the binding's types do not know all of. */
export function windowsOf(
  rows: DataFrame,
  method: "groupByDynamic" | "groupByRolling",
  options: object,
  exprs: readonly Expr[],
): LazyDataFrame {
  const groups: unknown = Reflect.apply(rows.lazy()[method], null, [options]);
  if (typeof groups !== "object" || groups === null || !("agg" in groups) || typeof groups.agg !== "function") throw new Error("no groups");
  const lazy: unknown = groups.agg(...exprs);
  if (!pl.LazyDataFrame.isLazyDataFrame(lazy)) throw new Error("not a lazy frame");
  return lazy;
}
