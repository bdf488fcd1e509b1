/** Q4, order priority checking. */
import pl from "nodejs-polars";
import { inPeriod, type Query } from "./expressions.ts";

export const q04: Query = ({ lineitem, orders }) =>
  orders
    .join(lineitem.filter(pl.col("l_commitdate").lt(pl.col("l_receiptdate"))), { leftOn: "o_orderkey", rightOn: "l_orderkey", how: "semi" })
    .filter(inPeriod("o_orderdate", "1993-07-01", "1993-10-01"))
    .groupBy("o_orderpriority")
    .agg(pl.len().alias("order_count"))
    .sort("o_orderpriority");
