/** Expressions that several queries share, where JavaScript needs more words than the published Python. */
import pl, { type Expr, type LazyDataFrame } from "nodejs-polars";
import type { Tables } from "../generate.ts";

/** Builds the lazy frame of one query. */
export type Query = (t: Tables) => LazyDataFrame;

/** A date as a Date literal (a JavaScript Date alone would be a Datetime). */
export const date = (iso: string): Expr => pl.lit(new Date(`${iso}T00:00:00Z`)).cast(pl.Date);

/** `low <= expression < high` for dates. */
export const inPeriod = (column: string, low: string, high: string): Expr =>
  pl
    .col(column)
    .gtEq(date(low))
    .and(pl.col(column).lt(date(high)));

/** `low <= column <= high` for numbers. */
export const between = (column: string, low: number, high: number): Expr => pl.col(column).gtEq(low).and(pl.col(column).ltEq(high));

/** l_extendedprice * (1 - l_discount). */
export const discountedPrice = (): Expr => pl.col("l_extendedprice").mul(pl.lit(1).minus(pl.col("l_discount")));
