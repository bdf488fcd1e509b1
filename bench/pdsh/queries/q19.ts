/** Q19, discounted revenue. */
import pl, { type Expr } from "nodejs-polars";
import { between, discountedPrice, type Query } from "./expressions.ts";

const kind = (brand: string, containers: readonly string[], quantity: number, size: number): Expr =>
  pl
    .col("p_brand")
    .eq(pl.lit(brand))
    .and(pl.col("p_container").isIn([...containers]))
    .and(between("l_quantity", quantity, quantity + 10))
    .and(between("p_size", 1, size));

export const q19: Query = ({ lineitem, part }) =>
  part
    .join(lineitem, { leftOn: "p_partkey", rightOn: "l_partkey" })
    .filter(pl.col("l_shipmode").isIn(["AIR", "AIR REG"]))
    .filter(pl.col("l_shipinstruct").eq(pl.lit("DELIVER IN PERSON")))
    .filter(
      kind("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 5)
        .or(kind("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10))
        .or(kind("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 15)),
    )
    .select(discountedPrice().sum().round(2).alias("revenue"));
