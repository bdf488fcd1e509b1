/** Columns of Parquet files that can be decoded here, by what the footer says: flat ones of fixed width, stored as they are on the device. */

import type { FileMetaData, SchemaElement } from "hyparquet";
import type { DType, TimeUnit } from "../../ir/dtype.ts";
import type { Schema } from "../../ir/schema.ts";
import type { ColumnChunk } from "./column-chunk.ts";
import type { ParquetFile } from "./files.ts";

const CODECS = ["UNCOMPRESSED", "SNAPPY", "GZIP", "ZSTD"] as const;
export type Codec = (typeof CODECS)[number];

export interface ParquetColumn {
  readonly element: SchemaElement;
  /** A chunk for each row group. */
  readonly chunks: readonly ColumnChunk[];
  /** Whether a row may be null, as far as the footer says. */
  readonly mayBeNull: boolean;
}

const WORDS: Readonly<Record<string, 1 | 2>> = { INT32: 1, FLOAT: 1, INT64: 2, DOUBLE: 2, BYTE_ARRAY: 1 };
const ENCODINGS: ReadonlySet<string> = new Set(["PLAIN", "RLE", "BIT_PACKED", "PLAIN_DICTIONARY", "RLE_DICTIONARY"]);

/** Bytes of a dictionary page beyond which texts hardly repeat. */
const MOST_TEXT = 1 << 16;

const isCodec = (codec: string): codec is Codec => CODECS.some((known) => known === codec);

/** Where pages are decompressed and decoded; `device`: as far as the device knows how. */
export type Decoding = "device" | "threads";

const DEVICE_CODECS: ReadonlySet<Codec> = new Set(["UNCOMPRESSED", "ZSTD"]);

/** Whether the device can decode the column, as far as the footer says: of pages it knows those without nulls. */
export const decodesOnDevice = ({ chunks, mayBeNull }: ParquetColumn): boolean =>
  !mayBeNull && chunks.every(({ codec }) => DEVICE_CODECS.has(codec));

/** By name. */
export function decodableColumns({ schema, row_groups: groups }: FileMetaData): ReadonlyMap<string, ParquetColumn> {
  const columns = new Map<string, ParquetColumn>();
  for (const element of flatElements(schema)) {
    const words = WORDS[element.type ?? ""];
    if (words === undefined) continue;
    const chunks: ColumnChunk[] = [];
    let mayBeNull = false;
    for (const { columns: own, num_rows: rows } of groups) {
      const found = own.find(({ meta_data: data }) => data?.path_in_schema.length === 1 && data.path_in_schema[0] === element.name);
      const { meta_data: data, file_path: elsewhere, crypto_metadata: encrypted } = found ?? {};
      if (data === undefined || elsewhere !== undefined || encrypted !== undefined) break;
      if (!isCodec(data.codec) || !data.encodings.every((encoding) => ENCODINGS.has(encoding))) break;
      const {
        dictionary_page_offset: dictionary,
        data_page_offset: first,
        total_compressed_size: bytes,
        total_uncompressed_size: whole,
        statistics,
      } = data;
      const isOptional = element.repetition_type === "OPTIONAL";
      mayBeNull ||= isOptional && statistics?.null_count !== 0n && Number(statistics?.null_count ?? 1) !== 0;
      // Some writers leave the offset of a dictionary at 0.
      const at = Number(dictionary === undefined || dictionary === 0n ? first : dictionary);
      const dictionaryBytes = Number(first) - at;
      const isText = element.type === "BYTE_ARRAY";
      if (isText && (dictionaryBytes <= 0 || dictionaryBytes > MOST_TEXT)) break;
      const sizes = { bytes: Number(bytes), uncompressedBytes: Number(whole), dictionaryBytes, rows: Number(rows) };
      chunks.push({ at, ...sizes, codec: data.codec, words, isText, isOptional });
    }
    if (chunks.length === groups.length) columns.set(element.name, { element, chunks, mayBeNull });
  }
  return columns;
}

/** Elements below the root that hold values, one for each row. The schema lists every element before its children. */
function flatElements(schema: readonly SchemaElement[]): readonly SchemaElement[] {
  const flat: SchemaElement[] = [];
  let inside = 0;
  for (const element of schema.slice(1)) {
    const { num_children: children = 0, repetition_type: repetition } = element;
    if (inside === 0 && children === 0 && repetition !== "REPEATED") flat.push(element);
    inside = Math.max(0, inside - 1) + children;
  }
  return flat;
}

const UNITS: Readonly<Record<TimeUnit, string>> = { ms: "MILLIS", us: "MICROS", ns: "NANOS" };

/** Whether the bytes of the column are those of the dtype on the device. */
export function isStoredAs(dtype: DType, { type, logical_type: logical, converted_type: converted }: SchemaElement): boolean {
  const integer = (bits: number, isSigned: boolean): boolean =>
    logical?.type === "INTEGER"
      ? logical.bitWidth === bits && logical.isSigned === isSigned
      : logical === undefined && (converted === undefined ? isSigned && bits >= 32 : converted === `${isSigned ? "INT" : "UINT"}_${bits}`);
  const plain = logical === undefined && converted === undefined;
  switch (dtype.kind) {
    case "Int8":
    case "Int16":
    case "Int32":
      return type === "INT32" && integer(Number(dtype.kind.slice(3)), true);
    case "UInt8":
    case "UInt16":
    case "UInt32":
      return type === "INT32" && integer(Number(dtype.kind.slice(4)), false);
    case "Int64":
      return type === "INT64" && integer(64, true);
    case "UInt64":
      return type === "INT64" && integer(64, false);
    case "Float32":
      return type === "FLOAT" && plain;
    case "Float64":
      return type === "DOUBLE" && plain;
    case "Date":
      return type === "INT32" && (logical?.type === "DATE" || (logical === undefined && converted === "DATE"));
    case "Datetime":
      return type === "INT64" && logical?.type === "TIMESTAMP" && String(logical.unit) === UNITS[dtype.unit];
    case "String":
      return type === "BYTE_ARRAY" && (logical?.type === "STRING" || (logical === undefined && converted === "UTF8"));
    case "Time":
      return type === "INT64" && logical?.type === "TIME" && String(logical.unit) === UNITS.ns;
    default:
      return false;
  }
}

/** Columns that are stored in every file as they are on the device. */
export const decodable = (files: readonly ParquetFile[], schema: Schema): Schema =>
  schema.filter(({ name, dtype }) =>
    files.every(({ decodable: columns }) => {
      const column = columns.get(name);
      return column !== undefined && isStoredAs(dtype, column.element);
    }),
  );

/** Whether the device can decode all of these columns in every file. */
export const decodesAllOnDevice = (files: readonly ParquetFile[], schema: Schema): boolean =>
  decodable(files, schema).length === schema.length &&
  files.every(({ decodable: columns }) =>
    schema.every(({ name }) => {
      const column = columns.get(name);
      return column !== undefined && decodesOnDevice(column);
    }),
  );
