/** The eight PDS-H tables as frames in memory. */
import type { DataFrame, LazyDataFrame } from "nodejs-polars";
import type { Tables } from "./pdsh/generate.ts";

export type MemoryTables = { readonly [K in keyof Tables]: Tables[K] extends LazyDataFrame ? DataFrame : Tables[K] };

/** Reads the files of a scale factor. */
export async function loadTables(files: Tables): Promise<MemoryTables> {
  return {
    scale: files.scale,
    customer: await files.customer.collect(),
    lineitem: await files.lineitem.collect(),
    nation: await files.nation.collect(),
    orders: await files.orders.collect(),
    part: await files.part.collect(),
    partsupp: await files.partsupp.collect(),
    region: await files.region.collect(),
    supplier: await files.supplier.collect(),
  };
}

/** The tables as lazy frames of `lazy`. */
export const lazyTables = (tables: MemoryTables, lazy: (frame: DataFrame) => LazyDataFrame): Tables => ({
  scale: tables.scale,
  customer: lazy(tables.customer),
  lineitem: lazy(tables.lineitem),
  nation: lazy(tables.nation),
  orders: lazy(tables.orders),
  part: lazy(tables.part),
  partsupp: lazy(tables.partsupp),
  region: lazy(tables.region),
  supplier: lazy(tables.supplier),
});
