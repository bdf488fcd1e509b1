/** Hand-written types of nodejs-polars' native classes: only what polars-webgpu calls. */
import type { Buffer } from "node:buffer";
import type { DataFrame, LazyDataFrame } from "nodejs-polars";

export type SerializeFormat = "json" | "bincode";

export interface NativeExpr {
  serialize(format: SerializeFormat): Buffer;
  toJs(): unknown;
}

export interface NativeSeries {
  readonly name: string;
  readonly dtype: unknown;
  len(): number;
  /** Values at u32 row numbers; null where the number is null. */
  takeWithSeries(rows: NativeSeries): NativeSeries;
  /** Renames this series. */
  rename(name: string): void;
}

/** A frame of columns; cheap to clone, its methods are synchronous. */
export interface NativeDataFrame {
  readonly columns: readonly string[];
  readonly height: number;
  readonly width: number;
  clone(): NativeDataFrame;
  lazy(): NativeLazyFrame;
  slice(offset: number, length: number): NativeDataFrame;
  nChunks(): number;
  /** The same rows in one chunk. */
  rechunk(): NativeDataFrame;
  /** This frame's rows, then the other's; same columns. */
  vstack(other: NativeDataFrame): NativeDataFrame;
  column(name: string): NativeSeries;
  getColumns(): NativeSeries[];
  estimatedSize(): number;
  frameEqual(other: NativeDataFrame, nullEqual: boolean): boolean;
  writeIpc(target: string | { write(chunk: Uint8Array): void }, compression: "uncompressed" | "lz4" | "zstd" | null): void;
  serialize(format: SerializeFormat): Buffer;
}

export type NativeEngine = "auto" | "in-memory" | "streaming" | "cpu";

/** A lazy plan. Every method that makes a plan returns a new one; `collect` runs on polars' own threads. */
export interface NativeLazyFrame {
  readonly columns: readonly string[];
  serialize(format: SerializeFormat): Buffer;
  toJs(): unknown;
  describePlan(): string;
  clone(): NativeLazyFrame;
  cache(): NativeLazyFrame;
  collect(): Promise<NativeDataFrame>;
  collectSync(engine: NativeEngine): NativeDataFrame;
  filter(predicate: NativeExpr): NativeLazyFrame;
  select(exprs: readonly NativeExpr[]): NativeLazyFrame;
  withColumns(exprs: readonly NativeExpr[]): NativeLazyFrame;
  groupby(by: readonly NativeExpr[], maintainOrder: boolean): NativeLazyGroupBy;
  join(
    other: NativeLazyFrame,
    leftOn: readonly NativeExpr[],
    rightOn: readonly NativeExpr[],
    allowParallel: boolean,
    forceParallel: boolean,
    how: string,
    suffix: string,
    coalesce: boolean | undefined,
    validate: string | undefined,
    nullsEqual: boolean | undefined,
    maintainOrder: string | undefined,
    buildSide: string | undefined,
  ): NativeLazyFrame;
  sortByExprs(
    by: readonly NativeExpr[],
    descending: readonly boolean[],
    nullsLast: readonly boolean[],
    maintainOrder: boolean,
    multithreaded: boolean,
  ): NativeLazyFrame;
  slice(offset: number, len: number): NativeLazyFrame;
  unique(subset: readonly (string | NativeExpr)[] | null, keep: string, maintainOrder: boolean): NativeLazyFrame;
  withRowIndex(name: string, offset: number): NativeLazyFrame;
  explode(columns: readonly NativeExpr[]): NativeLazyFrame;
  fillNan(value: NativeExpr): NativeLazyFrame;
  min(): NativeLazyFrame;
  max(): NativeLazyFrame;
  sum(): NativeLazyFrame;
  mean(): NativeLazyFrame;
  median(): NativeLazyFrame;
  rename(existing: readonly string[], replacements: readonly string[]): NativeLazyFrame;
  /** A plan that writes its rows to a file and gives none. */
  sinkIpc(path: string, options: Readonly<Record<string, unknown>>): NativeLazyFrame;
}

export interface NativeLazyGroupBy {
  agg(exprs: readonly NativeExpr[]): NativeLazyFrame;
}

/** `execute` returns an Error instead of throwing it. */
export interface NativeSqlContext {
  register(name: string, frame: NativeLazyFrame): void;
  unregister(name: string): void;
  execute(query: string): NativeLazyFrame | Error;
  getTables(): string[];
}

export interface NativeClass<T> {
  readonly prototype: T;
  [Symbol.hasInstance](value: unknown): boolean;
}
export interface DeserializableClass<T> extends NativeClass<T> {
  deserialize(bytes: Uint8Array, format: SerializeFormat): T;
}

/** What `nodejs-polars/bin/native-polars.js` exports; its properties are writable and looked up at every call. */
export interface NativePolars {
  JsExpr: DeserializableClass<NativeExpr>;
  JsDataFrame: DeserializableClass<NativeDataFrame> & { new (columns: readonly NativeSeries[]): NativeDataFrame };
  JsLazyFrame: DeserializableClass<NativeLazyFrame> & { cloneExternal(frame: NativeLazyFrame): NativeLazyFrame };
  JsLazyGroupBy: NativeClass<NativeLazyGroupBy>;
  JsSeries: NativeClass<NativeSeries> & {
    /** Those of typed arrays copy them as they are, NaNs bit by bit. */
    newInt32Array(name: string, values: Int32Array): NativeSeries;
    newUint32Array(name: string, values: Uint32Array): NativeSeries;
    newFloat32Array(name: string, values: Float32Array): NativeSeries;
    newFloat64Array(name: string, values: Float64Array): NativeSeries;
    newBigint64Array(name: string, values: BigInt64Array): NativeSeries;
    newBiguint64Array(name: string, values: BigUint64Array): NativeSeries;
    newOptStr(name: string, values: readonly (string | null)[], strict: boolean): NativeSeries;
  };
  readIpc(file: Buffer, options: Readonly<Record<string, unknown>>): NativeDataFrame;
  SqlContext: NativeClass<NativeSqlContext> & { new (): NativeSqlContext };
  col(name: string): NativeExpr;
  lit(value: unknown): NativeExpr;
  concatLf(
    frames: readonly NativeLazyFrame[],
    how: string,
    rechunk: boolean,
    parallel: boolean,
    toSupertypes: boolean,
    maintainOrder: boolean,
  ): NativeLazyFrame;
  scanIpc(path: string, options: Readonly<Record<string, unknown>>): NativeLazyFrame;
  version(): string;
}

/** Exports of `nodejs-polars/bin/lazy/dataframe.js`; the factory is looked up at every call, so it can be replaced. */
export interface LazyWrappers {
  _LazyDataFrame(native: NativeLazyFrame): LazyDataFrame;
}
/** Exports of `nodejs-polars/bin/dataframe.js`. */
export interface EagerWrappers {
  _DataFrame(native: NativeDataFrame): DataFrame;
}
