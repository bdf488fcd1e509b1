/** Where a query's data comes from: in-memory frames, files read by CPU polars or by threads of our own, and subtrees that CPU polars runs. */

import { InternalError } from "../errors.ts";
import type { Device } from "../gpu/device.ts";
import { describeExpr, type Expr } from "../ir/expr.ts";
import type { Cpu, Frame, Lookup, Scan } from "../ir/plan.ts";
import { FIRST_INPUT } from "../ir/plan.ts";
import type { Schema } from "../ir/schema.ts";
import { sameSchema } from "../ir/schema.ts";
import { selectivity } from "../ir/selectivity.ts";
import { planFromDsl } from "../polars/composing.ts";
import type { DslPlan, DslValue } from "../polars/dsl.ts";
import { isObject, isPlanTag, planNode, tag } from "../polars/dsl.ts";
import { parseExact } from "../polars/dsl-text.ts";
import { dtypeFromDsl } from "../polars/dtypes.ts";
import { runDsl } from "../polars/frames.ts";
import type { PolarsModule } from "../polars/module.ts";
import type { NativeDataFrame } from "../polars/native.ts";
import { quietly } from "../polars/quiet.ts";
import { oneRow } from "../polars/scalars.ts";
import { PROJECTION, zeroFrame } from "../polars/zero-frame.ts";
import { readFrame } from "./arrow-frames.ts";
import { slicesOf } from "./column-fill.ts";
import { exportFrame } from "./export.ts";
import { exprDsl } from "./expr-dsl.ts";
import { parsedExpr, rename, select } from "./host-dictionary.ts";
import type { ImportedBatch } from "./import.ts";
import { importFrame, importPlan, STREAM_ABOVE } from "./import.ts";
import { type Decoding, decodable, decodesAllOnDevice } from "./parquet/columns.ts";
import type { ParquetFile, PartOfFiles } from "./parquet/files.ts";
import { assertUnchanged, filesWithin, parquetFiles, rangeIn, rowsIn, rowsOfPart, scanOf } from "./parquet/files.ts";
import type { PartitionSize, Rows } from "./partitions.ts";
import { rowBytes, rowGroupRanges, rowsOfFiles, rowsOfFrames, rowsToRead, slicedRanges } from "./partitions.ts";
import { type Load, partOfFrame, type Residents, type SourcePart } from "./residents.ts";

export interface ImportedTable {
  readonly schema: Schema;
  readonly batches: readonly ImportedBatch[];
}

export interface ImportedPartitions {
  readonly partitions: number;
  /** About how many; null where only reading tells. */
  readonly rows: number | null;
  /** About which share of the rows a predicate left; 1 without one. */
  readonly kept: number;
  load(partition: number): Promise<ImportedTable>;
}

const planOf = (text: string): DslPlan => {
  const [name, payload] = tag(parseExact(text));
  if (!isPlanTag(name)) throw new InternalError(`${name} is not a plan node`);
  return planNode(name, isObject(payload) ? payload : {});
};

/** What the scan asks for of the rows of `files`; `slice`: of those that its predicate leaves. */
function askedOf(files: DslPlan, plan: Scan, slice: Scan["slice"]): DslPlan {
  let dsl = files;
  if (plan.predicate !== null) dsl = { Filter: { input: dsl, predicate: exprDsl(plan.predicate) } };
  if (slice !== null) dsl = { Slice: { input: dsl, offset: slice.offset, len: slice.length } };
  if (plan.schema.length === plan.fileSchema.length) return dsl;
  const columns: readonly DslValue[] = plan.schema.length > 0 ? plan.schema.map((f) => ({ Column: f.name })) : [{ Alias: ["Len", "rows"] }];
  return planNode("Select", { expr: columns, input: dsl, options: PROJECTION });
}

/** The only value of a frame that holds a row count, a UInt32. */
function countOf(frame: NativeDataFrame): number {
  const [count] = readFrame(frame)[0] ?? [];
  if (count === undefined) throw new InternalError("a count has no row");
  return new DataView(count.values.buffer, count.values.byteOffset).getUint32(0, true);
}

/** Share of its rows from which on all of a scan is read: the device decodes rows faster than CPU polars drops them, unless it passes over nearly all. */
const READ_WHOLE: Readonly<Record<Decoding, number>> = { threads: 0.3, device: 0.005 };

/** Decoded bytes from which on the device decodes: a page takes it some milliseconds, beside thousands of others or alone. */
const DECODED_BY_DEVICE = 3 << 24;

function releaseBatches(batches: readonly ImportedBatch[]): void {
  for (const { columns } of batches) for (const { buffer } of columns.values()) buffer.release();
}

const pairOf = <T>(name: string, value: T | undefined): readonly (readonly [string, T])[] => (value === undefined ? [] : [[name, value]]);

function onlyBatch(batches: readonly ImportedBatch[]): ImportedBatch {
  const [batch] = batches;
  if (batch === undefined || batches.length > 1) throw new InternalError(`${batches.length} batches in place of one`);
  return batch;
}

/** Data of one query. Every table is owned by the caller. */
export class PolarsSources {
  readonly #module: PolarsModule;
  readonly #device: Device;
  readonly #frames: ReadonlyMap<number, NativeDataFrame>;
  readonly #residents: Residents;
  readonly #size: PartitionSize;
  readonly #decoding: Decoding | "by size";
  readonly #files = new Map<string, Promise<readonly ParquetFile[] | null>>();

  constructor(
    module: PolarsModule,
    device: Device,
    frames: ReadonlyMap<number, NativeDataFrame>,
    residents: Residents,
    size: PartitionSize,
    decoding: Decoding | "by size",
  ) {
    this.#module = module;
    this.#device = device;
    this.#frames = frames;
    this.#residents = residents;
    this.#size = size;
    this.#decoding = decoding;
  }

  async frame(plan: Frame): Promise<ImportedTable> {
    const { schema } = plan;
    const frame = this.#frameOf(plan);
    const parts = slicesOf(frame.height, this.#maxRows(schema));
    const stays = (rows: Rows): boolean => this.#residents.keeps(partOfFrame(plan.source, frame, rows), schema);
    if (!parts.every(stays)) return { schema, batches: await this.#import(frame, schema) };
    return { schema, batches: await Promise.all(parts.map((rows) => this.#slice(plan, frame, rows))) };
  }

  #frameOf(plan: Frame): NativeDataFrame {
    const frame = this.#frames.get(plan.source);
    if (frame === undefined) throw new InternalError(`source ${plan.source} is not known`);
    return frame;
  }

  /** Reads with CPU polars: the predicate, then the slice, then the columns that are wanted. */
  async scan(plan: Scan): Promise<ImportedTable> {
    return this.#imported(plan, await this.#read(plan, plan.slice));
  }

  /** Where most bytes of most rows are wanted of Parquet files whose columns can be decoded here. */
  async readsWhole(plan: Scan, predicate: Expr): Promise<boolean> {
    if (plan.slice !== null) return false;
    const files = await this.#filesOf(plan);
    if (files === null) return false;
    const own = rowBytes(decodable(files, plan.schema));
    const rows = Math.min(rowsIn(files), rowsOfFiles(this.#size, plan.schema));
    const decoding = decodesAllOnDevice(files, plan.schema) ? this.#decodingOf(rows * own) : "threads";
    if (selectivity(predicate, (column) => rangeIn(files, column)) < READ_WHOLE[decoding]) return false;
    return rowsIn(files) * own > STREAM_ABOVE && own >= rowBytes(plan.schema) / 2;
  }

  #decodingOf(bytes: number): Decoding {
    if (this.#decoding !== "by size") return this.#decoding;
    return bytes < DECODED_BY_DEVICE ? "threads" : "device";
  }

  /** How the source is cut: frames by rows, Parquet files by row groups, other files by rows once they are read. */
  async partitions(plan: Frame | Scan): Promise<ImportedPartitions> {
    return plan.kind === "frame" ? this.#framePartitions(plan) : this.#scanPartitions(plan);
  }

  #framePartitions(plan: Frame): ImportedPartitions {
    const { schema } = plan;
    const frame = this.#frameOf(plan);
    return this.#slices(frame, schema, rowsOfFrames(this.#size, schema), (rows) => this.#slice(plan, frame, rows));
  }

  /** Rows of a frame in memory, which may be on the device already. */
  #slice({ source, schema }: Frame, frame: NativeDataFrame, rows: Rows): Promise<ImportedBatch> {
    return this.#resident(partOfFrame(source, frame, rows), schema, (fields) => this.#importRows(frame, fields, rows));
  }

  /** The part from the residents where it stays, by handles of the scope's own: what a query that fails still holds is given back. */
  async #resident(part: SourcePart, schema: Schema, load: Load): Promise<ImportedBatch> {
    if (!this.#residents.keeps(part, schema)) return load(schema);
    const { rows, columns } = await this.#residents.batch(part, schema, (fields) => this.#device.outsideScope(() => load(fields)));
    const lent = [...columns].map(([name, column]) => [name, { ...column, buffer: this.#device.borrow(column.buffer) }] as const);
    for (const { buffer } of columns.values()) buffer.release();
    return { rows, columns: new Map(lent) };
  }

  /** Parts of a frame on the host; `load`: one of them. */
  #slices(
    frame: NativeDataFrame,
    schema: Schema,
    maxRows: number,
    load: (part: Rows) => Promise<ImportedBatch> = (part) => this.#importRows(frame, schema, part),
  ): ImportedPartitions {
    const slices = slicesOf(frame.height, maxRows);
    return {
      partitions: slices.length,
      rows: frame.height,
      kept: 1,
      load: async (partition) => ({ schema, batches: [await load(slices[partition] ?? { offset: 0, length: 0 })] }),
    };
  }

  async #importRows(frame: NativeDataFrame, schema: Schema, { offset, length }: Rows): Promise<ImportedBatch> {
    const part = length === frame.height ? frame : quietly(() => frame.slice(offset, length));
    return onlyBatch(await importFrame(this.#module.native, this.#device, part, schema, Number.MAX_SAFE_INTEGER));
  }

  /** The Parquet files of a scan as they were when first asked for; null where they are not to be read one by one. */
  #filesOf(plan: Scan): Promise<readonly ParquetFile[] | null> {
    const known = this.#files.get(plan.dsl) ?? parquetFiles(plan).catch(() => null);
    this.#files.set(plan.dsl, known);
    return known;
  }

  async #scanPartitions(plan: Scan): Promise<ImportedPartitions> {
    const maxRows = rowsOfFiles(this.#size, plan.schema);
    const separable = plan.predicate === null || plan.slice === null;
    const files = separable ? await this.#filesOf(plan) : null;
    if (files === null) {
      const frame = await this.#read(plan, plan.slice);
      if (plan.schema.length > 0) return this.#slices(frame, plan.schema, maxRows);
      const table = this.#imported(plan, frame);
      return { partitions: 1, rows: null, kept: 1, load: () => table };
    }
    const kept = plan.predicate === null ? 1 : selectivity(plan.predicate, (column) => rangeIn(files, column));
    const ranges = slicedRanges(
      rowGroupRanges(
        files.map((file) => file.groups),
        rowsToRead(maxRows, kept),
      ),
      plan.slice,
    );
    return {
      partitions: ranges.length,
      rows: Math.ceil(kept * ranges.reduce((n, r) => n + r.length, 0)),
      kept,
      load: (partition) => this.#filePart(plan, files, ranges[partition] ?? { offset: 0, length: 0 }, kept),
    };
  }

  /** What the scan leaves of some rows of Parquet files, which may be on the device already. */
  async #filePart(plan: Scan, files: readonly ParquetFile[], range: Rows, kept: number): Promise<ImportedTable> {
    const own = filesWithin(files, range);
    const rows = Math.ceil(kept * range.length);
    const sourceRows = Math.ceil(kept * rowsIn(files));
    const read = async (fields: Schema): Promise<readonly ImportedBatch[]> => {
      const batches = (await this.#decoded(plan, own, fields)) ?? (await this.#readPart(plan, own, rows, fields));
      return assertUnchanged(own).then(
        () => batches,
        (error: unknown) => {
          releaseBatches(batches);
          throw error;
        },
      );
    };
    const { schema } = plan;
    const predicate = plan.predicate === null ? "" : describeExpr(plan.predicate);
    const versions = own.files.map(({ path, version }) => `${path} ${version}`);
    const part = { key: [plan.dsl, predicate, own.start, JSON.stringify(own.rows), ...versions].join("\n"), frame: null, rows, sourceRows };
    const isOneBatch = range.length <= this.#maxRows(schema);
    if (!isOneBatch || !this.#residents.keeps(part, schema)) return { schema, batches: await read(schema) };
    return { schema, batches: [await this.#resident(part, schema, async (fields) => onlyBatch(await read(fields)))] };
  }

  /** Some columns of a part of Parquet files, of about `rows` rows, by CPU polars. */
  async #readPart(plan: Scan, part: PartOfFiles, rows: number, schema: Schema): Promise<readonly ImportedBatch[]> {
    const asked = { ...plan, schema };
    const dsl = askedOf(scanOf(plan, part), asked, null);
    const { batches } = await (rows * rowBytes(schema) > STREAM_ABOVE && schema.length > 0
      ? this.#streamed(asked, dsl)
      : runDsl(this.#module, dsl, new Map()).then((frame) => this.#imported(asked, frame)));
    return batches;
  }

  /** As `#readPart`, large columns of all rows by our own threads and the others by CPU polars beside them; null where that is not possible. */
  async #decoded(plan: Scan, part: PartOfFiles, schema: Schema): Promise<readonly ImportedBatch[] | null> {
    const rows = rowsOfPart(part);
    const own = plan.predicate === null && rows <= this.#maxRows(schema) ? decodable(part.files, schema) : [];
    if (rows * rowBytes(own) <= STREAM_ABOVE || own.length === 0) return null;
    const others = schema.filter((field) => !own.includes(field));
    const { importDecoded } = await import("./parquet/decoded-import.ts");
    const [values, rest] = await Promise.allSettled([
      importDecoded(this.#module.native, this.#device, part, own, this.#decodingOf(rows * rowBytes(own))),
      others.length === 0 ? [{ rows, columns: new Map() }] : this.#readPart(plan, part, rows, others),
    ]);
    const mine = values.status === "fulfilled" ? values.value : null;
    const theirs = rest.status === "fulfilled" ? rest.value : [];
    const [only] = theirs;
    if (mine !== null && theirs.length === 1 && only?.rows === mine.rows) {
      const columns = new Map([...mine.columns, ...only.columns]);
      return [{ rows, columns: new Map(schema.flatMap(({ name }) => pairOf(name, columns.get(name)))) }];
    }
    releaseBatches(mine === null ? theirs : [mine, ...theirs]);
    for (const result of [values, rest]) if (result.status === "rejected") throw result.reason;
    return null;
  }

  async #imported(plan: Scan, frame: NativeDataFrame): Promise<ImportedTable> {
    if (plan.schema.length === 0) return { schema: plan.schema, batches: this.#rowsAlone(countOf(frame)) };
    return { schema: plan.schema, batches: await this.#import(frame, plan.schema) };
  }

  /** Large data goes to the device while it is read. */
  async #streamed(plan: Scan, dsl: DslPlan): Promise<ImportedTable> {
    const { native } = this.#module;
    const lazy = quietly(() => planFromDsl(native, dsl, new Map()));
    const options = { separable: plan.predicate === null, repeatable: true };
    return { schema: plan.schema, batches: await importPlan(native, this.#device, lazy, plan.schema, this.#maxRows(plan.schema), options) };
  }

  #read(plan: Scan, slice: Scan["slice"]): Promise<NativeDataFrame> {
    return runDsl(this.#module, askedOf(planOf(plan.dsl), plan, slice), new Map());
  }

  async cpu(plan: Cpu, inputs: readonly ImportedTable[]): Promise<ImportedTable> {
    const frame = await this.cpuFrame(plan, inputs);
    return { schema: plan.schema, batches: await this.#import(frame, plan.schema) };
  }

  /** The result of a CPU subtree as a frame on the host. */
  async cpuFrame(plan: Cpu, inputs: readonly ImportedTable[]): Promise<NativeDataFrame> {
    const frames = new Map(this.#frames);
    for (const [i, input] of inputs.entries())
      frames.set(FIRST_INPUT + i, await exportFrame(this.#module.native, this.#device, input.batches, input.schema));
    const dsl = planOf(plan.dsl);
    const used = [...frames].filter(([id]) => plan.dsl.includes(`{"Source":${id}}`));
    return runDsl(this.#module, dsl, new Map(used));
  }

  /**
   * The outputs of a lookup for each row of the batches; one dictionary for all of them. `several`: a single row stands for more than one.
   * @throws what polars throws, and where the values decide the dtype.
   */
  async lookup(plan: Lookup, batches: readonly ImportedBatch[], several: boolean): Promise<readonly ImportedBatch[]> {
    const { native } = this.#module;
    const args = plan.input.schema.filter((f) => plan.args.includes(f.name));
    const asked = args.length === 0 ? oneRow(native) : await exportFrame(native, this.#device, batches, args);
    const alone = several && asked.height === 1;
    const exprs = plan.outputs.map(({ name, dsl }) => rename(parsedExpr(dsl), name));
    const answered = await select(native, alone ? quietly(() => asked.vstack(asked)) : asked, exprs);
    const answer = alone ? quietly(() => answered.slice(0, 1)) : answered;
    const outputs: Schema = plan.outputs.map(({ name, dtype }) => ({ name, dtype }));
    const given: Schema = zeroFrame(answer).fields.map(([name, dtype]) => ({ name, dtype: dtypeFromDsl(dtype) }));
    if (!sameSchema(outputs, given)) throw new Error("an expression has another dtype over values than over none");
    return importFrame(
      native,
      this.#device,
      answer,
      outputs,
      batches.map((b) => b.rows),
    );
  }

  /** Batches without columns. */
  #rowsAlone(rows: number): readonly ImportedBatch[] {
    return slicesOf(rows, this.#maxRows([])).map(({ length }) => ({ rows: length, columns: new Map() }));
  }

  /** Rows of a batch of whatever is not cut into partitions. */
  #maxRows(schema: Schema): number {
    return rowsOfFrames(this.#size, schema);
  }

  #import(frame: NativeDataFrame, schema: Schema): Promise<readonly ImportedBatch[]> {
    return importFrame(this.#module.native, this.#device, frame, schema, this.#maxRows(schema));
  }
}
