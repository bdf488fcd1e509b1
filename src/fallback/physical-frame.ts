/** What the device holds of a frame's columns, as polars expressions: plain values, and codes into dictionaries for everything else. */

import type { Dictionary } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { physicalOf } from "../ir/dtype.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import type { Field, Schema } from "../ir/schema.ts";
import type { DslExpr } from "../polars/dsl.ts";
import { castDsl, dtypeToDsl, isNarrow } from "../polars/dtypes.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";
import { readFrame } from "./arrow-frames.ts";
import { categoriesOf, distinctTexts } from "./distinct-texts.ts";
import { functionOf, HostDictionary, rename, select } from "./host-dictionary.ts";

/** The columns c0, c1, ... of a frame, one for each field of a schema, all of fixed width once `exprs` are computed. */
export interface PhysicalFrame {
  readonly frame: NativeDataFrame;
  /** The column of each field over `frame` or any slice of it; null exactly where `frame` is null. */
  readonly exprs: readonly DslExpr[];
  /** The meaning of the codes of each field, null for plain values. Complete once all rows of `exprs` have been computed. */
  readonly dictionaries: () => Promise<readonly (Dictionary | null)[]>;
}

/** Rows that are looked at to decide whether the values of a column repeat. */
const SAMPLE = 4096;
/** A column is encoded to its distinct values when the sample has fewer distinct values than this share. */
const REPEATING = 0.5;

const columnOf = (i: number): DslExpr => ({ Column: `c${i}` });
const isCategorical = ({ dtype }: Field): boolean => dtype.kind === "Categorical" || dtype.kind === "Enum";

/** A plain column as the device holds it: narrow integers are widened to a word. */
export const plainExpr = (column: DslExpr, dtype: DType): DslExpr => {
  if (!isNarrow(dtype)) return column;
  return castDsl(column, dtype.kind === "UInt8" || dtype.kind === "UInt16" ? { kind: "UInt32" } : { kind: "Int32" });
};

/** Row numbers where the column is not null. */
const numbered = (column: DslExpr): DslExpr => ({
  Ternary: {
    predicate: functionOf({ Boolean: "IsNotNull" }, column),
    truthy: castDsl(
      functionOf({ Range: { IntRange: { step: 1, dtype: { Literal: "UInt32" } } } }, { Literal: { Scalar: { Int64: 0 } } }, "Len"),
      { kind: "UInt32" },
    ),
    falsy: { Literal: { Scalar: { Null: "Null" } } },
  },
});

/** The physical columns of `schema`, which is not empty. */
export async function physicalFrame(native: NativePolars, frame: NativeDataFrame, schema: Schema): Promise<PhysicalFrame> {
  const repeating = await repeatingColumns(native, frame, schema);
  const isNumbered = (field: Field): boolean => physicalOf(field.dtype) === "code" && !isCategorical(field) && !repeating.has(field.name);
  const columns = schema.map((field, i) => {
    const column: DslExpr = { Column: field.name };
    return rename(isNumbered(field) ? numbered(column) : column, `c${i}`);
  });
  const held = await select(native, frame, columns);
  const makers = await Promise.all(
    schema.map(async (field, i): Promise<readonly [DslExpr, () => Promise<Dictionary | null>]> => {
      if (physicalOf(field.dtype) !== "code") return [plainExpr(columnOf(i), field.dtype), async () => null];
      if (isNumbered(field)) return [columnOf(i), () => rowsOf(native, frame, field)];
      if (isCategorical(field)) return [functionOf("ToPhysical", columnOf(i)), () => categories(native, frame, field)];
      return distinctTexts(native, held, columnOf(i));
    }),
  );
  return {
    frame: held,
    exprs: makers.map(([expr], i) => rename(expr, `c${i}`)),
    dictionaries: () => Promise.all(makers.map(([, dictionary]) => dictionary())),
  };
}

/** Codes are row numbers. */
async function rowsOf(native: NativePolars, frame: NativeDataFrame, { name, dtype }: Field): Promise<Dictionary> {
  return new HostDictionary(await select(native, frame, [rename({ Column: name }, LOOKUP_COLUMN)]), dtype, "any");
}

/** Codes are polars' own. */
async function categories(native: NativePolars, frame: NativeDataFrame, { name, dtype }: Field): Promise<Dictionary> {
  const entries: DslExpr = {
    Cast: { expr: categoriesOf({ Column: name }), dtype: { Literal: dtypeToDsl(dtype) }, options: "NonStrict" },
  };
  const frameOf = await select(native, frame.slice(0, 0), [rename(entries, LOOKUP_COLUMN)]);
  return new HostDictionary(frameOf, dtype, dtype.kind === "Enum" ? "sorted" : "unique");
}

/** Names of the strings whose values repeat, by a sample of their rows. */
async function repeatingColumns(native: NativePolars, frame: NativeDataFrame, schema: Schema): Promise<ReadonlySet<string>> {
  const strings = schema.filter(({ dtype }) => dtype.kind === "String");
  if (strings.length === 0) return new Set();
  const step = Math.max(1, Math.floor(frame.height / SAMPLE));
  const counts = strings.map(({ name }, i) => {
    const sample = functionOf({ GatherEvery: { n: step, offset: 0 } }, { Column: name });
    return rename({ Agg: { NUnique: sample } }, `c${i}`);
  });
  const distinct = readCounts(await select(native, frame, counts));
  const most = Math.ceil(frame.height / step) * REPEATING;
  return new Set(strings.filter((_, i) => (distinct[i] ?? 0) <= most).map(({ name }) => name));
}

/** How many rows of each column of a physical frame, or of a slice of it, are null. */
export async function nullCounts(native: NativePolars, frame: NativeDataFrame): Promise<readonly number[]> {
  const counts = frame.columns.map((name) => rename(functionOf("NullCount", { Column: name }), name));
  return readCounts(await select(native, frame, counts));
}

/** The only row of a frame of UInt32 columns. */
const readCounts = (frame: NativeDataFrame): readonly number[] =>
  (readFrame(frame)[0] ?? []).map(({ values }) => new DataView(values.buffer, values.byteOffset).getUint32(0, true));
