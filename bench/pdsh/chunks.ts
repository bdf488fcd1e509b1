/** Cuts the generation of a table into chunks that any process can make: each knows where the stream of random numbers stands at its first row. */
import type { DataFrame } from "nodejs-polars";
import { type ColumnBuilder, type ColumnKinds, forgettingColumns, frameOf, realColumns } from "./frame.ts";
import { Random, type RandomState } from "./random.ts";

export const tableNames = ["customer", "lineitem", "nation", "orders", "part", "partsupp", "region", "supplier"] as const;
export type TableName = (typeof tableNames)[number];

type PerTable<T> = Readonly<Partial<Record<TableName, T>>>;

/** Makes the rows of one or two tables from one stream of random numbers, in key order. */
export interface TableGenerator {
  /** Name of the stream. */
  readonly stream: string;
  /** Rows of the smaller table at a scale factor. */
  keys(scale: number): number;
  /** Rows of the larger table for each of them, about. */
  readonly rowsForEachKey: number;
  /** The rows of the keys [first, end), counted from 0. `random` stands at `first` and is left at `end`, whatever columns `make` gives. */
  fill(random: Random, scale: number, first: number, end: number, make: ColumnKinds): PerTable<Readonly<Record<string, ColumnBuilder>>>;
}

/** Keys [first, end) of a table, the `number`th chunk from 0. */
export interface Chunk {
  readonly number: number;
  readonly first: number;
  readonly end: number;
  readonly state: RandomState;
}

/**
 * The chunks of about `rowsPerChunk` rows of the larger table, in order. Finding where the next one starts draws this one's random
 * numbers without making its rows, which costs about a tenth of making them.
 */
export function* chunksOf(table: TableGenerator, scale: number, seed: number, rowsPerChunk: number): Generator<Chunk, void, undefined> {
  const random = Random.seeded(seed, table.stream);
  const keys = table.keys(scale);
  const step = Math.ceil(rowsPerChunk / table.rowsForEachKey);
  for (let number = 0, first = 0; first < keys; number++, first += step) {
    const end = Math.min(keys, first + step);
    yield { number, first, end, state: random.state() };
    if (end < keys) table.fill(random, scale, first, end, forgettingColumns);
  }
}

/** The rows of a chunk. */
export function framesOf(table: TableGenerator, scale: number, chunk: Chunk): PerTable<DataFrame> {
  const columns = table.fill(new Random(chunk.state), scale, chunk.first, chunk.end, realColumns);
  return Object.fromEntries(Object.entries(columns).map(([name, made]) => [name, frameOf(made)]));
}
