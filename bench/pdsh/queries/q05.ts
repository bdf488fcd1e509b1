/** Q5, local supplier volume. */
import pl from "nodejs-polars";
import { discountedPrice, inPeriod, type Query } from "./expressions.ts";

export const q05: Query = ({ customer, lineitem, nation, orders, region, supplier }) =>
  region
    .join(nation, { leftOn: "r_regionkey", rightOn: "n_regionkey" })
    .join(customer, { leftOn: "n_nationkey", rightOn: "c_nationkey" })
    .join(orders, { leftOn: "c_custkey", rightOn: "o_custkey" })
    .join(lineitem, { leftOn: "o_orderkey", rightOn: "l_orderkey" })
    .join(supplier, { leftOn: ["l_suppkey", "n_nationkey"], rightOn: ["s_suppkey", "s_nationkey"] })
    .filter(pl.col("r_name").eq(pl.lit("ASIA")))
    .filter(inPeriod("o_orderdate", "1994-01-01", "1995-01-01"))
    .withColumns(discountedPrice().alias("revenue"))
    .groupBy("n_name")
    .agg(pl.col("revenue").sum())
    .sort({ by: "revenue", descending: true });
