/** Q6, forecasting revenue change. */
import pl from "nodejs-polars";
import { between, inPeriod, type Query } from "./expressions.ts";

export const q06: Query = ({ lineitem }) =>
  lineitem
    .filter(inPeriod("l_shipdate", "1994-01-01", "1995-01-01"))
    .filter(between("l_discount", 0.05, 0.07))
    .filter(pl.col("l_quantity").lt(24))
    .withColumns(pl.col("l_extendedprice").mul(pl.col("l_discount")).alias("revenue"))
    .select(pl.col("revenue").sum());
