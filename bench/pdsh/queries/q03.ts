/** Q3, shipping priority. */
import pl from "nodejs-polars";
import { date, discountedPrice, type Query } from "./expressions.ts";

export const q03: Query = ({ customer, lineitem, orders }) =>
  customer
    .filter(pl.col("c_mktsegment").eq(pl.lit("BUILDING")))
    .join(orders, { leftOn: "c_custkey", rightOn: "o_custkey" })
    .join(lineitem, { leftOn: "o_orderkey", rightOn: "l_orderkey" })
    .filter(pl.col("o_orderdate").lt(date("1995-03-15")))
    .filter(pl.col("l_shipdate").gt(date("1995-03-15")))
    .withColumns(discountedPrice().alias("revenue"))
    .groupBy(["o_orderkey", "o_orderdate", "o_shippriority"])
    .agg(pl.col("revenue").sum())
    .select(pl.col("o_orderkey").alias("l_orderkey"), "revenue", "o_orderdate", "o_shippriority")
    .sort({ by: ["revenue", "o_orderdate"], descending: [true, false] })
    .head(10);
