/** Plain columns between CPU polars and typed arrays, as Arrow IPC: fixed-width values, bitmaps, validity. */

import {
  Bool,
  type Data,
  Field,
  Float32,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Uint32,
  Uint64,
} from "apache-arrow";
import { InternalError } from "../errors.ts";
import type { Physical } from "../ir/dtype.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";

/** One column of one chunk: values as little-endian words and validity bits, both views into memory that stays valid only until the next call. */
export interface HostColumn {
  readonly rows: number;
  /** Bytes of the values: bits for `bool`, else 4 or 8 bytes for each row. */
  readonly values: Uint8Array;
  /** Bitmap; null: no nulls. */
  readonly validity: Uint8Array | null;
}

const chunksOf = (frame: NativeDataFrame): Uint8Array => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  frame.writeIpc(
    {
      write: (chunk) => {
        chunks.push(chunk.slice());
        size += chunk.byteLength;
      },
    },
    "uncompressed",
  );
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
};

/** The chunks of a frame whose columns are all fixed-width; outer index: chunk, inner: column. */
export function readFrame(frame: NativeDataFrame): readonly (readonly HostColumn[])[] {
  const table = tableFromIPC(chunksOf(frame));
  return table.batches.map((batch) => batch.data.children.map(hostColumn));
}

function hostColumn(data: Data): HostColumn {
  const { values, length: rows } = data;
  if (!ArrayBuffer.isView(values)) throw new InternalError(`an Arrow column of type ${data.type} has no plain values`);
  if (data.offset !== 0) throw new InternalError("an Arrow column starts inside its buffers");
  return {
    rows,
    values: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    validity: data.nullCount > 0 && data.nullBitmap !== null && data.nullBitmap.byteLength > 0 ? data.nullBitmap : null,
  };
}

interface PhysicalColumn {
  readonly physical: Physical;
  readonly column: HostColumn;
}

/** The Arrow data of a physical column, over the same memory. */
function arrowData({ physical, column }: PhysicalColumn): Data {
  const { buffer, byteOffset, byteLength } = column.values;
  const common = { length: column.rows, nullCount: column.validity === null ? 0 : -1, nullBitmap: column.validity };
  switch (physical) {
    case "bool":
      return makeData({ ...common, type: new Bool(), data: column.values });
    case "i32":
      return makeData({ ...common, type: new Int32(), data: new Int32Array(buffer, byteOffset, byteLength / 4) });
    case "u32":
    case "code":
      return makeData({ ...common, type: new Uint32(), data: new Uint32Array(buffer, byteOffset, byteLength / 4) });
    case "f32":
      return makeData({ ...common, type: new Float32(), data: new Float32Array(buffer, byteOffset, byteLength / 4) });
    case "i64":
      return makeData({ ...common, type: new Int64(), data: new BigInt64Array(buffer, byteOffset, byteLength / 8) });
    case "u64":
      return makeData({ ...common, type: new Uint64(), data: new BigUint64Array(buffer, byteOffset, byteLength / 8) });
    case "f64":
      return makeData({ ...common, type: new Float64(), data: new Float64Array(buffer, byteOffset, byteLength / 8) });
  }
}

/** A frame of the physical columns c0, c1, ...: integers, floats and booleans. */
export function writeFrame(native: NativePolars, columns: readonly PhysicalColumn[]): NativeDataFrame {
  const children = columns.map(arrowData);
  const fields = children.map((data, i) => new Field(`c${i}`, data.type, true));
  const length = columns[0]?.column.rows ?? 0;
  const data = makeData({ type: new Struct(fields), length, nullCount: 0, children });
  const bytes = tableToIPC(new Table(new Schema(fields), [new RecordBatch(new Schema(fields), data)]), "file");
  return native.readIpc(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), {});
}
