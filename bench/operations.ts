/** The operators that are measured one by one, each over the same columns, and the bytes that it has to move at least. */
import pl, { type DataFrame, type LazyDataFrame } from "nodejs-polars";
import { ascending, floats, keys32, keys64, numbers, positions } from "./columns.ts";

/** Distinct keys of the group-by and rows of the dimension that is joined. */
const KEYS = 1_000_000;

/** The frames that the operators read: `fact` has the rows, `dimension` one row for each key. */
export interface Frames<F> {
  readonly fact: F;
  readonly dimension: F;
}

export interface Operation {
  readonly name: string;
  build(frames: Frames<LazyDataFrame>): LazyDataFrame;
  /** Whether polars fixes the order of the result's rows; else they are compared in the order of the first column. */
  readonly ordered: boolean;
  /** Bytes that are read once and written once, of `rows` rows of which `results` come out, beside a dimension of `keys` rows. */
  bytes(rows: number, results: number, keys: number): number;
}

/** Columns of the fact table by the seed that they are drawn with. */
const COLUMNS = {
  x: (rows: number) => floats("x", rows, 1),
  y: (rows: number) => floats("y", rows, 2),
  i32: (rows: number) => keys32("i32", rows, 3),
  i64: (rows: number) => keys64("i64", rows, 4),
  key: (rows: number) => numbers("key", rows, keysOf(rows), 5),
  at: (rows: number) => positions("at", rows, rows, 6),
} as const;

export type ColumnName = keyof typeof COLUMNS;

export const ALL_COLUMNS: readonly ColumnName[] = ["x", "y", "i32", "i64", "key", "at"];

/** Fewer keys where there are few rows, so that keys repeat. */
const keysOf = (rows: number): number => Math.max(1, Math.min(KEYS, Math.floor(rows / 8)));

export const makeFrames = (rows: number, columns: readonly ColumnName[]): Frames<DataFrame> => ({
  fact: pl.DataFrame(columns.map((name) => COLUMNS[name](rows))),
  dimension: pl.DataFrame([ascending("key", keysOf(rows)), floats("weight", keysOf(rows), 7)]),
});

/** A result with its rows in the order in which they are compared. */
export const inOrder = ({ ordered }: Operation, frame: DataFrame): DataFrame => (ordered ? frame : frame.sort(frame.columns.slice(0, 1)));

const x = pl.col("x");
const y = pl.col("y");

export const filter: Operation = {
  name: "filter",
  build: ({ fact }) => fact.filter(y.lt(0.5)).select("x"),
  ordered: true,
  bytes: (rows, results) => 16 * rows + 8 * results,
};

const map: Operation = {
  name: "map",
  build: ({ fact }) => fact.select(x.mul(y).plus(x).minus(y.mul(0.5)).alias("z")),
  ordered: true,
  bytes: (rows) => 24 * rows,
};

const sum: Operation = {
  name: "sum",
  build: ({ fact }) => fact.select(x.sum()),
  ordered: true,
  bytes: (rows) => 8 * rows,
};

const cumulativeSum: Operation = {
  name: "cumulative sum",
  build: ({ fact }) => fact.select(x.cumSum()),
  ordered: true,
  bytes: (rows) => 16 * rows,
};

const gather: Operation = {
  name: "gather",
  build: ({ fact }) => fact.select(x.gather(pl.col("at"))),
  ordered: true,
  bytes: (rows) => 20 * rows,
};

const sort32: Operation = {
  name: "sort i32",
  build: ({ fact }) => fact.select("i32", "x", "y").sort("i32"),
  ordered: true,
  bytes: (rows) => 40 * rows,
};

export const sort64: Operation = {
  name: "sort i64",
  build: ({ fact }) => fact.select("i64", "x", "y").sort("i64"),
  ordered: true,
  bytes: (rows) => 48 * rows,
};

export const groupBy: Operation = {
  name: "group-by",
  build: ({ fact }) => fact.groupBy("key").agg(x.sum().alias("sum"), y.mean().alias("mean")),
  ordered: false,
  bytes: (rows, results) => 24 * rows + 24 * results,
};

export const join: Operation = {
  name: "join",
  build: ({ fact, dimension }) =>
    fact
      .select("key", "x")
      .join(dimension, { on: "key" })
      .select(x.mul(pl.col("weight")).sum().alias("sum")),
  ordered: true,
  bytes: (rows, _, keys) => 16 * rows + 16 * keys,
};

const distinct: Operation = {
  name: "n_unique",
  build: ({ fact }) => fact.select(pl.col("key").nUnique()),
  ordered: true,
  bytes: (rows) => 8 * rows,
};

export const OPERATIONS: readonly Operation[] = [filter, map, sum, cumulativeSum, gather, sort32, sort64, groupBy, join, distinct];
