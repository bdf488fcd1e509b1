/** Q12, shipping modes and order priority. */
import pl, { type Expr } from "nodejs-polars";
import { inPeriod, type Query } from "./expressions.ts";

const urgent = (): Expr => pl.col("o_orderpriority").isIn(["1-URGENT", "2-HIGH"]);
const one = (condition: Expr): Expr => pl.when(condition).then(pl.lit(1).cast(pl.Int32)).otherwise(pl.lit(0).cast(pl.Int32));

export const q12: Query = ({ lineitem, orders }) =>
  orders
    .join(lineitem, { leftOn: "o_orderkey", rightOn: "l_orderkey" })
    .filter(pl.col("l_shipmode").isIn(["MAIL", "SHIP"]))
    .filter(pl.col("l_commitdate").lt(pl.col("l_receiptdate")))
    .filter(pl.col("l_shipdate").lt(pl.col("l_commitdate")))
    .filter(inPeriod("l_receiptdate", "1994-01-01", "1995-01-01"))
    .withColumns(one(urgent()).alias("high_line_count"), one(urgent().not()).alias("low_line_count"))
    .groupBy("l_shipmode")
    .agg(pl.col("high_line_count").sum(), pl.col("low_line_count").sum())
    .sort("l_shipmode");
