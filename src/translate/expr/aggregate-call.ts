/** One aggregate while it is translated: what its handler knows, and where its parts go. */

import type { DType } from "../../ir/dtype.ts";
import type { DslValue } from "../../polars/dsl.ts";
import type { AggregateRows, Wrap } from "./aggregate-rows.ts";
import { rowsOf } from "./aggregate-rows.ts";
import type { AggregateSet } from "./aggregates.ts";
import type { ExprTranslator } from "./translator.ts";

export interface AggregateCall {
  readonly t: ExprTranslator;
  /** Translates inputs row by row. */
  readonly inner: ExprTranslator;
  readonly set: AggregateSet;
  readonly inputs: readonly DslValue[];
  readonly options: DslValue;
  /** Of the result. */
  readonly dtype: DType;
}

/** Whether a row may be in several groups, for which polars has kernels of their own. */
export const sharesRows = ({ t }: AggregateCall): boolean => t.target?.grouping === "overlapping" || t.target?.grouping === "rolling";

/** Rows of which each counts: `unique` has no part in them. */
export function plainRows(c: AggregateCall, input: DslValue | undefined = c.inputs[0], wrap?: Wrap): AggregateRows | null {
  const rows = rowsOf(c.inner, input, wrap);
  return rows?.distinct === true ? c.t.scope.unsupported("an aggregate of distinct values") : rows;
}

const castTo =
  (dtype: string): Wrap =>
  (value) => ({ Cast: { expr: value, dtype: { Literal: dtype }, options: "NonStrict" } });

const physically: Wrap = (value) => castTo("Float64")({ Function: { input: [value], function: "ToPhysical" } });

/** As `plainRows`, decimals and the codes of categoricals as Float64, by lookup: polars makes floats of them before it computes with them. */
export function floatRows(c: AggregateCall, input: DslValue | undefined = c.inputs[0]): AggregateRows | null {
  const rows = plainRows(c, input);
  if (rows?.value.dtype.kind === "Categorical") return plainRows(c, input, physically);
  return rows?.value.dtype.kind === "Decimal" ? plainRows(c, input, castTo("Float64")) : rows;
}

/** Decimals as Booleans, by lookup. */
export function truthRows(c: AggregateCall): AggregateRows | null {
  const rows = rowsOf(c.inner, c.inputs[0]);
  return rows?.value.dtype.kind === "Decimal" ? rowsOf(c.inner, c.inputs[0], castTo("Boolean")) : rows;
}
