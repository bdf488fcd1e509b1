/** Plain columns without nulls as series of polars, straight from their words: an Arrow file takes a hundred times as long to make for a few rows. */

import type { Physical } from "../ir/dtype.ts";
import type { NativePolars, NativeSeries } from "../polars/native.ts";
import type { HostColumn } from "./arrow-frames.ts";

const ALL_BITS = 0xff;

/** Whether the bits of all rows are set. */
function isFull(validity: Uint8Array, rows: number): boolean {
  const whole = rows >> 3;
  for (let at = 0; at < whole; at++) if (validity[at] !== ALL_BITS) return false;
  const rest = (1 << (rows & 7)) - 1;
  return rest === 0 || ((validity[whole] ?? 0) & rest) === rest;
}

/** The series `name`; null for booleans, and where there are nulls. The values have to stand at a multiple of their width. */
export function plainSeries(native: NativePolars, name: string, physical: Physical, column: HostColumn): NativeSeries | null {
  const { rows, values, validity } = column;
  if (validity !== null && !isFull(validity, rows)) return null;
  const { buffer, byteOffset } = values;
  switch (physical) {
    case "bool":
      return null;
    case "i32":
      return native.JsSeries.newInt32Array(name, new Int32Array(buffer, byteOffset, rows));
    case "u32":
    case "code":
      return native.JsSeries.newUint32Array(name, new Uint32Array(buffer, byteOffset, rows));
    case "f32":
      return native.JsSeries.newFloat32Array(name, new Float32Array(buffer, byteOffset, rows));
    case "i64":
      return native.JsSeries.newBigint64Array(name, new BigInt64Array(buffer, byteOffset, rows));
    case "u64":
      return native.JsSeries.newBiguint64Array(name, new BigUint64Array(buffer, byteOffset, rows));
    case "f64":
      return native.JsSeries.newFloat64Array(name, new Float64Array(buffer, byteOffset, rows));
  }
}
