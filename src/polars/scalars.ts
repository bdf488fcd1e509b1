/** Values out of CPU polars: constants and short lists, exact. */

import { tableFromIPC } from "apache-arrow";
import type { DType } from "../ir/dtype.ts";
import { physicalOf } from "../ir/dtype.ts";
import type { LiteralValue } from "../ir/expr.ts";
import { exprFromDsl } from "./composing.ts";
import type { DslExpr } from "./dsl.ts";
import { castDsl, dtypeFromDsl } from "./dtypes.ts";
import type { NativeDataFrame, NativePolars } from "./native.ts";
import { quietly } from "./quiet.ts";
import { zeroFrame } from "./zero-frame.ts";

export interface Constant {
  readonly dtype: DType;
  readonly values: readonly LiteralValue[];
}

/** The dtype under which a value is read exactly: integers of every kind as 64 bits, floats as f64. */
const readable = (dtype: DType): DType | null => {
  switch (physicalOf(dtype)) {
    case "bool":
      return { kind: "Boolean" };
    case "i32":
    case "i64":
      return { kind: "Int64" };
    case "u32":
    case "u64":
      return { kind: "UInt64" };
    case "f32":
    case "f64":
      return { kind: "Float64" };
    case "code":
      return dtype.kind === "String" ? dtype : null;
  }
};

/** A frame to evaluate constants on. */
export const oneRow = (native: NativePolars): NativeDataFrame =>
  quietly(() => new native.JsDataFrame([native.JsSeries.newUint32Array("seed", new Uint32Array(1))]));

/** An expression without columns, over one row. @throws what polars throws. */
const constantFrame = (native: NativePolars, expr: DslExpr): NativeDataFrame =>
  quietly(() =>
    oneRow(native)
      .lazy()
      .select([exprFromDsl(native, { Alias: [expr, "value"] })])
      .collectSync("auto"),
  );

/** How many values an expression without columns has; null where polars rejects it. */
export function constantHeight(native: NativePolars, expr: DslExpr): number | null {
  try {
    return constantFrame(native, expr).height;
  } catch {
    return null;
  }
}

/**
 * Evaluates an expression without columns. Null where its dtype has no literal in the IR (a list, say) or polars rejects it; `limit`:
 * more values than that are not read either.
 */
export function evaluateConstant(native: NativePolars, expr: DslExpr, limit = 1): Constant | null {
  try {
    return readColumn(native, constantFrame(native, expr), limit);
  } catch {
    return null;
  }
}

function readColumn(native: NativePolars, frame: NativeDataFrame, limit: number): Constant | null {
  const [field] = zeroFrame(frame).fields;
  if (field === undefined || frame.height > limit) return null;
  const dtype = dtypeFromDsl(field[1]);
  const as = readable(dtype);
  if (as === null) return null;
  const physical = quietly(() =>
    frame
      .lazy()
      .select([exprFromDsl(native, castDsl({ Column: "value" }, as))])
      .collectSync("auto"),
  );
  const chunks: Uint8Array[] = [];
  quietly(() => physical.writeIpc({ write: (chunk) => void chunks.push(chunk.slice()) }, "uncompressed"));
  const column = tableFromIPC(Buffer.concat(chunks)).getChildAt(0);
  const values: LiteralValue[] = [];
  for (const value of column ?? []) {
    if (value === null || typeof value === "boolean" || typeof value === "bigint" || typeof value === "number" || typeof value === "string")
      values.push(value);
    else return null;
  }
  return { dtype, values };
}
