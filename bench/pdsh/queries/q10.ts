/** Q10, returned item reporting. */
import pl from "nodejs-polars";
import { discountedPrice, inPeriod, type Query } from "./expressions.ts";

export const q10: Query = ({ customer, lineitem, nation, orders }) =>
  customer
    .join(orders, { leftOn: "c_custkey", rightOn: "o_custkey" })
    .join(lineitem, { leftOn: "o_orderkey", rightOn: "l_orderkey" })
    .join(nation, { leftOn: "c_nationkey", rightOn: "n_nationkey" })
    .filter(inPeriod("o_orderdate", "1993-10-01", "1994-01-01"))
    .filter(pl.col("l_returnflag").eq(pl.lit("R")))
    .groupBy(["c_custkey", "c_name", "c_acctbal", "c_phone", "n_name", "c_address", "c_comment"])
    .agg(discountedPrice().sum().round(2).alias("revenue"))
    .select("c_custkey", "c_name", "revenue", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment")
    .sort({ by: "revenue", descending: true })
    .head(20);
