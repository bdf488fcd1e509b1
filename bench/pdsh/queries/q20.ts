/** Q20, potential part promotion. */
import pl from "nodejs-polars";
import { inPeriod, type Query } from "./expressions.ts";

export const q20: Query = ({ lineitem, nation, part, partsupp, supplier }) => {
  const shipped = lineitem
    .filter(inPeriod("l_shipdate", "1994-01-01", "1995-01-01"))
    .groupBy(["l_partkey", "l_suppkey"])
    .agg(pl.col("l_quantity").sum().mul(0.5).alias("sum_quantity"));
  const canadian = supplier.join(nation.filter(pl.col("n_name").eq(pl.lit("CANADA"))), { leftOn: "s_nationkey", rightOn: "n_nationkey" });
  return part
    .filter(pl.col("p_name").str.startsWith("forest"))
    .select(pl.col("p_partkey").unique())
    .join(partsupp, { leftOn: "p_partkey", rightOn: "ps_partkey" })
    .join(shipped, { leftOn: ["ps_suppkey", "p_partkey"], rightOn: ["l_suppkey", "l_partkey"] })
    .filter(pl.col("ps_availqty").gt(pl.col("sum_quantity")))
    .select(pl.col("ps_suppkey").unique())
    .join(canadian, { leftOn: "ps_suppkey", rightOn: "s_suppkey" })
    .select("s_name", "s_address")
    .sort("s_name");
};
