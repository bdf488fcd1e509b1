/** Q8, national market share. */
import pl from "nodejs-polars";
import { date, discountedPrice, type Query } from "./expressions.ts";

export const q08: Query = ({ customer, lineitem, nation, orders, part, region, supplier }) =>
  part
    .join(lineitem, { leftOn: "p_partkey", rightOn: "l_partkey" })
    .join(supplier, { leftOn: "l_suppkey", rightOn: "s_suppkey" })
    .join(orders, { leftOn: "l_orderkey", rightOn: "o_orderkey" })
    .join(customer, { leftOn: "o_custkey", rightOn: "c_custkey" })
    .join(nation.select("n_nationkey", "n_regionkey"), { leftOn: "c_nationkey", rightOn: "n_nationkey" })
    .join(region, { leftOn: "n_regionkey", rightOn: "r_regionkey" })
    .filter(pl.col("r_name").eq(pl.lit("AMERICA")))
    .join(nation.select("n_nationkey", "n_name"), { leftOn: "s_nationkey", rightOn: "n_nationkey" })
    .filter(
      pl
        .col("o_orderdate")
        .gtEq(date("1995-01-01"))
        .and(pl.col("o_orderdate").ltEq(date("1996-12-31"))),
    )
    .filter(pl.col("p_type").eq(pl.lit("ECONOMY ANODIZED STEEL")))
    .select(pl.col("o_orderdate").dt.year().alias("o_year"), discountedPrice().alias("volume"), pl.col("n_name").alias("nation"))
    .withColumns(
      pl
        .when(pl.col("nation").eq(pl.lit("BRAZIL")))
        .then(pl.col("volume"))
        .otherwise(pl.lit(0))
        .alias("_tmp"),
    )
    .groupBy("o_year")
    .agg(pl.col("_tmp").sum().div(pl.col("volume").sum()).round(2).alias("mkt_share"))
    .sort("o_year");
