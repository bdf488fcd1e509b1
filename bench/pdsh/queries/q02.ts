/** Q2, minimum cost supplier. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q02: Query = ({ nation, part, partsupp, region, supplier }) => {
  const offers = part
    .join(partsupp, { leftOn: "p_partkey", rightOn: "ps_partkey" })
    .join(supplier, { leftOn: "ps_suppkey", rightOn: "s_suppkey" })
    .join(nation, { leftOn: "s_nationkey", rightOn: "n_nationkey" })
    .join(region, { leftOn: "n_regionkey", rightOn: "r_regionkey" })
    .filter(pl.col("p_size").eq(15))
    .filter(pl.col("p_type").str.endsWith("BRASS"))
    .filter(pl.col("r_name").eq(pl.lit("EUROPE")));
  return offers
    .groupBy("p_partkey")
    .agg(pl.col("ps_supplycost").min())
    .join(offers, { on: ["p_partkey", "ps_supplycost"] })
    .select("s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment")
    .sort({ by: ["s_acctbal", "n_name", "s_name", "p_partkey"], descending: [true, false, false, false] })
    .head(100);
};
