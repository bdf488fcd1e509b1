/** Q17, small-quantity-order revenue. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q17: Query = ({ lineitem, part }) => {
  const boxes = part
    .filter(pl.col("p_brand").eq(pl.lit("Brand#23")))
    .filter(pl.col("p_container").eq(pl.lit("MED BOX")))
    .join(lineitem, { leftOn: "p_partkey", rightOn: "l_partkey", how: "left" });
  return boxes
    .groupBy("p_partkey")
    .agg(pl.col("l_quantity").mean().mul(0.2).alias("avg_quantity"))
    .select(pl.col("p_partkey").alias("key"), pl.col("avg_quantity"))
    .join(boxes, { leftOn: "key", rightOn: "p_partkey" })
    .filter(pl.col("l_quantity").lt(pl.col("avg_quantity")))
    .select(pl.col("l_extendedprice").sum().div(7).round(2).alias("avg_yearly"));
};
