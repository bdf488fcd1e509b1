/** CPU polars -> device: frames become batches of columns, strings and everything without a kernel become codes into a dictionary. */

import { InternalError } from "../errors.ts";
import type { Column } from "../gpu/column.ts";
import { columnWords, valueWords } from "../gpu/column.ts";
import type { Device } from "../gpu/device.ts";
import type { Dictionary } from "../gpu/dictionary.ts";
import type { DType } from "../ir/dtype.ts";
import { physicalOf } from "../ir/dtype.ts";
import { LOOKUP_COLUMN } from "../ir/expr.ts";
import type { Schema } from "../ir/schema.ts";
import type { DslExpr } from "../polars/dsl.ts";
import { castDsl, dtypeToDsl, isNarrow } from "../polars/dtypes.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import type { HostColumn } from "./arrow-frames.ts";
import { readFrame } from "./arrow-frames.ts";
import { functionOf, HostDictionary, rename, select } from "./host-dictionary.ts";

export interface ImportedBatch {
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Column>;
}

/** Rows that are looked at to decide whether the values of a column repeat. */
const SAMPLE = 4096;
/** A column is encoded to its distinct values when the sample has fewer distinct values than this share. */
const REPEATING = 0.5;

let nextNamespace = 0;

const rowNumbers: DslExpr = castDsl(
  functionOf({ Range: { IntRange: { step: 1, dtype: { Literal: "UInt32" } } } }, { Literal: { Scalar: { Int64: 0 } } }, "Len"),
  { kind: "UInt32" },
);

interface Coded {
  readonly codes: DslExpr;
  readonly frame: NativeDataFrame;
  readonly dictionary: Dictionary;
}

/** Codes for a column, as an expression over `frame`: its distinct values, or where they do not repeat simply its row numbers. */
async function encode(native: NativePolars, frame: NativeDataFrame, name: string, dtype: DType): Promise<Coded> {
  const column: DslExpr = { Column: name };
  if (dtype.kind === "Categorical" || dtype.kind === "Enum") {
    const categories = await select(native, frame, [
      rename(
        {
          Cast: { expr: functionOf({ Categorical: "GetCategories" }, column), dtype: { Literal: dtypeToDsl(dtype) }, options: "NonStrict" },
        },
        LOOKUP_COLUMN,
      ),
    ]);
    return {
      codes: functionOf("ToPhysical", column),
      frame,
      dictionary: new HostDictionary(categories, dtype, dtype.kind === "Enum" ? "sorted" : "unique"),
    };
  }
  if (dtype.kind === "String" && (await repeats(native, frame, name))) {
    const namespace = { Categorical: { name: `${nextNamespace++}`, namespace: "polars-webgpu", physical: "U32" } };
    const categorical = await select(native, frame, [
      rename({ Cast: { expr: column, dtype: { Literal: namespace }, options: "Strict" } }, name),
    ]);
    const entries = await select(native, categorical, [rename(functionOf({ Categorical: "GetCategories" }, column), LOOKUP_COLUMN)]);
    return { codes: functionOf("ToPhysical", column), frame: categorical, dictionary: new HostDictionary(entries, dtype, "unique") };
  }
  const entries = await select(native, frame, [rename(column, LOOKUP_COLUMN)]);
  const codes: DslExpr = {
    Ternary: {
      predicate: functionOf({ Boolean: "IsNotNull" }, column),
      truthy: rowNumbers,
      falsy: { Literal: { Scalar: { Null: "Null" } } },
    },
  };
  return { codes, frame, dictionary: new HostDictionary(entries, dtype, "any") };
}

async function repeats(native: NativePolars, frame: NativeDataFrame, name: string): Promise<boolean> {
  const step = Math.max(1, Math.floor(frame.height / SAMPLE));
  const sample = functionOf({ GatherEvery: { n: step, offset: 0 } }, { Column: name });
  const counted = await select(native, frame, [rename({ Agg: { NUnique: sample } }, "distinct")]);
  const [chunk] = readFrame(counted);
  const distinct = new DataView(chunk?.[0]?.values.slice().buffer ?? new ArrayBuffer(4)).getUint32(0, true);
  return distinct <= Math.ceil(frame.height / step) * REPEATING;
}

/** The columns of `schema` in batches of at most `maxRows` rows; at least one batch. Owned by the caller. */
export async function importFrame(
  native: NativePolars,
  device: Device,
  frame: NativeDataFrame,
  schema: Schema,
  maxRows: number,
): Promise<readonly ImportedBatch[]> {
  const rows = frame.height;
  if (schema.length === 0) return slicesOf(rows, maxRows).map(({ length }) => ({ rows: length, columns: new Map() }));
  const plain: DslExpr[] = [];
  const physical: NativeDataFrame[] = [];
  const dictionaries: (Dictionary | null)[] = [];
  const order: { readonly part: number; readonly at: number }[] = [];
  for (const field of schema) {
    const column: DslExpr = { Column: field.name };
    if (physicalOf(field.dtype) === "code") {
      const coded = await encode(native, frame, field.name, field.dtype);
      physical.push(await select(native, coded.frame, [rename(coded.codes, "codes")]));
      order.push({ part: physical.length, at: 0 });
      dictionaries.push(coded.dictionary);
    } else {
      const wide: DType = field.dtype.kind === "UInt8" || field.dtype.kind === "UInt16" ? { kind: "UInt32" } : { kind: "Int32" };
      order.push({ part: 0, at: plain.length });
      plain.push(rename(isNarrow(field.dtype) ? castDsl(column, wide) : column, `c${plain.length}`));
      dictionaries.push(null);
    }
  }
  const parts = plain.length === 0 ? [frame.slice(0, 0), ...physical] : [await select(native, frame, plain), ...physical];
  const batches: ImportedBatch[] = [];
  for (const { offset, length } of slicesOf(rows, maxRows)) {
    const read = parts.map((part, i) => (i === 0 && plain.length === 0 ? [] : oneChunk(part, offset, length)));
    const columns = schema.map((field, f): [string, Column] => {
      const { part = 0, at = 0 } = order[f] ?? {};
      const host = read[part]?.[at];
      if (host === undefined) throw new InternalError(`column ${JSON.stringify(field.name)} was not exported`);
      return [field.name, upload(device, host, field.dtype, dictionaries[f] ?? null)];
    });
    batches.push({ rows: length, columns: new Map(columns) });
  }
  return batches;
}

const slicesOf = (rows: number, maxRows: number): readonly { readonly offset: number; readonly length: number }[] => {
  const slices = [];
  for (let offset = 0; offset < rows || offset === 0; offset += maxRows) slices.push({ offset, length: Math.min(maxRows, rows - offset) });
  return slices;
};

function oneChunk(frame: NativeDataFrame, offset: number, length: number): readonly HostColumn[] {
  const part = quietly(() => {
    const sliced = offset === 0 && length === frame.height ? frame : frame.slice(offset, length);
    return sliced.nChunks() > 1 ? sliced.rechunk() : sliced;
  });
  const [chunk] = readFrame(part);
  if (chunk !== undefined) return chunk;
  return part.getColumns().map(() => ({ rows: 0, values: new Uint8Array(0), validity: null }));
}

/** A single column of a frame. */
export async function importColumn(
  native: NativePolars,
  device: Device,
  frame: NativeDataFrame,
  name: string,
  dtype: DType,
): Promise<Column> {
  const [batch] = await importFrame(native, device, frame, [{ name, dtype }], Number.MAX_SAFE_INTEGER);
  const column = batch?.columns.get(name);
  if (column === undefined) throw new InternalError(`column ${JSON.stringify(name)} was not imported`);
  return column;
}

function upload(device: Device, host: HostColumn, dtype: DType, dictionary: Dictionary | null): Column {
  const nullable = host.validity !== null;
  const buffer = device.alloc(columnWords(dtype, host.rows, nullable), "import");
  const physical = physicalOf(dtype);
  if (host.rows > 0)
    device.write(
      buffer,
      0,
      physical === "bool"
        ? bitmap(host.values, host.rows)
        : wholeWords(host.values, host.rows * (physical === "i64" || physical === "u64" || physical === "f64" ? 8 : 4)),
    );
  const validityOffset = nullable ? valueWords(dtype, host.rows) : null;
  if (host.validity !== null && validityOffset !== null) device.write(buffer, validityOffset, bitmap(host.validity, host.rows));
  return { dtype, length: host.rows, buffer, validityOffset, dictionary };
}

const wholeWords = (bytes: Uint8Array, size: number): Uint8Array => bytes.subarray(0, size);

/** The bitmap padded to whole words, with zero bits behind the last row. */
function bitmap(bits: Uint8Array, rows: number): Uint8Array {
  const padded = new Uint8Array(Math.ceil(rows / 32) * 4);
  const used = Math.ceil(rows / 8);
  padded.set(bits.subarray(0, used));
  const rest = rows % 8;
  const last = padded[used - 1];
  if (rest > 0 && last !== undefined) padded[used - 1] = last & ((1 << rest) - 1);
  return padded;
}
