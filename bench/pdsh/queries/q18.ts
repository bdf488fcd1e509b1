/** Q18, large volume customer. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q18: Query = ({ customer, lineitem, orders }) => {
  const large = lineitem.groupBy("l_orderkey").agg(pl.col("l_quantity").sum().alias("sum_quantity")).filter(pl.col("sum_quantity").gt(300));
  return orders
    .join(large, { leftOn: "o_orderkey", rightOn: "l_orderkey", how: "semi" })
    .join(lineitem, { leftOn: "o_orderkey", rightOn: "l_orderkey" })
    .join(customer, { leftOn: "o_custkey", rightOn: "c_custkey" })
    .groupBy(["c_name", "o_custkey", "o_orderkey", "o_orderdate", "o_totalprice"])
    .agg(pl.col("l_quantity").sum().alias("col6"))
    .select(
      pl.col("c_name"),
      pl.col("o_custkey").alias("c_custkey"),
      pl.col("o_orderkey"),
      pl.col("o_orderdate").alias("o_orderdat"),
      pl.col("o_totalprice"),
      pl.col("col6"),
    )
    .sort({ by: ["o_totalprice", "o_orderdat"], descending: [true, false] })
    .head(100);
};
