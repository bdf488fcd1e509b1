/** Q1, pricing summary report. */
import pl from "nodejs-polars";
import { date, discountedPrice, type Query } from "./expressions.ts";

export const q01: Query = ({ lineitem }) =>
  lineitem
    .filter(pl.col("l_shipdate").ltEq(date("1998-09-02")))
    .groupBy(["l_returnflag", "l_linestatus"])
    .agg(
      pl.col("l_quantity").sum().alias("sum_qty"),
      pl.col("l_extendedprice").sum().alias("sum_base_price"),
      discountedPrice().sum().alias("sum_disc_price"),
      discountedPrice()
        .mul(pl.lit(1).plus(pl.col("l_tax")))
        .sum()
        .alias("sum_charge"),
      pl.col("l_quantity").mean().alias("avg_qty"),
      pl.col("l_extendedprice").mean().alias("avg_price"),
      pl.col("l_discount").mean().alias("avg_disc"),
      pl.len().alias("count_order"),
    )
    .sort(["l_returnflag", "l_linestatus"]);
