/** Q7, volume shipping. */
import pl, { type LazyDataFrame } from "nodejs-polars";
import { date, discountedPrice, type Query } from "./expressions.ts";

export const q07: Query = ({ customer, lineitem, nation, orders, supplier }) => {
  const france = nation.filter(pl.col("n_name").eq(pl.lit("FRANCE")));
  const germany = nation.filter(pl.col("n_name").eq(pl.lit("GERMANY")));
  const shipped = (buyers: LazyDataFrame, sellers: LazyDataFrame): LazyDataFrame =>
    customer
      .join(buyers, { leftOn: "c_nationkey", rightOn: "n_nationkey" })
      .join(orders, { leftOn: "c_custkey", rightOn: "o_custkey" })
      .rename({ n_name: "cust_nation" })
      .join(lineitem, { leftOn: "o_orderkey", rightOn: "l_orderkey" })
      .join(supplier, { leftOn: "l_suppkey", rightOn: "s_suppkey" })
      .join(sellers, { leftOn: "s_nationkey", rightOn: "n_nationkey" })
      .rename({ n_name: "supp_nation" });
  return pl
    .concat([shipped(france, germany), shipped(germany, france)])
    .filter(
      pl
        .col("l_shipdate")
        .gtEq(date("1995-01-01"))
        .and(pl.col("l_shipdate").ltEq(date("1996-12-31"))),
    )
    .withColumns(discountedPrice().alias("volume"), pl.col("l_shipdate").dt.year().alias("l_year"))
    .groupBy(["supp_nation", "cust_nation", "l_year"])
    .agg(pl.col("volume").sum().alias("revenue"))
    .sort(["supp_nation", "cust_nation", "l_year"]);
};
