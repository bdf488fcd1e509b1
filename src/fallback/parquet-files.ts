/** The local Parquet files that a scan reads, one by one: their row groups, and the scan of some of them, as they were when it was planned. */

import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type FileMetaData, parquetMetadataAsync } from "hyparquet";
import { InternalError } from "../errors.ts";
import type { Scan } from "../ir/plan.ts";
import type { ValueRange } from "../ir/selectivity.ts";
import { type DslObject, type DslPlan, type DslValue, isList, isObject, planNode, tag } from "../polars/dsl.ts";
import { parseExact } from "../polars/dsl-text.ts";
import type { Rows } from "./partitions.ts";
import { filesMatching, isPattern } from "./path-pattern.ts";

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
}

/** The files in the order in which polars reads them; null where a scan of some of them could give other rows or columns than the scan of all. */
export async function parquetFiles(plan: Scan): Promise<readonly ParquetFile[] | null> {
  const paths = plan.format.toLowerCase() === "parquet" ? localPaths(payloadOf(plan)) : null;
  if (paths === null) return null;
  const files: ParquetFile[] = [];
  for (const path of paths) {
    const found = await filesAt(path);
    if (found === null) return null;
    for (const file of found) files.push(await parquetFile(file));
  }
  const [first] = files;
  return first !== undefined && files.every(({ columns }) => columns === first.columns) ? files : null;
}

/** The files that rows of all of them are in, and the first one's first row. */
export interface PartOfFiles {
  readonly files: readonly ParquetFile[];
  readonly start: number;
}

/** At least one file. */
export function filesWithin(files: readonly ParquetFile[], { offset, length }: Rows): PartOfFiles {
  const own: ParquetFile[] = [];
  let first = 0;
  let row = 0;
  for (const file of files) {
    const end = file.groups.reduce((n, rows) => n + rows, row);
    if (end > offset && row < offset + length) {
      if (own.length === 0) first = row;
      own.push(file);
    }
    row = end;
  }
  return own.length === 0 ? { files: files.slice(0, 1), start: offset } : { files: own, start: first };
}

/** The scan of these files alone, whose rows are numbered as in the scan of all. */
export function scanOf(plan: Scan, { files, start }: PartOfFiles): DslPlan {
  const payload = payloadOf(plan);
  const { unified_scan_args: args } = payload;
  if (!isObject(args)) throw new InternalError("a scan without arguments");
  const { row_index: numbered } = args;
  const index: DslValue = isObject(numbered) ? { ...numbered, offset: Number(numbered.offset) + start } : null;
  const plain = pathsOf(payload)?.every((path) => typeof path === "string") === true;
  const paths = files.map(({ path }): DslValue => (plain ? path : { inner: path }));
  return planNode("Scan", {
    ...payload,
    sources: { Paths: paths },
    unified_scan_args: { ...args, glob: false, row_index: index },
  });
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

/** The paths that a scan names; null where it is not about files on this machine, or says where rows come from. */
function localPaths(payload: DslObject): readonly string[] | null {
  const { unified_scan_args: args } = payload;
  const paths = pathsOf(payload);
  if (paths === null || !isObject(args)) return null;
  const { include_file_paths: names = null, deletion_files: deleted = null, hive_options: hive } = args;
  if (names !== null || deleted !== null || (isObject(hive) && hive.enabled === true)) return null;
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

async function parquetFile(path: string): Promise<ParquetFile> {
  // Before the footer: what changes meanwhile is another version.
  const version = await versionOf(path);
  if (version === null) throw new Error(`the file ${path} is gone`);
  const metadata = await metadataOf(path);
  const groups = metadata.row_groups.map((group) => Number(group.num_rows));
  return { path, version, groups, columns: columnsOf(metadata), ranges: rangesOf(metadata) };
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
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const slice = async (start: number, end = size): Promise<ArrayBuffer> => {
      const bytes = new Uint8Array(end - start);
      await file.read(bytes, 0, bytes.length, start);
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
