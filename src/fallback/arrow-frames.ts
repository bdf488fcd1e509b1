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
  tableToIPC,
  Uint32,
  Uint64,
} from "apache-arrow";
import { InternalError } from "../errors.ts";
import type { Physical } from "../ir/dtype.ts";
import type { NativeDataFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import type { Span } from "./ipc-file.ts";
import { blocksOf, chunkOf, footerSpan, TAIL_BYTES } from "./ipc-file.ts";

/** One column of one chunk: values as little-endian words, and validity bits. */
export interface HostColumn {
  readonly rows: number;
  /** Bytes of the values: bits for `bool`, else 4 or 8 bytes for each row. */
  readonly values: Uint8Array;
  /** Bitmap; null: no nulls. */
  readonly validity: Uint8Array | null;
}

/** Memory that files are written to, kept between calls because fresh memory is slow; larger ones are let go. */
const KEPT_BYTES = 1 << 26;
let memory = new Uint8Array(1 << 16);

/** The frame as an Arrow IPC file in `memory`. */
function fileOf(frame: NativeDataFrame): Uint8Array {
  let size = 0;
  const grow = (bytes: number): void => {
    if (bytes <= memory.byteLength) return;
    const larger = new Uint8Array(Math.max(bytes, 2 * memory.byteLength));
    larger.set(memory.subarray(0, size));
    memory = larger;
  };
  grow(frame.estimatedSize());
  quietly(() =>
    frame.writeIpc(
      {
        write: (chunk) => {
          grow(size + chunk.byteLength);
          memory.set(chunk, size);
          size += chunk.byteLength;
        },
      },
      "uncompressed",
    ),
  );
  return memory.subarray(0, size);
}

/** The chunks of a small frame whose columns are all fixed-width; outer index: chunk, inner: column. */
export function readFrame(frame: NativeDataFrame): readonly (readonly HostColumn[])[] {
  return useFrame(frame, (chunks) =>
    chunks.map((columns) =>
      columns.map(({ rows, values, validity }) => ({ rows, values: values.slice(), validity: validity?.slice() ?? null })),
    ),
  );
}

/** As `readFrame`, without a copy: `use`, which must be synchronous, sees the memory that the next call uses again. */
export function useFrame<T>(frame: NativeDataFrame, use: (chunks: readonly (readonly HostColumn[])[]) => T): T {
  const file = fileOf(frame);
  try {
    return use(chunksIn(file, frame.width));
  } finally {
    if (memory.byteLength > KEPT_BYTES) memory = new Uint8Array(KEPT_BYTES);
  }
}

function chunksIn(file: Uint8Array, width: number): readonly (readonly HostColumn[])[] {
  const bytesOf = ({ at, bytes }: Span): Uint8Array => file.subarray(at, at + bytes);
  const footer = footerSpan(file.subarray(-TAIL_BYTES), file.byteLength);
  if (footer === null) throw new InternalError("polars wrote something else than an Arrow IPC file");
  return blocksOf(bytesOf(footer)).map((block) => {
    const { rows, columns } = chunkOf(block, bytesOf(block.metadata), width);
    return columns.map(({ values, validity }) => ({
      rows,
      values: bytesOf(values),
      validity: validity === null ? null : bytesOf(validity),
    }));
  });
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
