/** Q16, parts/supplier relationship. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q16: Query = ({ part, partsupp, supplier }) => {
  const complained = supplier
    .filter(pl.col("s_comment").str.contains(".*Customer.*Complaints.*"))
    .select(pl.col("s_suppkey"), pl.col("s_suppkey").alias("ps_suppkey"));
  return part
    .join(partsupp, { leftOn: "p_partkey", rightOn: "ps_partkey" })
    .filter(pl.col("p_brand").neq(pl.lit("Brand#45")))
    .filter(pl.col("p_type").str.startsWith("MEDIUM POLISHED").not())
    .filter(pl.col("p_size").isIn([49, 14, 23, 45, 19, 3, 36, 9]))
    .join(complained, { leftOn: "ps_suppkey", rightOn: "s_suppkey", how: "left", suffix: "_right" })
    .filter(pl.col("ps_suppkey_right").isNull())
    .groupBy(["p_brand", "p_type", "p_size"])
    .agg(pl.col("ps_suppkey").nUnique().alias("supplier_cnt"))
    .sort({ by: ["supplier_cnt", "p_brand", "p_type", "p_size"], descending: [true, false, false, false] });
};
