/** The distinct texts of a column, and a code for each of them, by polars' categories. */

import type { Dictionary } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import type { DslExpr, DslNode } from "../polars/dsl.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import { functionOf, HostDictionary, rename, select } from "./host-dictionary.ts";

const TEXT: DType = { kind: "String" };

let nextNamespace = 0;

export const categoriesOf = (column: DslExpr): DslNode => functionOf({ Categorical: "GetCategories" }, column);

/**
 * The expression that gives the codes, and the dictionary, which is complete once all rows have been computed. Codes are those of categories that
 * exist for this column alone. They grow while the column is cast, by any number of threads and in any parts; the empty column that is cast
 * first keeps them alive.
 */
export async function distinctTexts(
  native: NativePolars,
  frame: NativeDataFrame,
  column: DslExpr,
): Promise<readonly [codes: DslExpr, dictionary: () => Promise<Dictionary>]> {
  const namespace = { Categorical: { name: `${nextNamespace++}`, namespace: "polars-webgpu", physical: "U32" } };
  const categorical: DslExpr = { Cast: { expr: column, dtype: { Literal: namespace }, options: "Strict" } };
  const anchor = await select(
    native,
    quietly(() => frame.slice(0, 0)),
    [rename(categorical, "codes")],
  );
  return [
    functionOf("ToPhysical", categorical),
    async () =>
      new HostDictionary(await select(native, anchor, [rename(categoriesOf({ Column: "codes" }), LOOKUP_COLUMN)]), TEXT, "unique"),
  ];
}
