/** Q21, suppliers who kept orders waiting. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q21: Query = ({ lineitem, nation, orders, supplier }) => {
  const late = lineitem
    .groupBy("l_orderkey")
    .agg(pl.len().alias("n_supp_by_order"))
    .filter(pl.col("n_supp_by_order").gt(1))
    .join(lineitem.filter(pl.col("l_receiptdate").gt(pl.col("l_commitdate"))), { on: "l_orderkey" });
  return late
    .groupBy("l_orderkey")
    .agg(pl.len().alias("n_supp_by_order"))
    .join(late, { on: "l_orderkey" })
    .join(supplier, { leftOn: "l_suppkey", rightOn: "s_suppkey" })
    .join(nation, { leftOn: "s_nationkey", rightOn: "n_nationkey" })
    .join(orders, { leftOn: "l_orderkey", rightOn: "o_orderkey" })
    .filter(pl.col("n_supp_by_order").eq(1))
    .filter(pl.col("n_name").eq(pl.lit("SAUDI ARABIA")))
    .filter(pl.col("o_orderstatus").eq(pl.lit("F")))
    .groupBy("s_name")
    .agg(pl.len().alias("numwait"))
    .sort({ by: ["numwait", "s_name"], descending: [true, false] })
    .head(100);
};
