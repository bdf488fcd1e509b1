/** Device -> CPU polars: batches become a native frame with exactly the dtypes of the schema. */

import { InternalError } from "../errors.ts";
import type { Column } from "../gpu/column.ts";
import { bitmapWords } from "../gpu/column.ts";
import type { Device, Part } from "../gpu/device.ts";
import type { DType } from "../ir/dtype.ts";
import { physicalOf, storageOf, WORDS } from "../ir/dtype.ts";
import type { Schema } from "../ir/schema.ts";
import type { DslExpr } from "../polars/dsl.ts";
import { castDsl } from "../polars/dtypes.ts";
import type { NativeDataFrame, NativePolars, NativeSeries } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import type { HostColumn } from "./arrow-frames.ts";
import { writeFrame } from "./arrow-frames.ts";
import { HostDictionary, select } from "./host-dictionary.ts";
import type { ImportedBatch } from "./import.ts";
import { plainSeries } from "./plain-series.ts";

/** The batches behind one another; one round trip, none where they have no rows. The batches stay the caller's. */
export async function exportFrame(
  native: NativePolars,
  device: Device,
  batches: readonly ImportedBatch[],
  schema: Schema,
): Promise<NativeDataFrame> {
  const columns = batches.map((batch) => schema.map((f) => columnOf(batch, f.name)));
  const parts = columns.flat().flatMap(partsOf);
  const words = parts.some((part) => part.words > 0) ? await device.readMany(parts) : [];
  let next = 0;
  const frames: NativeDataFrame[] = [];
  for (const batch of columns) {
    const host = batch.map((column): HostColumn => {
      const values = words[next++] ?? new Uint32Array(0);
      const validity = column.validityOffset === null ? null : (words[next++] ?? new Uint32Array(0));
      return { rows: column.length, values: bytesOf(values), validity: validity === null ? null : bytesOf(validity) };
    });
    frames.push(await frameOf(native, batch, host, schema));
  }
  return stacked(frames);
}

/** Frames of the same columns behind one another; at least one. */
export const stacked = (frames: readonly NativeDataFrame[]): NativeDataFrame =>
  quietly(() => frames.reduce((all, frame) => all.vstack(frame)));

const columnOf = (batch: ImportedBatch, name: string): Column => {
  const column = batch.columns.get(name);
  if (column === undefined) throw new InternalError(`the result has no column ${JSON.stringify(name)}`);
  return column;
};

const partsOf = (column: Column): readonly Part[] => {
  const values = { buffer: column.buffer, word: 0, words: Math.ceil(column.length * WORDS[storageOf(column.dtype)]) };
  return column.validityOffset === null
    ? [values]
    : [values, { buffer: column.buffer, word: column.validityOffset, words: bitmapWords(column.length) }];
};

const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

async function frameOf(
  native: NativePolars,
  columns: readonly Column[],
  host: readonly HostColumn[],
  schema: Schema,
): Promise<NativeDataFrame> {
  const decoded = quietly(
    () =>
      new native.JsDataFrame(
        physicalSeries(native, columns, host).map((physical, i) => {
          const column = columns[i];
          const series = column === undefined ? physical : valuesOf(column, physical);
          series.rename(schema[i]?.name ?? "");
          return series;
        }),
      ),
  );
  if (schema.every((field) => isPhysical(field.dtype))) return decoded;
  const named = schema.map((field): DslExpr => ({ Column: field.name }));
  return select(
    native,
    decoded,
    schema.map((field, i) => (isPhysical(field.dtype) ? (named[i] ?? "") : castDsl(named[i] ?? "", field.dtype))),
  );
}

/** The columns as they are on the device; only what a series cannot be made of directly goes through an Arrow file. */
function physicalSeries(native: NativePolars, columns: readonly Column[], host: readonly HostColumn[]): readonly NativeSeries[] {
  const physical = columns.map((column, i) => ({ physical: physicalOf(column.dtype), column: host[i] ?? NO_ROWS }));
  const plain = physical.map(({ physical: kind, column }) => plainSeries(native, "", kind, column));
  const others = physical.filter((_, i) => plain[i] === null);
  const written = others.length === 0 ? [].values() : writeFrame(native, others).getColumns().values();
  return plain.map((series) => {
    const some = series ?? written.next().value;
    if (some === undefined) throw new InternalError("a column was not written");
    return some;
  });
}

const NO_ROWS: HostColumn = { rows: 0, values: new Uint8Array(0), validity: null };

/** The values themselves, for a code column those that the codes stand for. */
function valuesOf(column: Column, series: NativeSeries): NativeSeries {
  if (physicalOf(column.dtype) !== "code") return series;
  if (!(column.dictionary instanceof HostDictionary)) throw new InternalError("a code column without its dictionary");
  return column.dictionary.entries.takeWithSeries(series);
}

const PHYSICAL: ReadonlySet<string> = new Set(["Boolean", "Int32", "Int64", "UInt32", "UInt64", "Float32", "Float64"]);
/** Dtypes that the frame has already without a cast. */
const isPhysical = (dtype: DType): boolean => PHYSICAL.has(dtype.kind) || physicalOf(dtype) === "code";
