/** Q22, global sales opportunity. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q22: Query = ({ customer, orders }) => {
  const near = customer
    .withColumns(pl.col("c_phone").str.slice(0, 2).alias("cntrycode"))
    .filter(pl.col("cntrycode").str.contains("13|31|23|29|30|18|17"))
    .select("c_acctbal", "c_custkey", "cntrycode");
  const average = near.filter(pl.col("c_acctbal").gt(0)).select(pl.col("c_acctbal").mean().alias("avg_acctbal"));
  const ordering = orders.select(pl.col("o_custkey").unique()).withColumns(pl.col("o_custkey").alias("c_custkey"));
  return near
    .join(ordering, { on: "c_custkey", how: "left" })
    .filter(pl.col("o_custkey").isNull())
    .join(average, { how: "cross" })
    .filter(pl.col("c_acctbal").gt(pl.col("avg_acctbal")))
    .groupBy("cntrycode")
    .agg(pl.col("c_acctbal").count().alias("numcust"), pl.col("c_acctbal").sum().round(2).alias("totacctbal"))
    .sort("cntrycode");
};
