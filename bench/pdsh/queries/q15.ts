/** Q15, top supplier. */
import pl from "nodejs-polars";
import { discountedPrice, inPeriod, type Query } from "./expressions.ts";

export const q15: Query = ({ lineitem, supplier }) => {
  const revenue = lineitem
    .filter(inPeriod("l_shipdate", "1996-01-01", "1996-04-01"))
    .groupBy("l_suppkey")
    .agg(discountedPrice().sum().alias("total_revenue"))
    .select(pl.col("l_suppkey").alias("supplier_no"), pl.col("total_revenue"));
  return supplier
    .join(revenue, { leftOn: "s_suppkey", rightOn: "supplier_no" })
    .filter(pl.col("total_revenue").eq(pl.col("total_revenue").max()))
    .withColumns(pl.col("total_revenue").round(2))
    .select("s_suppkey", "s_name", "s_address", "s_phone", "total_revenue")
    .sort("s_suppkey");
};
