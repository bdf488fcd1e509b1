/** Frames on their way to a file: each in an Arrow IPC file on disk, read back by CPU polars a few rows at a time. */

import { DeviceError, InternalError } from "../errors.ts";
import { planFromDsl } from "../polars/composing.ts";
import { type DslObject, isObject, tag } from "../polars/dsl.ts";
import { parseExact } from "../polars/dsl-text.ts";
import type { NativeDataFrame, NativeLazyFrame, NativePolars } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import { ScratchFolder } from "./scratch-folder.ts";

const OPTIONS = { compatLevel: "newest", compression: "uncompressed", syncOnClose: "none", maintainOrder: true, mkdir: false } as const;

export class ScratchFrames {
  readonly #native: NativePolars;
  readonly #folder = ScratchFolder.onDisk();
  /** Files by the number of their frame. */
  readonly #files = new Map<number, string>();

  constructor(native: NativePolars) {
    this.#native = native;
  }

  /** Writes a frame on polars' own threads; frames come in any order. */
  async write(frame: NativeDataFrame, number: number): Promise<void> {
    const path = this.#folder.path();
    if (path === null) throw new DeviceError("no room for the parts of a file in the folder for temporary files");
    try {
      await quietly(() => frame.lazy().sinkIpc(path, OPTIONS).collect());
    } catch (error) {
      throw new DeviceError(`a part of a file could not be put aside: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#files.set(number, path);
  }

  /** All rows in the order of their frames; at least one frame was written. */
  scan(): NativeLazyFrame {
    const paths = [...this.#files].sort(([a], [b]) => a - b).map(([, path]) => path);
    const [first] = paths;
    if (first === undefined) throw new InternalError("a result without a partition");
    return quietly(() => {
      const [, scan] = tag(parseExact(this.#native.scanIpc(first, {}).serialize("json").toString()));
      if (!isObject(scan)) throw new InternalError("a scan is not a plan node");
      return planFromDsl(this.#native, { Scan: ofFiles(scan, paths) });
    });
  }

  remove(): void {
    this.#folder.remove();
  }
}

/** The scan over other files, whose paths mean nothing but themselves. */
function ofFiles(scan: DslObject, paths: readonly string[]): DslObject {
  const args = isObject(scan.unified_scan_args) ? scan.unified_scan_args : {};
  const hive = isObject(args.hive_options) ? args.hive_options : {};
  return {
    ...scan,
    sources: { Paths: paths.map((path) => ({ inner: path })) },
    unified_scan_args: { ...args, glob: false, hive_options: { ...hive, enabled: false } },
  };
}
