/** A dictionary as CPU polars holds it, and the polars expressions that its makers and readers are written in. */

import type { Dictionary } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import { exprFromDsl } from "../polars/composing.ts";
import type { DslExpr } from "../polars/dsl.ts";
import type { NativeDataFrame, NativePolars, NativeSeries } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";

/** Entries by code, as a frame of one column called LOOKUP_COLUMN. */
export class HostDictionary implements Dictionary {
  readonly frame: NativeDataFrame;
  readonly dtype: DType;
  readonly size: number;
  readonly unique: boolean;
  readonly sorted: boolean;

  constructor(frame: NativeDataFrame, dtype: DType, kind: "any" | "unique" | "sorted") {
    this.frame = frame;
    this.dtype = dtype;
    this.size = frame.height;
    this.unique = kind !== "any";
    this.sorted = kind === "sorted";
  }

  get entries(): NativeSeries {
    return this.frame.column(LOOKUP_COLUMN);
  }
}

export const VALUE: DslExpr = { Column: LOOKUP_COLUMN };
export const rename = (expr: DslExpr, name: string): DslExpr => ({ Alias: [expr, name] });
export const functionOf = (name: DslExpr, ...input: readonly DslExpr[]): DslExpr => ({ Function: { input: [...input], function: name } });

/** Runs a Select over a frame on CPU polars' own threads. */
export const select = (native: NativePolars, frame: NativeDataFrame, exprs: readonly DslExpr[]): Promise<NativeDataFrame> =>
  quietly(() =>
    frame
      .lazy()
      .select(exprs.map((e) => exprFromDsl(native, e)))
      .collect(),
  );
