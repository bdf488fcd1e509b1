/** How much a source holds, without reading it: rows of frames, footers of Parquet files. */

import type { Frame, Scan } from "../ir/plan.ts";
import { selectivity } from "../ir/selectivity.ts";
import type { NativeDataFrame } from "../polars/native.ts";
import { decodesAllOnDevice } from "./parquet/columns.ts";
import { parquetFiles, rangeIn, rowsIn } from "./parquet/files.ts";
import { rowBytes } from "./partitions.ts";
import { partOfFrame, type Residents } from "./residents.ts";

export interface SourceSize {
  /** About how many, of those that the predicate of a scan leaves. */
  readonly rows: number;
  /** Bytes of its columns that are not on the device, as they are moved. */
  readonly missingBytes: number;
  /** Whether they stay there once they are. */
  readonly stays: boolean;
}

/** What columns that the device decodes take in a file, of what they take on the device. */
const COMPRESSED = 0.25;

/** Null for files whose size only reading tells. */
export async function sourceSize(
  plan: Frame | Scan,
  frames: ReadonlyMap<number, NativeDataFrame>,
  residents: Residents,
): Promise<SourceSize | null> {
  if (plan.kind === "frame") {
    const value = frames.get(plan.source);
    if (value === undefined) return null;
    const part = partOfFrame(plan.source, value, { offset: 0, length: value.height });
    return { rows: part.rows, missingBytes: residents.missingBytes(part, plan.schema), stays: residents.keeps(part, plan.schema) };
  }
  const files = await parquetFiles(plan).catch(() => null);
  if (files === null) return null;
  const all = rowsIn(files);
  const rows = plan.predicate === null ? all : Math.ceil(all * selectivity(plan.predicate, (column) => rangeIn(files, column)));
  const stays = residents.keeps({ key: "", frame: null, rows, sourceRows: rows }, plan.schema);
  const moved = decodesAllOnDevice(files, plan.schema) ? all * rowBytes(plan.schema) * COMPRESSED : rows * rowBytes(plan.schema);
  return { rows, missingBytes: moved, stays };
}
