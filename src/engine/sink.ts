/** Sinks: CPU polars writes the rows that a plan gives, a few partitions at a time, to files that get their names when they are whole. */

import { lstatSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Config } from "../config.ts";
import { InternalError, InvalidPlanError } from "../errors.ts";
import { Destination, fileName, fileRefusal, newRefusal, type Refusal } from "../fallback/destination.ts";
import type { NodeReport } from "../fallback/report.ts";
import { dropFolder, newFolder } from "../fallback/scratch-folder.ts";
import { ScratchFrames } from "../fallback/scratch-frames.ts";
import type { PolarsModule } from "../polars/module.ts";
import type { NativeDataFrame, NativeLazyFrame } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import { type SinkCall, type SinkFile, sinkFile } from "../polars/sink.ts";
import type { Receive, Receiver } from "./receiver.ts";

export interface Sink {
  readonly module: PolarsModule;
  readonly call: SinkCall;
  readonly file: SinkFile;
  /** Whether each partition gets a file of its own, in a directory at the path. */
  readonly directory: boolean;
}

export function sinkOf(module: PolarsModule, call: SinkCall, { executor, executorOptions }: Config): Sink {
  const directory = executor === "streaming" && executorOptions.sinkToDirectory;
  return { module, call, file: sinkFile(module.native, call), directory };
}

/** The node as `explain` names it. */
export const sinkName = ({ file }: Sink): string => `${file.format.toUpperCase()} SINK`;

export const sinkReport = (sink: Sink): NodeReport => ({ name: sinkName(sink), where: "CPU", reason: "files are written by CPU polars" });

/**
 * Why CPU polars has to answer: the place, or what polars itself says to the options and columns, tried without a row.
 * @throws InvalidPlanError where a directory is to be made out of what exists already.
 */
export async function sinkRefusal(sink: Sink, empty: NativeDataFrame | null): Promise<Refusal | null> {
  const refusal = placeRefusal(sink);
  if (refusal !== null || empty === null) return refusal;
  if (empty.width === 0) return { reason: "a sink of no columns", quiet: false };
  const folder = rehearsalFolder();
  if (folder === null) return null;
  try {
    await written(sink, lazy(empty), join(folder, nameOf(sink)));
    return null;
  } catch (error) {
    return { reason: messageOf(error), quiet: true };
  } finally {
    dropFolder(folder);
  }
}

function rehearsalFolder(): string | null {
  try {
    return newFolder(join(tmpdir(), "polars-webgpu-"));
  } catch {
    // What polars thinks of the sink shows when the rows are there.
    return null;
  }
}

function placeRefusal({ file: { path, mkdir }, directory }: Sink): Refusal | null {
  try {
    if (!directory || path === "") return fileRefusal(path, mkdir);
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return newRefusal(path, mkdir);
  } catch (error) {
    return { reason: messageOf(error), quiet: true };
  }
  throw new InvalidPlanError(
    `Trying to sink to an existing path: ${path}. Writing to an existing path is not supported when sinking to a directory. Please remove it before calling 'collect'.`,
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const written = ({ call }: Sink, rows: NativeLazyFrame, path: string): Promise<NativeDataFrame> =>
  quietly(() => call.staged(rows, path).collect());

const lazy = (frame: NativeDataFrame): NativeLazyFrame => quietly(() => frame.lazy());

/** As cudf-polars names them: numbers of one width. */
const partName = ({ file }: Sink, partition: number, partitions: number): string =>
  `part.${String(partition).padStart(Math.ceil(Math.log10(partitions)), "0")}.${file.extension}`;

/** What polars is to take the only file of a sink for: the name decides what it accepts. */
const nameOf = (sink: Sink): string => (sink.directory ? partName(sink, 0, 1) : basename(sink.file.path));

/** Writes what a run gives; an aborted sink leaves nothing behind. */
export const sinkReceiver = (sink: Sink, signal: AbortSignal | null): Receive =>
  sink.directory ? (partitions) => new PartFiles(sink, signal, partitions) : (partitions) => new OneFile(sink, signal, partitions);

/** A directory with a file for each partition, as soon as it is there. */
class PartFiles implements Receiver {
  readonly #sink: Sink;
  readonly #signal: AbortSignal | null;
  readonly #partitions: number;
  readonly #destination: Destination;
  #last: NativeDataFrame | null = null;

  constructor(sink: Sink, signal: AbortSignal | null, partitions: number) {
    this.#sink = sink;
    this.#signal = signal;
    this.#partitions = partitions;
    this.#destination = Destination.directory(sink.file.path);
  }

  async take(frame: NativeDataFrame, partition: number): Promise<void> {
    const name = partName(this.#sink, partition, this.#partitions);
    this.#last = await written(this.#sink, lazy(frame), this.#destination.staged(name));
    this.#destination.publish(name, name);
  }

  async end(): Promise<NativeDataFrame> {
    this.#signal?.throwIfAborted();
    this.#destination.keep();
    return given(this.#last);
  }

  close(): void {
    this.#destination.close();
  }
}

/** One file; several partitions go through files on disk, so that the host holds a few of them at once. */
class OneFile implements Receiver {
  readonly #sink: Sink;
  readonly #signal: AbortSignal | null;
  readonly #destination: Destination;
  readonly #scratch: ScratchFrames | null;
  #result: NativeDataFrame | null = null;

  constructor(sink: Sink, signal: AbortSignal | null, partitions: number) {
    this.#sink = sink;
    this.#signal = signal;
    this.#destination = Destination.file(sink.file.path);
    this.#scratch = partitions === 1 ? null : new ScratchFrames(sink.module.native);
  }

  async take(frame: NativeDataFrame, partition: number): Promise<void> {
    if (this.#scratch === null) await this.#write(lazy(frame));
    else if (partition === 0 || frame.height > 0) await this.#scratch.write(frame, partition);
  }

  async end(): Promise<NativeDataFrame> {
    if (this.#scratch !== null) await this.#write(this.#scratch.scan());
    this.#signal?.throwIfAborted();
    this.#destination.publish(nameOf(this.#sink), fileName(this.#sink.file.path));
    this.#destination.keep();
    return given(this.#result);
  }

  close(): void {
    this.#scratch?.remove();
    this.#destination.close();
  }

  async #write(rows: NativeLazyFrame): Promise<void> {
    if (this.#result !== null) throw new InternalError("a result of one partition has more");
    this.#result = await written(this.#sink, rows, this.#destination.staged(nameOf(this.#sink)));
  }
}

function given(result: NativeDataFrame | null): NativeDataFrame {
  if (result === null) throw new InternalError("a result without a partition");
  return result;
}

/** The whole query by CPU polars, `run`, through the same door: what fails leaves nothing behind and what was there untouched. */
export async function sinkOnCpu<T>(sink: Sink, run: (plan?: NativeLazyFrame) => Promise<T>): Promise<T> {
  const { call, file, directory } = sink;
  if (file.unusual !== null || placeRefusal(sink) !== null) return run();
  const destination = directory ? Destination.directory(file.path) : Destination.file(file.path);
  const staged = destination.staged(nameOf(sink));
  try {
    const result = await run(call.staged(call.input, staged));
    destination.publish(nameOf(sink), directory ? nameOf(sink) : fileName(file.path));
    destination.keep();
    return result;
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(staged, file.path);
    throw error;
  } finally {
    destination.close();
  }
}
