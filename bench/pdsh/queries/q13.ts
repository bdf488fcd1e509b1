/** Q13, customer distribution. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q13: Query = ({ customer, orders }) =>
  customer
    .join(orders.filter(pl.col("o_comment").str.contains("special.*requests").not()), {
      leftOn: "c_custkey",
      rightOn: "o_custkey",
      how: "left",
    })
    .groupBy("c_custkey")
    .agg(pl.col("o_orderkey").count().alias("c_count"))
    .groupBy("c_count")
    .agg(pl.len().alias("custdist"))
    .sort({ by: ["custdist", "c_count"], descending: [true, true] });
