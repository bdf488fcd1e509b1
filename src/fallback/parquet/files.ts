/** The local Parquet files that a scan reads, one by one: their row groups, and the scan of some of them, as they were when it was planned. */

import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FileMetaData } from "hyparquet";
import { InternalError } from "../../errors.ts";
import type { Scan } from "../../ir/plan.ts";
import type { ValueRange } from "../../ir/selectivity.ts";
import { type DslObject, type DslPlan, type DslValue, isList, isObject, planNode, tag } from "../../polars/dsl.ts";
import { parseExact } from "../../polars/dsl-text.ts";
import type { Rows } from "../partitions.ts";
import { filesMatching, isPattern } from "../path-pattern.ts";
import { readSpan } from "../read-span.ts";
import { decodableColumns, type ParquetColumn } from "./columns.ts";

/** A file as it was when its footer was read. */
export interface ParquetFile {
  readonly path: string;
  /** Rows of its row groups. */
  readonly groups: readonly number[];
  /** Another one whenever the file has been written or replaced. */
  readonly version: string;
  /** Equal for files of the same columns. */
  readonly columns: string;
  /** Least and greatest values as the footer has them: temporal values as their physical integers. */
  readonly ranges: ReadonlyMap<string, ValueRange>;
  /** Columns that can be decoded here. */
  readonly decodable: ReadonlyMap<string, ParquetColumn>;
}

/** The files in the order in which polars reads them; null where a scan of some of them could give other rows or columns than the scan of all. */
export async function parquetFiles(plan: Scan): Promise<readonly ParquetFile[] | null> {
  const paths = plan.format.toLowerCase() === "parquet" ? localPaths(payloadOf(plan)) : null;
  if (paths === null) return null;
  const found: string[] = [];
  for (const path of paths) {
    const own = await filesAt(path);
    if (own === null) return null;
    found.push(...own);
  }
  const files = await Promise.all(found.map(parquetFile));
  const [first] = files;
  return first !== undefined && files.every(({ columns }) => columns === first.columns) ? files : null;
}

/** The files that rows of all of them are in, and which of their rows those are. */
export interface PartOfFiles {
  readonly files: readonly ParquetFile[];
  /** The first file's first row. */
  readonly start: number;
  /** Null: all rows. */
  readonly rows: Rows | null;
}

export const rowsIn = (files: readonly ParquetFile[]): number =>
  files.reduce((n, { groups }) => groups.reduce((m, rows) => m + rows, n), 0);

export const rowsOfPart = ({ files, rows }: PartOfFiles): number => rows?.length ?? rowsIn(files);

/** At least one file. */
export function filesWithin(files: readonly ParquetFile[], { offset, length }: Rows): PartOfFiles {
  const own: ParquetFile[] = [];
  let first = 0;
  let row = 0;
  for (const file of files) {
    const end = row + rowsIn([file]);
    if (end > offset && row < offset + length) {
      if (own.length === 0) first = row;
      own.push(file);
    }
    row = end;
  }
  if (own.length === 0) return { files: files.slice(0, 1), start: offset, rows: { offset: 0, length: 0 } };
  const whole = offset === first && length === rowsIn(own);
  return { files: own, start: first, rows: whole ? null : { offset: offset - first, length } };
}

/** The scan of these rows alone, which are numbered as in the scan of all. */
export function scanOf(plan: Scan, { files, start, rows }: PartOfFiles): DslPlan {
  const payload = payloadOf(plan);
  const { unified_scan_args: args } = payload;
  if (!isObject(args)) throw new InternalError("a scan without arguments");
  const { row_index: numbered } = args;
  const index: DslValue = isObject(numbered) ? { ...numbered, offset: Number(numbered.offset) + start } : null;
  const plain = pathsOf(payload)?.every((path) => typeof path === "string") === true;
  const paths = files.map(({ path }): DslValue => (plain ? path : { inner: path }));
  const scan = planNode("Scan", {
    ...payload,
    sources: { Paths: paths },
    unified_scan_args: { ...args, glob: false, row_index: index },
  });
  return rows === null ? scan : { Slice: { input: scan, offset: rows.offset, len: rows.length } };
}

/** @throws Error when a file is not what it was when the scan was planned: rows would be missing or there twice. */
export async function assertUnchanged({ files }: PartOfFiles): Promise<void> {
  for (const { path, version } of files)
    if ((await versionOf(path)) !== version) throw new Error(`the file ${path} changed while a query read it`);
}

function payloadOf(plan: Scan): DslObject {
  const [, payload] = tag(parseExact(plan.dsl));
  if (!isObject(payload)) throw new InternalError("a scan without a payload");
  return payload;
}

function pathsOf({ sources }: DslObject): readonly DslValue[] | null {
  const paths = isObject(sources) ? sources.Paths : undefined;
  return isList(paths) ? paths : null;
}

/** Arguments of a scan that make its rows or columns depend on more than the files. */
const OF_ALL_FILES = ["include_file_paths", "deletion_files", "pre_slice", "projection", "column_mapping", "default_values"] as const;

/** The paths that a scan names; null where it is not about files on this machine alone, file by file. */
function localPaths(payload: DslObject): readonly string[] | null {
  const { unified_scan_args: args } = payload;
  const paths = pathsOf(payload);
  if (paths === null || !isObject(args)) return null;
  const { hive_options: hive } = args;
  if (OF_ALL_FILES.some((name) => (args[name] ?? null) !== null) || (isObject(hive) && hive.enabled === true)) return null;
  const texts = paths.map((path) =>
    typeof path === "string" ? path : isObject(path) && typeof path.inner === "string" ? path.inner : null,
  );
  if (!texts.every((text) => text !== null)) return null;
  return args.glob === false && texts.some(isPattern) ? null : texts;
}

async function filesAt(path: string): Promise<readonly string[] | null> {
  if (/^[a-z][a-z0-9+]+:\/\//.test(path)) return null;
  if (isPattern(path)) return filesMatching(path);
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  if (found.isFile()) return [path];
  const names = await readdir(path, { withFileTypes: true });
  if (names.some((n) => !n.isFile() || !n.name.endsWith(".parquet"))) return null;
  return names.map((n) => join(path, n.name)).sort();
}

async function versionOf(path: string): Promise<string | null> {
  const found = await stat(path, { bigint: true }).catch(() => null);
  return found === null ? null : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
}

/** Footers that were read, by the path of their file, for as long as it has the same version. */
const known = new Map<string, ParquetFile>();
const KNOWN = 4096;

async function parquetFile(path: string): Promise<ParquetFile> {
  // Before the footer: what changes meanwhile is another version.
  const version = await versionOf(path);
  if (version === null) throw new Error(`the file ${path} is gone`);
  const before = known.get(path);
  if (before?.version === version) return before;
  const file = await readFooter(path, version);
  if (known.size >= KNOWN) known.clear();
  known.set(path, file);
  return file;
}

async function readFooter(path: string, version: string): Promise<ParquetFile> {
  const metadata = await metadataOf(path);
  const groups = metadata.row_groups.map((group) => Number(group.num_rows));
  return { path, version, groups, columns: columnsOf(metadata), ranges: rangesOf(metadata), decodable: decodableColumns(metadata) };
}

/** Of columns whose every row group says so. */
function rangesOf({ row_groups: groups }: FileMetaData): ReadonlyMap<string, ValueRange> {
  const ranges = new Map<string, ValueRange>();
  const unknown = new Set<string>();
  for (const { meta_data: chunk } of groups.flatMap((group) => group.columns)) {
    const [name = "", ...rest] = chunk?.path_in_schema ?? [];
    const { min_value: min, max_value: max } = chunk?.statistics ?? {};
    if (rest.length > 0 || !isNumber(min) || !isNumber(max)) unknown.add(name);
    else ranges.set(name, united(ranges.get(name), { min: Number(min), max: Number(max) }));
  }
  for (const name of unknown) ranges.delete(name);
  return ranges;
}

const isNumber = (value: unknown): boolean => typeof value === "number" || typeof value === "bigint";

const united = (a: ValueRange | undefined, b: ValueRange): ValueRange =>
  a === undefined ? b : { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };

/** The values of a column in all files; null where one of them does not say. */
export function rangeIn(files: readonly ParquetFile[], column: string): ValueRange | null {
  let range: ValueRange | undefined;
  for (const { ranges } of files) {
    const own = ranges.get(column);
    if (own === undefined) return null;
    range = united(range, own);
  }
  return range ?? null;
}

/** Leaves temporal values as they are written. */
const PHYSICAL = {
  dateFromDays: (days: number) => days,
  timestampFromMilliseconds: (value: bigint) => value,
  timestampFromMicroseconds: (value: bigint) => value,
  timestampFromNanoseconds: (value: bigint) => value,
};

async function metadataOf(path: string): Promise<FileMetaData> {
  const { parquetMetadataAsync } = await import("hyparquet");
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const slice = async (start: number, end = size): Promise<ArrayBuffer> => {
      const bytes = new Uint8Array(end - start);
      await readSpan(file, { at: start, bytes: bytes.length }, bytes);
      return bytes.buffer;
    };
    return await parquetMetadataAsync({ byteLength: size, slice }, { parsers: PHYSICAL });
  } finally {
    await file.close();
  }
}

/** What polars takes names and dtypes from. */
const columnsOf = ({ schema, key_value_metadata: metadata = [] }: FileMetaData): string =>
  JSON.stringify([schema, metadata.find(({ key }) => key === "ARROW:schema")?.value ?? null], (_, value) =>
    typeof value === "bigint" ? `${value}` : value,
  );
