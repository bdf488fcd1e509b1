/** Q11, important stock identification. */
import pl from "nodejs-polars";
import type { Query } from "./expressions.ts";

export const q11: Query = ({ nation, partsupp, scale, supplier }) => {
  const german = partsupp
    .join(supplier, { leftOn: "ps_suppkey", rightOn: "s_suppkey" })
    .join(nation, { leftOn: "s_nationkey", rightOn: "n_nationkey" })
    .filter(pl.col("n_name").eq(pl.lit("GERMANY")));
  const value = () => pl.col("ps_supplycost").mul(pl.col("ps_availqty")).sum().round(2);
  return german
    .groupBy("ps_partkey")
    .agg(value().alias("value"))
    .join(
      german.select(
        value()
          .alias("tmp")
          .mul(0.0001 / scale),
      ),
      { how: "cross" },
    )
    .filter(pl.col("value").gt(pl.col("tmp")))
    .select("ps_partkey", "value")
    .sort({ by: "value", descending: true });
};
