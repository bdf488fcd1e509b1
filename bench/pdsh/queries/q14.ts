/** Q14, promotion effect. */
import pl from "nodejs-polars";
import { discountedPrice, inPeriod, type Query } from "./expressions.ts";

export const q14: Query = ({ lineitem, part }) =>
  lineitem
    .join(part, { leftOn: "l_partkey", rightOn: "p_partkey" })
    .filter(inPeriod("l_shipdate", "1995-09-01", "1995-10-01"))
    .select(
      pl
        .lit(100)
        .mul(pl.when(pl.col("p_type").str.startsWith("PROMO")).then(discountedPrice()).otherwise(pl.lit(0)).sum())
        .div(discountedPrice().sum())
        .round(2)
        .alias("promo_revenue"),
    );
