/** Sinks of nodejs-polars: where the file goes, and the same call once more on other rows or to another place. */

import { isObject, tag, tagOf } from "./dsl.ts";
import { parseDsl } from "./dsl-text.ts";
import type { NativeLazyFrame, NativePolars } from "./native.ts";
import { quietly } from "./quiet.ts";

/** A call of `sinkParquet` and its like as the user made it. */
export interface SinkCall {
  /** The plan whose rows are written. */
  readonly input: NativeLazyFrame;
  readonly path: string;
  /** The sink with the user's own options over other rows, to another file. */
  over(rows: NativeLazyFrame, path: string): NativeLazyFrame;
  /** As `over`, to a file in a folder that is there: none is made, not even where polars opens the file after the folder has gone. */
  staged(rows: NativeLazyFrame, path: string): NativeLazyFrame;
}

/** The file that a sink makes. */
export interface SinkFile {
  /** In polars' words: `Parquet`, say. */
  readonly format: string;
  readonly path: string;
  /** Whether polars makes the folders of the path. */
  readonly mkdir: boolean;
  /** How files of this format and compression end, without a leading dot. */
  readonly extension: string;
  /** Why only CPU polars knows what becomes of it; null for a file of this machine. */
  readonly unusual: string | null;
}

const COMPRESSED: Readonly<Record<string, string>> = { Gzip: ".gz", Zstd: ".zst" };
/** Formats whose files are compressed as a whole, which polars wants to see in their names. */
const AS_A_WHOLE: ReadonlySet<string> = new Set(["Csv", "NDJson"]);

/** Reads what the call asks for, as polars understood it. */
export function sinkFile(native: NativePolars, { path, over }: SinkCall): SinkFile {
  const text = quietly(() => over(new native.JsDataFrame([]).lazy(), path).serialize("json").toString());
  const [, payload] = tag(parseDsl(text));
  const [kind, sink] = (isObject(payload) ? tagOf(payload.payload) : undefined) ?? ["?", null];
  if (kind !== "File" || !isObject(sink)) return { ...unknown, path, unusual: `a ${kind.toLowerCase()} sink` };
  const [format, options] = tagOf(sink.file_format) ?? ["?", null];
  const args = isObject(sink.unified_sink_args) ? sink.unified_sink_args : {};
  const [compression] = (isObject(options) ? tagOf(options.compression) : undefined) ?? [""];
  const suffix = AS_A_WHOLE.has(format) ? (COMPRESSED[compression] ?? "") : "";
  const target = isObject(sink.target) ? sink.target.inner : null;
  const file = { format, path, mkdir: args.mkdir === true, extension: `${format.toLowerCase()}${suffix}`, unusual: null };
  if (target !== path) return { ...file, unusual: "a sink to something else than a path" };
  if (args.cloud_options !== null || /^[a-z][a-z0-9+.-]+:/i.test(path)) return { ...file, unusual: "a sink to a URL" };
  if (path.startsWith("~")) return { ...file, unusual: "a sink to a path that starts with ~" };
  if (args.sinked_paths_callback !== null) return { ...file, unusual: "a sink that tells its paths" };
  return file;
}

const unknown = { format: "", mkdir: false, extension: "" };
