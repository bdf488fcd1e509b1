/** Q9, product type profit measure. */
import pl from "nodejs-polars";
import { discountedPrice, type Query } from "./expressions.ts";

export const q09: Query = ({ lineitem, nation, orders, part, partsupp, supplier }) =>
  part
    .join(partsupp, { leftOn: "p_partkey", rightOn: "ps_partkey" })
    .join(supplier, { leftOn: "ps_suppkey", rightOn: "s_suppkey" })
    .join(lineitem, { leftOn: ["p_partkey", "ps_suppkey"], rightOn: ["l_partkey", "l_suppkey"] })
    .join(orders, { leftOn: "l_orderkey", rightOn: "o_orderkey" })
    .join(nation, { leftOn: "s_nationkey", rightOn: "n_nationkey" })
    .filter(pl.col("p_name").str.contains("green"))
    .select(
      pl.col("n_name").alias("nation"),
      pl.col("o_orderdate").dt.year().alias("o_year"),
      discountedPrice()
        .minus(pl.col("ps_supplycost").mul(pl.col("l_quantity")))
        .alias("amount"),
    )
    .groupBy(["nation", "o_year"])
    .agg(pl.col("amount").sum().round(2).alias("sum_profit"))
    .sort({ by: ["nation", "o_year"], descending: [false, true] });
